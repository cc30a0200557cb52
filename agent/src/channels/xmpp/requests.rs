//! Our own questions (IQ) and who may answer them.
//!
//! An answer counts only from the address that was asked, to the entity that
//! asked, with the id it was asked under; ids can't be guessed. Everything else
//! is dropped without a word.

use std::collections::HashMap;

use minidom::Element;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};
use xmpp_parsers::iq::Iq;
use xmpp_parsers::jid::Jid;
use xmpp_parsers::stanza_error::StanzaError;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(30);
/// Open questions; more are not asked.
const MAX_OPEN: usize = 10_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// They said no.
    #[error("refused: {:?}", .0.defined_condition)]
    Refused(Box<StanzaError>),
    /// They said nothing.
    #[error("no answer in time")]
    Silence,
    /// It couldn't be asked.
    #[error("not asked")]
    Unsent(#[from] super::outbox::Unsent),
}

/// An answer: its payload, or why there is none.
pub type Answer = Result<Option<Element>, NoAnswer>;

/// What is done with an answer.
pub enum Then {
    /// Somebody waits for it.
    Tell(oneshot::Sender<Answer>),
    /// It tells what that address can do.
    Learn(Jid),
    /// It tells whether that new room is open now.
    Opened(Jid),
}

/// The questions that are open.
#[derive(Default)]
pub struct Requests {
    open: HashMap<(Jid, Jid, String), (Then, Instant)>,
}

impl Requests {
    /// Notes a question from `us` to `them`. `None`: too many are open.
    pub fn ask(&mut self, us: Jid, them: Jid, then: Then, now: Instant) -> Option<String> {
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        let id = super::address::fresh_id();
        self.open.insert((us, them, id.clone()), (then, now + WITHIN));
        Some(id)
    }

    /// Takes in an answer. Gives what is to be done with it, if it is one.
    pub fn answered(&mut self, iq: Iq) -> Option<(Then, Answer)> {
        let (from, to, id) = (iq.from()?.clone(), iq.to()?.clone(), iq.id().to_owned());
        let answer = match iq {
            Iq::Result { payload, .. } => Ok(payload),
            Iq::Error { error, .. } => Err(NoAnswer::Refused(Box::new(error))),
            Iq::Get { .. } | Iq::Set { .. } => return None,
        };
        let (then, _) = self.open.remove(&(to, from, id))?;
        Some((then, answer))
    }

    /// Gives up on questions that were open for too long, or on all.
    pub fn give_up(&mut self, now: Option<Instant>) {
        let late = |until: Instant| now.is_none_or(|now| now >= until);
        let gone = self.open.extract_if(|_, (_, until)| late(*until));
        for (_, (then, _)) in gone {
            if let Then::Tell(waiting) = then {
                let _ = waiting.send(Err(NoAnswer::Silence));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_who_was_asked_can_answer() {
        let mut requests = Requests::default();
        let now = Instant::now();
        let jid = |text: &str| text.parse::<Jid>().unwrap();
        let (us, ann) = (jid("web1@vms.example.org/atoll"), jid("ann@example.org/phone"));
        let (waiting, mut answer) = oneshot::channel();
        let id = requests.ask(us.clone(), ann.clone(), Then::Tell(waiting), now).unwrap();
        let result = |from: &Jid, to: &Jid, id: &str| Iq::Result {
            from: Some(from.clone()),
            to: Some(to.clone()),
            id: id.to_owned(),
            payload: None,
        };
        for forged in [
            result(&jid("eve@example.org/x"), &us, &id),
            result(&jid("ann@example.org"), &us, &id),
            result(&jid("ann@example.org/tablet"), &us, &id),
            result(&ann, &jid("db@vms.example.org/atoll"), &id),
            result(&ann, &us, "1"),
        ] {
            assert!(requests.answered(forged).is_none());
        }
        let (then, got) = requests.answered(result(&ann, &us, &id)).unwrap();
        let Then::Tell(waiting) = then else { panic!("somebody waits") };
        waiting.send(got).unwrap();
        assert!(answer.try_recv().unwrap().is_ok());
        assert!(requests.answered(result(&ann, &us, &id)).is_none());
    }

    #[test]
    fn silence_is_told() {
        let mut requests = Requests::default();
        let now = Instant::now();
        let jid = |text: &str| text.parse::<Jid>().unwrap();
        let (waiting, mut answer) = oneshot::channel();
        let asked = requests.ask(jid("a@b"), jid("c@d"), Then::Tell(waiting), now);
        assert!(asked.is_some());
        requests.give_up(Some(now + WITHIN / 2));
        assert!(answer.try_recv().is_err());
        requests.give_up(Some(now + WITHIN));
        assert!(matches!(answer.try_recv(), Ok(Err(NoAnswer::Silence))));
    }
}
