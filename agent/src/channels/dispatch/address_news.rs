//! What becomes of addresses, told to whoever has them in their contacts: nobody finds another machine behind one unawares,
//! and nobody loses one without a word.

use std::time::{Duration, Instant};

use dialogue::reply::Phrase;
use jiff::Timestamp;

use super::Dispatcher;
use crate::channels::xmpp::said::Said;
use crate::host::{EventKind, HostEvent};
use crate::people::addresses::{Entity, KEPT, News, Record};

/// Of an address that goes from one machine to the next and the next, this is told so often.
const TOLD_AGAIN: Duration = Duration::from_secs(600);

impl Dispatcher {
    /// Brings addresses in line with what was heard; gives what is to be told besides the event itself.
    pub(super) fn addresses(&self, event: &HostEvent) -> Vec<News> {
        match (&event.machine, event.kind) {
            (Some((id, _)), _) => {
                let mut news = self.board.sync_machine(id);
                // That it is gone, or elsewhere, is what the event says.
                news.retain(|news| !matches!(news, News::Gone(..) | News::Moved(..)));
                news
            }
            (None, EventKind::HostRead | EventKind::HostBack) => self.board.sync(),
            (None, _) => Vec::new(),
        }
    }

    /// Addresses that nobody needs any more are let go, though nothing happens on the hosts. Called every hour.
    pub(crate) fn tidy_addresses(&self) {
        self.tell_news(self.board.sync());
    }

    /// Tells those who have an address in their contacts what became of it.
    pub(crate) fn tell_news(&self, news: Vec<News>) {
        for news in news {
            match news {
                News::Gone(local, record) => self.tell_watchers(&local, &self.gone(&record)),
                News::Back(local) => self.handle.presence_changed(Some(&local)),
                News::Freed(local) => self.handle.forget(Some(&local)),
                News::Moved(local, record) => {
                    let phrase = Phrase::common("address_moved").with("name", &record.name);
                    let host = record.entity.hypervisor().unwrap_or_default();
                    self.tell_watchers(&local, &phrase.with("host", host));
                }
                News::TakenOver(local, record) if self.may_tell_again(&local) => {
                    let Entity::Machine(id) = &record.entity else { continue };
                    let phrase = Phrase::common("address_taken_over").with("name", &record.name);
                    self.tell_watchers(&local, &phrase.with("uuid", id.uuid.to_string()));
                }
                News::TakenOver(local, _) => self.handle.presence_changed(Some(&local)),
            }
        }
    }

    /// Why it is gone, and until when its address answers.
    fn gone(&self, record: &Record) -> Phrase {
        let host = record.entity.hypervisor().unwrap_or_default();
        let configured = self.host.hypervisors().iter().any(|hypervisor| hypervisor.name == host);
        let until = record.gone.unwrap_or_else(Timestamp::now).saturating_add(KEPT).unwrap_or(Timestamp::MAX);
        Phrase::common(if configured { "address_gone" } else { "address_unconfigured" })
            .with("name", &record.name)
            .with("host", host)
            .with("until", until)
    }

    fn tell_watchers(&self, local: &str, phrase: &Phrase) {
        self.handle.presence_changed(Some(local));
        for person in self.handle.subscribers(Some(local)) {
            let text = self.text_for(&person, phrase);
            self.send(Said::alert(Some(local), &person, text));
        }
    }

    fn may_tell_again(&self, local: &str) -> bool {
        let mut told = self.taken_over.lock();
        told.retain(|_, at| at.elapsed() < TOLD_AGAIN);
        let first = !told.contains_key(local);
        told.entry(local.to_owned()).or_insert_with(Instant::now);
        first
    }
}
