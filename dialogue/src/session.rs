//! What is remembered of one conversation: one person, one entity, direct or in one room.

use std::collections::BTreeMap;

use grammar::value::Value;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::policy::Path;
use crate::reply::{Phrase, Reply};
use crate::spec::Danger;

/// The version of what is stored; older ones are upgraded when read.
pub const VERSION: u16 = 1;
/// How long a question stays open.
pub const EXPIRES: SignedDuration = SignedDuration::from_mins(10);
/// How long a confirmation stays good.
pub const CONFIRM_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// How long what expired may still be meant by "stop".
pub const RECENT: SignedDuration = SignedDuration::from_mins(15);
/// A stanza delayed by more is asked about instead of done.
pub const LATE: SignedDuration = SignedDuration::from_mins(2);
/// How many things can be undone, one after the other.
pub const UNDO_DEPTH: usize = 5;
/// How many things "it" may go back to.
pub const FOCUS_DEPTH: usize = 4;

/// One skill with its values, as resolved so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The skill's id.
    pub skill: String,
    /// Values by slot name.
    pub args: BTreeMap<String, Value>,
}

/// What dialogue knows of a plan: no ops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRef {
    /// What it carries out.
    pub calls: Vec<Call>,
    /// Of ops and the state they rest on; another digest is another plan.
    pub digest: String,
    /// The worst of its skills and ops.
    pub danger: Danger,
    /// What will be.
    pub summary: Vec<Phrase>,
    /// What must be typed, when a name is asked.
    pub typed: String,
    /// Names of what it acts on.
    pub subjects: Vec<String>,
    /// Whether it takes storage.
    pub allocates: bool,
    /// Whether it is not quite what was said, so that it is asked about even when commanded.
    #[serde(default)]
    pub doubtful: bool,
}

/// One thing done, for "undo" and "again"; the receipt is the driver's, unread here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// What it was.
    pub call: Call,
    /// What the driver needs to plan its undoing: its own JSON, unread here.
    pub receipt: String,
    /// When.
    pub at: Timestamp,
}

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// What it is about.
    pub about: About,
    /// How it was put, for "what?".
    pub asked: Reply,
    /// When.
    pub at: Timestamp,
}

/// Kinds of open questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum About {
    /// Values are missing.
    Slots {
        /// What is being put together; the first that lacks something is asked about.
        calls: Vec<Call>,
        /// The call that lacks something.
        at: usize,
        /// The slots that are asked for, first the one that the question is about.
        missing: Vec<String>,
        /// How it was understood.
        path: Path,
        /// Whether it counts as doubtful in the policy.
        doubtful: bool,
    },
    /// A plan wants a yes, or a name typed.
    Confirm {
        /// Which.
        plan: PlanRef,
        /// Whether the name must be typed.
        by_name: bool,
        /// How it was understood.
        path: Path,
        /// Whether "yes" takes back something done.
        undoing: bool,
    },
    /// One of several skills may have been meant.
    Skills {
        /// Candidates with what was read for each, in the order of the numbers.
        options: Vec<Call>,
        /// What was said.
        text: String,
    },
    /// A new change while another was being put together.
    Drop {
        /// What was open.
        old: Box<Open>,
        /// What is wanted now.
        calls: Vec<Call>,
        /// How it was understood.
        path: Path,
    },
}

/// What ended by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expired {
    /// When.
    pub at: Timestamp,
    /// Whether the person was told.
    pub said: bool,
}

/// The last thing understood, for "again" and for edited messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Last {
    /// What it was.
    pub calls: Vec<Call>,
    /// The question that was open before it, to go back to when the message is edited.
    pub before: Option<Box<Open>>,
    /// Whether it changed something.
    pub applied: bool,
}

/// One conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// See [`VERSION`].
    pub version: u16,
    /// Language that is answered in.
    pub language: String,
    /// Whether the person asked for it: then it stays, whatever they write in.
    #[serde(default)]
    pub fixed: bool,
    /// Language that the last text was read as; empty before the first.
    #[serde(default)]
    pub heard: String,
    /// The open question.
    pub open: Option<Open>,
    /// What ended by itself.
    pub expired: Option<Expired>,
    /// Machines spoken about, newest first: what "it" is at a host or the desk.
    pub focus: Vec<Vec<String>>,
    /// Names of other things spoken about, newest first, by kind.
    pub things: Vec<(grammar::kind::Of, String)>,
    /// What can be undone, newest last.
    pub undo: Vec<Done>,
    /// The last thing understood.
    pub last: Option<Last>,
    /// The last reply, for "what?".
    pub said: Option<Reply>,
    /// Rows cut from the last list, for "more".
    pub more: Vec<String>,
    /// Machines of the last list in its order, for "the second one".
    #[serde(default)]
    pub listed: Vec<String>,
    /// Where the turn stands; only within a turn.
    #[serde(skip)]
    pub stage: crate::machine::Stage,
    /// How the last text was understood, for `explain`; only within a turn.
    #[serde(skip)]
    pub trace: Trace,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            version: VERSION,
            language: "en".to_owned(),
            fixed: false,
            heard: String::new(),
            open: None,
            expired: None,
            focus: Vec::new(),
            things: Vec::new(),
            undo: Vec::new(),
            last: None,
            said: None,
            more: Vec::new(),
            listed: Vec::new(),
            stage: crate::machine::Stage::default(),
            trace: Trace::default(),
        }
    }
}

/// What came of a turn, in the words of the `explain` contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Done, or answered.
    Act,
    /// Something is missing.
    AskSlot,
    /// A yes or a name is wanted.
    Confirm,
    /// One of several is wanted.
    Choose,
    /// Not done: not understood, not possible, not wanted.
    #[default]
    Decline,
    /// Talk without a task.
    Smalltalk,
}

/// How a text was understood and what came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// By what.
    pub path: Option<Path>,
    /// The skill, also when planned or declined.
    pub skill: Option<String>,
    /// 1 for commands, the classifier's calibrated score otherwise.
    pub confidence: f32,
    /// What else it might have been.
    pub alternatives: Vec<(String, f32)>,
    /// Values by slot.
    pub args: BTreeMap<String, Value>,
    /// What came of it.
    pub decision: Decision,
    /// Why, in a word: `negated`, `how_to`, `planned`, `typo`.
    pub why: String,
}
