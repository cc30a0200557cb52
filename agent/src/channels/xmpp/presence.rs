//! What entities look like in contact lists: derived from what the directory
//! says, sent on change only.
//!
//! A machine that flaps between two states would flood everybody's list, so a
//! change waits a moment for the next one, and an entity changes its look at
//! most every two seconds; what is shown last is always what is true last.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::{Duration, Instant};
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::presence::{Presence, Show as Wire, Type};
use xmpp_parsers::vcard_update::{Photo, VCardUpdate};

use super::address;
use super::avatar::avatar;
use super::disco::Disco;
use super::entities::{Access, Directory, EntityInfo, Show};

/// How long a change waits for the next.
const SETTLE: Duration = Duration::from_millis(150);
/// The least time between two changes of one entity.
const GAP: Duration = Duration::from_secs(2);

/// Makes presences of what the directory says at the moment.
pub struct Presenter {
    /// The component's domain.
    pub domain: BareJid,
    /// Knows the capabilities to show.
    pub disco: Disco,
    /// Knows the entities.
    pub directory: Arc<dyn Directory>,
    /// Knows who may see them.
    pub access: Arc<dyn Access>,
}

impl Presenter {
    /// The presence of an entity as it is now; unavailable if it is gone, `None` if `to` may not see it (any more).
    pub fn show(&self, entity: Option<&str>, to: Jid) -> Option<Presence> {
        if !self.access.may_see(&to.to_bare(), entity) {
            return None;
        }
        Some(match self.directory.entity(entity) {
            Some(info) => stanza(&self.domain, &self.disco, &info, to),
            None => Presence::unavailable().with_from(address::speaking(&self.domain, entity)).with_to(to),
        })
    }
}

/// The presence of an entity for one person.
fn stanza(domain: &BareJid, disco: &Disco, info: &EntityInfo, to: Jid) -> Presence {
    let from = address::speaking(domain, info.local.as_deref());
    let show = match info.show {
        Show::Offline => {
            let mut presence = Presence::new(Type::Unavailable).with_from(from).with_to(to);
            if !info.status.is_empty() {
                presence.set_status("", address::xml_text(&info.status));
            }
            return presence;
        }
        Show::Online => None,
        Show::Away => Some(Wire::Away),
        Show::Xa => Some(Wire::Xa),
        Show::Dnd => Some(Wire::Dnd),
    };
    let mut presence = Presence::available().with_from(from).with_to(to);
    presence.show = show;
    if !info.status.is_empty() {
        presence.set_status("", address::xml_text(&info.status));
    }
    presence.add_payload(disco.caps(info.class));
    let hash = avatar(info.class, info.os.as_deref()).hash;
    let photo = Some(Photo { data: Some(hash) });
    presence.payloads.push(VCardUpdate { photo }.into());
    presence
}

/// What was shown of each entity, and what is due.
#[derive(Default)]
pub struct Board {
    shown: HashMap<Option<String>, (Show, String)>,
    sent: HashMap<Option<String>, Instant>,
    due: BTreeMap<Option<String>, Instant>,
}

impl Board {
    /// Notes what is shown to everybody anyway, since the link has just come up.
    pub fn announced(&mut self, directory: &dyn Directory) {
        let all = directory.all().into_iter();
        self.shown = all.map(|info| (info.local, (info.show, info.status))).collect();
    }

    /// Notes that an entity may have changed.
    pub fn changed(&mut self, entity: Option<&str>, now: Instant) {
        let entity = entity.map(str::to_owned);
        let settled = now + SETTLE;
        let at = match self.sent.get(&entity) {
            Some(sent) => settled.max(*sent + GAP),
            None => settled,
        };
        // The first change sets the time: a later one must not put it off.
        self.due.entry(entity).or_insert(at);
    }

    /// The entities whose look is to be sent now, because it differs from what
    /// was sent last. An entity that is gone looks offline.
    pub fn due(&mut self, directory: &dyn Directory, now: Instant) -> Vec<Option<String>> {
        let ready = self.due.iter().filter(|(_, at)| **at <= now);
        let ready: Vec<_> = ready.map(|(entity, _)| entity.clone()).collect();
        let mut changed = Vec::new();
        for entity in ready {
            self.due.remove(&entity);
            let info = directory.entity(entity.as_deref());
            let look = info.map(|info| (info.show, info.status));
            if self.shown.get(&entity) == look.as_ref() {
                continue;
            }
            match look {
                Some(look) => self.shown.insert(entity.clone(), look),
                None => self.shown.remove(&entity),
            };
            self.sent.insert(entity.clone(), now);
            changed.push(entity);
        }
        changed
    }

    /// When the next change is due.
    pub fn next(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::channels::xmpp::entities::Class;

    struct OneMachine(Mutex<Option<EntityInfo>>);

    impl Directory for OneMachine {
        fn entity(&self, _local: Option<&str>) -> Option<EntityInfo> {
            self.0.lock().clone()
        }

        fn all(&self) -> Vec<EntityInfo> {
            self.0.lock().clone().into_iter().collect()
        }
    }

    fn machine() -> EntityInfo {
        EntityInfo {
            local: Some("web1".to_owned()),
            name: "web1".to_owned(),
            class: Class::Machine,
            uuid: None,
            os: Some("debian".to_owned()),
            parent: None,
            show: Show::Online,
            status: "running".to_owned(),
            commands: Vec::new(),
        }
    }

    #[test]
    fn a_flapping_machine_is_shown_seldom_and_at_last_as_it_is() {
        let directory = OneMachine(Mutex::new(Some(machine())));
        let mut board = Board::default();
        let begin = Instant::now();
        let mut sent = Vec::new();
        for step in 0..1_000u64 {
            let now = begin + Duration::from_millis(10 * step);
            let show = if step % 7 < 3 { Show::Online } else { Show::Dnd };
            if let Some(info) = directory.0.lock().as_mut() {
                info.show = show;
            }
            board.changed(Some("web1"), now);
            for _ in board.due(&directory, now) {
                sent.push(directory.entity(None).unwrap().show);
            }
        }
        for _ in board.due(&directory, begin + Duration::from_secs(60)) {
            sent.push(directory.entity(None).unwrap().show);
        }
        assert!((2..=7).contains(&sent.len()), "{} presences in ten seconds", sent.len());
        assert_eq!(sent.last(), Some(&Show::Dnd));
        // Nothing new: nothing sent.
        board.changed(Some("web1"), begin + Duration::from_secs(70));
        assert!(board.due(&directory, begin + Duration::from_secs(80)).is_empty());
        *directory.0.lock() = None;
        board.changed(Some("web1"), begin + Duration::from_secs(90));
        assert_eq!(board.due(&directory, begin + Duration::from_secs(99)), [Some("web1".to_owned())]);
        assert_eq!(board.next(), None);
    }

    #[test]
    fn a_presence_tells_state_text_capabilities_and_picture() {
        let domain = BareJid::new("vms.example.org").unwrap();
        let disco = Disco::new(domain.clone(), Vec::new());
        let mut info = machine();
        info.show = Show::Xa;
        info.status = "off\u{7}".to_owned();
        let to: Jid = "ann@example.org".parse().unwrap();
        let presence = stanza(&domain, &disco, &info, to.clone());
        assert_eq!(presence.from.unwrap().as_str(), "web1@vms.example.org/atoll");
        assert_eq!(presence.show, Some(Wire::Xa));
        assert_eq!(presence.statuses[""], "off\u{FFFD}");
        assert_eq!(presence.payloads.len(), 2);
        info.show = Show::Offline;
        assert_eq!(stanza(&domain, &disco, &info, to).type_, Type::Unavailable);
    }
}
