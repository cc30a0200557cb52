//! What a skill is to the agent: a [`Spec`](dialogue::spec::Spec) and one pure function from arguments and what the host shows to a [`Plan`].
//!
//! Skills get [`Scene`] only: nothing in it can change a host. Confirmation, permission, applying and telling are done by
//! `engine/commit.rs` for all skills alike, so that none can forget them.

use std::collections::BTreeMap;
use std::sync::Arc;

use dialogue::book::Book;
use dialogue::reply::{Choice, Phrase, Reply};
use dialogue::spec::{Role, Scope, Spec};
use dialogue::topics::Talk;
use grammar::selector::Selector;
use grammar::size::Bytes;
use grammar::value::Value;
use jiff::Zoned;
use serde::{Deserialize, Serialize};

use crate::engine::jobs::Jobs;
use crate::host::{Feature, HostError, HostRead, Machine, MachineId, State};
use crate::ops::Op;

/// One capability.
pub trait Skill: Sync {
    /// What it is, as data.
    fn spec(&self) -> &'static Spec;

    /// What the host must be able to do; help hides the skill where it can't.
    fn features(&self) -> &'static [Feature] {
        &[]
    }

    /// Whether what it would do is not quite what was said, so that it is shown and asked even from a command.
    fn doubtful(&self, args: &BTreeMap<String, Value>) -> bool {
        let _ = args;
        false
    }

    /// What is meant of a machine in that state, where this can't be: to start what is paused is to let it go on.
    fn instead(&self, state: State) -> Option<&'static dyn Skill> {
        let _ = state;
        None
    }

    /// Whether its plan rests on how things are now, so that nothing else may be changed before it in the same breath.
    fn comes_first(&self) -> bool {
        false
    }

    /// Whether it is part of what that skill has just done to the same machine: saving one switches it off.
    fn is_part_of(&self, done: &str) -> bool {
        let _ = done;
        false
    }

    /// What would be answered or done. Blocking host reads are fine; nothing is changed.
    ///
    /// # Errors
    /// [`Stop`]: a refusal in a sentence, or a failure of the host.
    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop>;

    /// What would take back what `done` did, planned afresh; the danger is that of its own ops.
    ///
    /// # Errors
    /// [`Stop`]: most skills can't be undone, and say so; refused when the object changed since.
    fn undo(&self, done: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let _ = (done, scene);
        Err(Refusal::Unsupported { what: Phrase::common("undo_unsupported") }.into())
    }
}

/// Values by slot name; the machine acted on is apart, in [`Scene::target`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args(pub BTreeMap<String, Value>);

impl Args {
    /// A name, choice, address or text.
    pub fn word(&self, slot: &str) -> Option<&str> {
        match self.0.get(slot)? {
            Value::Name(text) | Value::Choice(text) | Value::Jid(text) | Value::Address(text) | Value::Text(text) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// Machines besides those acted on, each with its host: "web1@hv1". Whoever plans has found them all.
    pub fn machines(&self, slot: &str) -> Option<&[String]> {
        match self.0.get(slot)? {
            Value::Machines(Selector::Names(names)) => Some(names),
            _ => None,
        }
    }

    /// A whole number.
    pub fn count(&self, slot: &str) -> Option<u64> {
        match self.0.get(slot)? {
            Value::Count(count) => Some(*count),
            _ => None,
        }
    }

    /// An amount of bytes.
    pub fn size(&self, slot: &str) -> Option<Bytes> {
        match self.0.get(slot)? {
            Value::Size(size) => Some(*size),
            _ => None,
        }
    }
}

/// Where, for whom and about what a plan is made.
pub struct Scene<'a> {
    /// What the hosts show.
    pub host: &'a dyn HostRead,
    /// The agent's own affairs: contacts, rooms, journal, health.
    pub affairs: &'a dyn AgentRead,
    /// What is being carried out.
    pub jobs: &'a Jobs,
    /// The words, for help.
    pub book: &'a Book,
    /// The kind of entity spoken to.
    pub scope: Scope,
    /// The entity spoken to: machine's or hypervisor's name, or the component's domain.
    pub entity: &'a str,
    /// The hypervisor spoken to, or that of the machine spoken to; `None` at the desk of several.
    pub hypervisor: Option<&'a str>,
    /// The machine acted on, for skills with a target (for the others: the machine spoken to, if it is one).
    pub target: Option<Arc<Machine>>,
    /// The asker's short name, and bare address.
    pub asker: &'a str,
    /// The asker's bare address.
    pub asker_jid: &'a str,
    /// What the asker may do here.
    pub role: Role,
    /// Now, in the asker's time zone.
    pub now: &'a Zoned,
    /// Language of the answer.
    pub language: &'a str,
    /// What was said and what went before, for help.
    pub talk: Talk<'a>,
}

impl Scene<'_> {
    /// The machine acted on.
    ///
    /// # Errors
    /// A refusal when there is none: only for skills used outside their declared scope.
    pub fn machine(&self) -> Result<&Arc<Machine>, Stop> {
        self.target.as_ref().ok_or_else(|| Refusal::WhichMachine.into())
    }
}

/// What the agent itself offers to skills, read-only: who sees whom, rooms, past, health.
pub trait AgentRead: Send + Sync {
    /// People subscribed to that entity (`None`: to any), with the entity's name.
    fn contacts(&self, entity: Option<&str>) -> Vec<(String, String)>;
    /// Everybody who is on any of the lists, each once.
    fn people(&self) -> Vec<String>;
    /// Rooms that the hypervisor or desk of that name is in.
    fn rooms(&self, entity: &str) -> Vec<String>;
    /// Whether a room can be at that address: not where people live.
    fn may_be_room(&self, room: &str) -> bool;
    /// Newest first: what was done or happened to a machine or host.
    fn history(&self, about: Option<&str>, most: usize) -> Vec<crate::state::journal::Told>;
    /// Components of the agent and whether each works: what `agent.doctor` tells.
    fn health(&self) -> Vec<Health>;
}

/// One component of the agent, and whether it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Its key: `config`, `libvirt`, `events`, `xmpp`, `delivery`, `model`, `clock`, `store`.
    pub name: &'static str,
    /// `Ok` with a detail, or what is wrong.
    pub state: Result<String, String>,
}

/// How one component does, for a person who asks in a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Which; `agent.doctor` has a name for it.
    pub leg: &'static str,
    /// `Ok` with a detail, or what is wrong.
    pub state: Result<Phrase, Phrase>,
}

/// What a skill wants done or said.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Nothing changes; this is the answer.
    Answer(Reply),
    /// This would change something.
    Change(Box<Change>),
    /// One more thing must be known.
    Ask {
        /// Which slot.
        slot: &'static str,
        /// The question.
        question: Phrase,
        /// What may be picked.
        choices: Vec<Choice>,
    },
}

/// A change, not yet done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What will be, for the question before it: "A 30 GiB qcow2 disk named "data", attached as vdb."
    pub summary: Phrase,
    /// What more must be known before it is done: with it, the change is asked about, however plainly it was said.
    pub caution: Option<Phrase>,
    /// In order.
    pub ops: Vec<Op>,
    /// What the asker reads when it is done.
    pub done: Phrase,
    /// What everybody else reads: `{$actor} has just …`; the bot adds `actor`.
    pub told: Phrase,
    /// What must be typed to confirm, when destructive; the machine's name unless the object has one of its own.
    pub typed: Option<String>,
    /// What the undo will need to know: names and targets chosen by the plan.
    pub facts: BTreeMap<String, String>,
    /// Whether [`Skill::undo`] can take it back.
    pub undoable: bool,
}

impl Change {
    /// A change by ops, with its three sentences.
    pub fn new(summary: Phrase, ops: Vec<Op>, done: Phrase, told: Phrase) -> Self {
        Self { summary, caution: None, ops, done, told, typed: None, facts: BTreeMap::new(), undoable: false }
    }

    /// As a plan.
    pub fn plan(self) -> Plan {
        Plan::Change(Box::new(self))
    }
}

/// What was done, kept for "undo" and "again".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which skill.
    pub skill: String,
    /// With what.
    pub args: BTreeMap<String, Value>,
    /// On which machine, by name then.
    pub machine: Option<String>,
    /// Which machine that was: another of its name is not meant. Absent in what was kept by earlier versions.
    #[serde(default)]
    pub id: Option<MachineId>,
    /// What its plan had chosen.
    pub facts: BTreeMap<String, String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Said in a sentence, with what to do instead.
    #[error("refused")]
    Refused(#[from] Refusal),
    /// The host could not be read.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Why not, and what instead. Each has its sentence in `phrases.txt`; Ambiguous and BadValue become questions.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("not found")]
    NotFound { kind: grammar::kind::Of, said: String, close: Vec<String> },
    /// More than one thing may be meant.
    #[error("ambiguous")]
    Ambiguous { slot: &'static str, candidates: Vec<String> },
    /// A value can't be right.
    #[error("bad value")]
    BadValue { slot: &'static str, said: String, why: Phrase },
    /// It is in a state that doesn't allow this.
    #[error("wrong state")]
    WrongState { name: String, is: crate::host::State, needs: Phrase },
    /// The asker may not.
    #[error("denied")]
    Denied { needs: Role, ask_whom: Vec<String> },
    /// Somebody else is changing this machine.
    #[error("busy")]
    Busy { who: String, what: Phrase },
    /// No space or memory.
    #[error("no room")]
    NoRoom { need: Bytes, have: Bytes },
    /// This host can't.
    #[error("unsupported")]
    Unsupported { what: Phrase },
    /// Its hypervisor can't be reached; since when, if it could before.
    #[error("unreachable")]
    Unreachable { host: String, name: String, since: Option<jiff::Timestamp> },
    /// Delete protection.
    #[error("protected")]
    Protected { name: String },
    /// No machine was named where one is needed.
    #[error("which machine")]
    WhichMachine,
}
