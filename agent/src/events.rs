//! What happens on hosts becomes news: each thing once, with who did it, and many things at once in one line.
//!
//! [`attribution`] says whose a callback is, [`settle`] when it is told and folds storms, [`words`] has the sentences. The
//! teller puts them together.

use std::time::Duration;

use dialogue::reply::Phrase;

use crate::host::{HostEvent, MachineId};
use crate::people::addresses::Entity;

pub mod attribution;
pub mod settle;
pub mod teller;
pub mod words;

pub use self::attribution::{Ending, Flight, InFlight, Whose};
pub use self::words::{verb, worth_telling};

/// What everybody concerned hears.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Who says it, and whose roster hears it.
    pub about: Entity,
    /// Its name.
    pub name: String,
    /// The sentence, in the common language.
    pub text: String,
    /// The same in no language, for people who speak another.
    pub phrase: Phrase,
    /// Who knows already: the one who asked for it.
    pub except: Option<String>,
    /// The room in which it was asked for and answered.
    pub except_room: Option<String>,
    /// The hypervisor that its machine has just left: whoever sees that one hears it too.
    pub left: Option<String>,
    /// When it is about several machines at once: each person hears of those that they see.
    pub burst: Option<Burst>,
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// What people call them.
    pub actor: String,
    /// Their bare address.
    pub jid: Option<String>,
}

/// Something that happened and is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// What.
    pub event: HostEvent,
    /// Whose doing it was, as people call them.
    pub actor: Option<String>,
    /// Its sentence.
    pub phrase: Phrase,
}

/// Many things that happened to machines of one host in a short time.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    /// The host.
    pub hypervisor: String,
    /// All of them, in order.
    pub news: Vec<News>,
    /// From the first to the last.
    pub over: Duration,
}

impl Burst {
    /// The machines it is about, each once, in order.
    pub fn machines(&self) -> Vec<&MachineId> {
        let mut seen = std::collections::HashSet::new();
        let ids = self.news.iter().filter_map(|news| news.event.machine.as_ref().map(|(id, _)| id));
        ids.filter(|id| seen.insert(*id)).collect()
    }

    /// The part of it that is about these machines; `None` when nothing is.
    pub fn part(&self, machines: &[MachineId]) -> Option<Self> {
        let theirs = |news: &&News| news.event.machine.as_ref().is_some_and(|(id, _)| machines.contains(id));
        let news: Vec<News> = self.news.iter().filter(theirs).cloned().collect();
        (!news.is_empty()).then(|| Self { hypervisor: self.hypervisor.clone(), news, over: self.over })
    }

    /// Its sentence.
    pub fn phrase(&self) -> Phrase {
        match self.news.as_slice() {
            [only] => only.phrase.clone(),
            _ => words::burst(self),
        }
    }
}
