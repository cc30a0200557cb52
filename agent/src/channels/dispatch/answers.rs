//! Answers on their way to people: what matters is kept until the server has it, and said again when the link was lost first.
//!
//! A question, and whatever is said after something was done, is written down before it is sent. XMPP's component protocol
//! acknowledges nothing, so that it arrived is only known from a ping that was answered behind it; until then it is said
//! again after each reconnect and each start, with the same id.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use dialogue::phrases::Rendered;
use dialogue::session::EXPIRES;
use jid::{BareJid, Jid};
use jiff::{SignedDuration, Timestamp};
use lru::LruCache;
use parking_lot::{Mutex, MutexGuard};

use super::Dispatcher;
use crate::channels::xmpp::messages::{Heard, Kind};
use crate::channels::xmpp::said::Said;
use crate::message::{Answer, Channel, Message};
use crate::state::store::Owed;

/// Most answers kept.
const MOST_OWED: usize = 1_000;
/// Questions whose coming back would be noticed.
const MOST_ASKED: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");
/// How long what was done is still worth telling.
const WORTH_TELLING: SignedDuration = SignedDuration::from_hours(24);

/// What is owed to people.
pub(super) struct Debts {
    /// With the connection over which it was sent, if it was.
    owed: Mutex<VecDeque<(Owed, Option<u64>)>>,
    /// By message id: which conversation's question that is, on which device.
    asked: Mutex<LruCache<String, (String, String)>>,
}

impl Debts {
    /// Those of an earlier run.
    pub(super) fn new(owed: Vec<Owed>) -> Self {
        let owed = owed.into_iter().rev().take(MOST_OWED).rev().map(|one| (one, None)).collect();
        Self { owed: Mutex::new(owed), asked: Mutex::new(LruCache::new(MOST_ASKED)) }
    }

    /// One more; false if there are too many.
    fn add(&self, owed: Owed, over: u64) -> bool {
        let mut all = self.all();
        if all.len() >= MOST_OWED {
            return false;
        }
        all.push_back((owed, Some(over)));
        true
    }

    /// It could not be sent after all.
    fn not_sent(&self, id: &str) {
        if let Some((_, sent)) = self.all().iter_mut().find(|(owed, _)| owed.id == id) {
            *sent = None;
        }
    }

    fn remove(&self, id: &str) {
        self.all().retain(|(owed, _)| owed.id != id);
    }

    /// Takes out what is worth nothing any more.
    fn take_stale(&self, now: Timestamp) -> Vec<Owed> {
        let stale = |owed: &Owed| now.duration_since(owed.at) > if owed.question { EXPIRES } else { WORTH_TELLING };
        let mut all = self.all();
        let (gone, rest): (VecDeque<_>, VecDeque<_>) = all.drain(..).partition(|(owed, _)| stale(owed));
        *all = rest;
        gone.into_iter().map(|(owed, _)| owed).collect()
    }

    /// Takes out what is not to be said any more.
    fn take_if(&self, over: impl Fn(&Owed) -> bool) -> Vec<Owed> {
        let mut all = self.all();
        let (gone, rest): (VecDeque<_>, VecDeque<_>) = all.drain(..).partition(|(owed, _)| over(owed));
        *all = rest;
        gone.into_iter().map(|(owed, _)| owed).collect()
    }

    /// What fits and was not sent over this connection yet: it is being sent now.
    fn due(&self, over: u64, fits: impl Fn(&Owed) -> bool) -> Vec<Owed> {
        let mut all = self.all();
        let due = all.iter_mut().filter(|(owed, sent)| *sent != Some(over) && fits(owed));
        due.map(|(owed, sent)| {
            *sent = Some(over);
            owed.clone()
        })
        .collect()
    }

    /// Whether an outcome is owed to a person that was said then or later.
    pub(super) fn owes(&self, person: &str, since: Timestamp) -> bool {
        let to = |owed: &Owed| Jid::new(&owed.to).is_ok_and(|to| to.to_bare().as_str() == person);
        self.all().iter().any(|(owed, _)| !owed.question && owed.at >= since && to(owed))
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<(Owed, Option<u64>)>> {
        self.owed.lock()
    }
}

impl Owed {
    fn of(said: &Said, id: &str, question: bool, room: bool) -> Self {
        Self {
            id: id.to_owned(),
            entity: said.entity.clone(),
            to: said.to.to_string(),
            room,
            thread: said.thread.clone(),
            body: said.body.clone(),
            choices: said.choices.clone(),
            question,
            at: Timestamp::now(),
        }
    }

    /// As it is said again, perhaps to nobody who is there just now.
    fn again(self) -> Option<Said> {
        let to = Jid::new(&self.to).ok()?;
        let alert = Said::alert(self.entity.as_deref(), &to.to_bare(), self.body);
        let kind = if self.room && to.resource().is_none() { Kind::Groupchat } else { Kind::Chat };
        let hint = alert.hint.filter(|_| !self.room);
        Some(Said {
            to,
            kind,
            hint,
            id: Some(self.id),
            thread: self.thread,
            choices: self.choices,
            tracked: true,
            ..alert
        })
    }
}

/// The way back to where something was heard.
pub(super) struct Back<'a> {
    pub(super) desk: &'a Dispatcher,
    pub(super) heard: &'a Heard,
    pub(super) message: &'a Message,
}

impl Channel for Back<'_> {
    fn say(&mut self, answer: Answer) -> bool {
        let said = Said::answer(self.heard, answer.rendered.text.as_str());
        self.desk.deliver(said, self.message, answer)
    }
}

impl Dispatcher {
    /// Says something in a conversation; true if it will be delivered.
    fn deliver(&self, said: Said, message: &Message, answer: Answer) -> bool {
        let Answer { rendered, question, outcome } = answer;
        let question = question.is_some();
        let said = Said { choices: choices(rendered), ..said };
        if !question && !outcome {
            return self.send(said);
        }
        let id = crate::channels::xmpp::address::fresh_id();
        let owed = Owed::of(&said, &id, question, message.room.is_some());
        if question {
            let whose = (self.bot.key(message), message.utterance.device.clone());
            self.debts.asked.lock().put(id.clone(), whose);
        }
        let said = Said { id: Some(id.clone()), tracked: true, ..said };
        if !self.debts.add(owed.clone(), self.handle.connection()) || !self.bot.owe(&owed) {
            self.debts.remove(&id);
            return self.send(said);
        }
        // Without a connection it goes when there is one.
        match self.handle.say(said) {
            Ok(_) => true,
            Err(crate::channels::xmpp::outbox::Unsent::Down) => {
                self.debts.not_sent(&id);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "an answer was not sent");
                self.debts.remove(&id);
                self.bot.paid(&id);
                false
            }
        }
    }

    /// The server has these.
    pub(super) fn arrived(&self, ids: &[String]) {
        for id in ids {
            self.debts.remove(id);
            self.bot.paid(id);
        }
    }

    /// There is a connection: whoever was not told before is told now. Rooms have to be entered first.
    pub(super) fn pay_people(&self) {
        for owed in self.debts.take_stale(Timestamp::now()) {
            self.bot.paid(&owed.id);
        }
        let lost = |owed: &Owed| Jid::new(&owed.to).is_ok_and(|to| !self.may_hear(to.to_bare().as_str()));
        for owed in self.debts.take_if(|owed| !owed.room && lost(owed)) {
            self.bot.paid(&owed.id);
        }
        self.pay(|owed| !owed.room);
    }

    /// An entity is in a room: what was to be said there is.
    pub(super) fn pay_room(&self, entity: Option<&str>, room: &BareJid) {
        self.pay(|owed| {
            let there = Jid::new(&owed.to).is_ok_and(|to| to.to_bare() == *room);
            owed.room && owed.entity.as_deref() == entity && there
        });
    }

    fn pay(&self, fits: impl Fn(&Owed) -> bool) {
        for owed in self.debts.due(self.handle.connection(), fits) {
            let id = owed.id.clone();
            match owed.again().map(|said| self.send(said)) {
                Some(true) => {}
                Some(false) => self.debts.not_sent(&id),
                None => self.arrived(&[id]),
            }
        }
    }

    /// Something came back. If it was a question, whoever answers it there is asked again.
    ///
    /// Only from where it was asked: anybody who has seen its id could say that it came back.
    pub(super) fn bounced(&self, id: Option<&str>, from: &Jid) {
        let Some(id) = id else { return };
        let mut questions = self.debts.asked.lock();
        let there = |device: &str| Jid::new(device).is_ok_and(|device| device.to_bare() == from.to_bare());
        let asked = questions.peek(id).filter(|(_, device)| there(device)).cloned();
        if let Some((key, device)) = asked {
            questions.pop(id);
            drop(questions);
            tracing::info!(device, "a question came back");
            self.bot.not_seen(&key, &device);
        }
    }

    /// Says something to whoever once asked, where they asked; true if it will be delivered.
    /// Whoever lost the right meanwhile is told nothing.
    pub(super) fn answer_asker(&self, message: &Message, answer: Answer) -> bool {
        if message.asker.jid.as_deref().is_none_or(|person| !self.may_hear(person)) {
            return false;
        }
        let local = self.board.local(&message.entity);
        let text = answer.rendered.text.clone();
        let said = match (&message.room, &message.asker.jid) {
            (Some(room), _) => BareJid::new(room)
                .ok()
                .map(|room| Said::to_room(local.as_deref(), &room, format!("{}: {text}", message.asker.name))),
            // A question goes to where its answer may come from; servers hand it on if nobody is there.
            (None, Some(jid)) => BareJid::new(jid).ok().map(|person| {
                let device = Jid::new(&message.utterance.device).ok().filter(|device| device.to_bare() == person);
                let alert = Said::alert(local.as_deref(), &person, text);
                Said { to: device.unwrap_or_else(|| person.into()), important: false, ..alert }
            }),
            (None, None) => None,
        };
        said.is_some_and(|said| self.deliver(said, message, answer))
    }
}

fn choices(rendered: Rendered) -> Vec<(String, Option<String>)> {
    let choice = |(label, says): (String, String)| {
        let label = Some(label).filter(|label| *label != says);
        (says, label)
    };
    rendered.choices.into_iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(id: &str, question: bool, at: Timestamp) -> Owed {
        Owed {
            id: id.to_owned(),
            entity: None,
            to: "alice@example.org/phone".to_owned(),
            room: false,
            thread: None,
            body: "web1 is paused.".to_owned(),
            choices: Vec::new(),
            question,
            at,
        }
    }

    #[test]
    fn what_is_owed_is_sent_once_a_connection_until_it_arrives_and_never_too_much_is_kept() {
        let now = Timestamp::UNIX_EPOCH;
        let debts = Debts::new(vec![owed("before", false, now)]);
        assert!(debts.add(owed("sent", false, now), 1));
        let due = |over| debts.due(over, |_| true).into_iter().map(|owed| owed.id).collect::<Vec<_>>();
        assert_eq!((due(1), due(1)), (vec!["before".to_owned()], vec![]));
        debts.remove("before");
        assert_eq!((due(2), due(2)), (vec!["sent".to_owned()], vec![]));
        debts.not_sent("sent");
        assert_eq!(due(2), ["sent"]);
        assert!(debts.owes("alice@example.org", now) && !debts.owes("bob@example.org", now));
        let kept = (0..2 * MOST_OWED).filter(|nth| debts.add(owed(&nth.to_string(), true, now), 2)).count();
        assert_eq!(kept, MOST_OWED - 1);
        let gone = debts.take_stale(now + EXPIRES + SignedDuration::from_secs(1));
        assert_eq!(gone.len(), MOST_OWED - 1, "questions expire, what was done is still told");
    }
}
