//! The one way to a change. Whoever wants one brings a plan that policy let through or a person released; from here on it is a job:
//! locked, written down, done op by op, told to everybody.
//!
//! Nothing else in the program holds a [`HostWrite`]: by type, a host can't be reached in another way. Order around an op: the journal
//! says what is about to be done (synced when destructive), the op, the journal says how it ended; when all of a step is done,
//! everybody is told (`commit`). What takes long goes on while its asker is answered (`jobs`), and after the agent or libvirt was stopped in
//! the middle of it (`kept`, `take_up`); what a guest was only asked is watched (`asked`), and of what nobody knows how it ended it is told
//! as soon as it can be seen (`unknown`).

use std::sync::Arc;
use std::time::Duration;

use dialogue::phrases::Phrases;
use dialogue::reply::{Phrase, Reply, Var};
use dialogue::spec::Role;
use jiff::{SignedDuration, Timestamp, Zoned};
use parking_lot::Mutex;

use crate::error::Reference;
use crate::events::settle::Settle;
use crate::events::{InFlight, Notice};
use crate::host::{HostRead, HostWrite, MachineId};
use crate::nlu::Nlu;
use crate::people::access::Access;
use crate::people::contacts::Contacts;
use crate::people::languages::Languages;
use crate::skill::AgentRead;
use crate::state::journal::{Entry, Journal, Told};

mod asked;
mod commit;
pub mod jobs;
mod kept;
mod locks;
mod place;
pub mod planner;
mod progress;
mod take_up;
mod unknown;

pub(crate) use asked::Asked;
pub(crate) use commit::Committed;
pub(crate) use place::Place;
pub(crate) use progress::Work;
pub(crate) use take_up::TakenUp;

use jobs::Jobs;
use locks::Locks;
use unknown::Promise;

/// A host that can be read and written.
pub trait Host: HostRead + HostWrite {}
impl<T: HostRead + HostWrite> Host for T {}

/// The agent's own affairs, to be read and changed.
pub trait Own: AgentRead + Contacts {}
impl<T: AgentRead + Contacts> Own for T {}

/// How careful to be.
#[derive(Clone, Debug)]
pub struct Caution {
    /// Ask before plain disruptive commands too.
    pub ask_disruptive: bool,
    /// Machines one sentence may disturb.
    pub most_at_once: usize,
    /// How long a machine may take to shut down or to reboot before the asker is told that it didn't.
    pub shutdown_patience: SignedDuration,
    /// What is done by then is answered at once; of what is not its asker is told that it is under way.
    pub answer_within: Duration,
}

/// What an engine is made of.
pub(crate) struct Parts {
    pub nlu: Arc<Nlu>,
    pub host: Arc<dyn Host>,
    pub affairs: Arc<dyn Own>,
    pub access: Access,
    pub journal: Arc<Journal>,
    pub in_flight: Arc<InFlight>,
    pub caution: Caution,
    pub languages: Arc<Languages>,
    pub desk: String,
    pub notices: Box<dyn Fn(Notice) + Send + Sync>,
}

/// The engine.
pub(crate) struct Engine {
    pub nlu: Arc<Nlu>,
    pub host: Arc<dyn Host>,
    pub affairs: Arc<dyn Own>,
    pub access: Access,
    pub caution: Caution,
    pub languages: Arc<Languages>,
    pub in_flight: Arc<InFlight>,
    pub jobs: Jobs,
    /// What the front desk calls itself.
    pub desk: String,
    /// News that waits until its machine is quiet.
    pub settling: Mutex<Settle>,
    /// The machine that everybody was last told about, and when: "it" may be that one.
    pub last_told: Mutex<Option<(Timestamp, String)>>,
    journal: Arc<Journal>,
    notices: Box<dyn Fn(Notice) + Send + Sync>,
    locks: Locks,
    asked: Mutex<Vec<Asked>>,
    /// What is done by then is answered at once; of what is not its asker is told that it is under way.
    answer_within: Mutex<Duration>,
    promises: Mutex<Vec<Promise>>,
    /// What was under way at which machine when that was last asked.
    shown: Mutex<Vec<(MachineId, Work)>>,
    references: Mutex<Option<u64>>,
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        let Parts { nlu, host, affairs, access, journal, in_flight, caution, languages, desk, notices } = parts;
        let answer_within = Mutex::new(caution.answer_within);
        Self {
            nlu,
            host,
            affairs,
            access,
            caution,
            languages,
            in_flight,
            jobs: Jobs::default(),
            desk,
            settling: Mutex::default(),
            last_told: Mutex::default(),
            journal,
            notices,
            locks: Locks::default(),
            asked: Mutex::default(),
            answer_within,
            promises: Mutex::default(),
            shown: Mutex::default(),
            references: Mutex::default(),
        }
    }

    /// References counted instead of drawn, for transcripts.
    pub fn count_references(&self) {
        *self.references.lock() = Some(0);
    }

    /// How long an asker is kept waiting from now on, for tests.
    pub fn set_answer_within(&self, span: Duration) {
        *self.answer_within.lock() = span;
    }

    /// How one person is spoken to; `None` is a room, or everybody.
    pub fn phrases(&self, person: Option<&str>) -> &Phrases {
        let language =
            person.map_or_else(|| self.languages.common().to_owned(), |person| self.languages.of(person).language);
        &self.nlu.book().words(&language).phrases
    }

    /// What a skill does, as a person would call it in their language.
    pub fn title(&self, person: &str, skill: &str) -> String {
        self.nlu.book().words(&self.languages.of(person).language).title(skill)
    }

    /// A sentence for everybody.
    pub fn text(&self, phrase: &Phrase, now: &Zoned) -> String {
        self.phrases(None).phrase(phrase, now)
    }

    /// Hands on what everybody concerned should hear.
    pub fn notify(&self, notice: Notice) {
        (self.notices)(notice);
    }

    /// Writes down what was told.
    pub fn write_told(&self, told: Told) {
        if let Err(error) = self.journal.write(told.at, Entry::Told(told), false) {
            tracing::error!(%error, "the journal can't be written");
        }
    }

    /// A failure in words, with a reference that is in the log too.
    pub fn failure(&self, id: &str, vars: Vec<(&str, Var)>) -> Reply {
        let reference = match self.references.lock().as_mut() {
            Some(count) => {
                *count += 1;
                Reference::numbered(*count)
            }
            None => Reference::new(),
        };
        tracing::error!(%reference, failure = id, "told the person");
        let phrase = vars.into_iter().fold(Phrase::common(id), |phrase, (name, value)| phrase.with(name, value));
        Reply::say(phrase.with("reference", reference.to_string()))
    }

    /// What somebody may do now; nothing for strangers.
    fn role(&self, person: Option<&str>) -> Role {
        person.and_then(|person| self.access.role(person)).unwrap_or(Role::Viewer)
    }
}
