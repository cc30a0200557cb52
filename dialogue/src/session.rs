//! What is remembered of one conversation: one person, one entity, direct or in one room.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use grammar::condition::Condition;
use grammar::value::Value;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::machine::Utterance;
use crate::policy::Path;
use crate::reply::{Phrase, Reply};
use crate::spec::Danger;

/// The version of what is stored; older ones are upgraded when read.
pub const VERSION: u16 = 2;
/// How long a question stays open.
pub const EXPIRES: SignedDuration = SignedDuration::from_mins(10);
/// How long what is half put together waits aside.
pub const ASIDE: SignedDuration = SignedDuration::from_mins(60);
/// How long a confirmation stays good.
pub const CONFIRM_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// How long what expired may still be meant by "stop".
pub const RECENT: SignedDuration = SignedDuration::from_mins(15);
/// How long ago something may have been done to be taken back by a bare "undo".
pub const UNDO_WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// A stanza delayed by more is asked about instead of done.
pub const LATE: SignedDuration = SignedDuration::from_mins(2);
/// How many changes may go on at a time; of older ones nothing is known any more.
const MOST_UNDER_WAY: usize = 24;
/// How many things can be undone, one after the other.
pub const UNDO_DEPTH: usize = 5;
/// A message that comes again within that time, with the same id, from the same device and in the same words, is the same message.
pub const SAME_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// How many messages are remembered for that.
const MOST_REMEMBERED: usize = 32;
/// On how many devices a question may be answered.
const MOST_DEVICES: usize = 8;
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
    /// Whether it was done in one go with what stands before it, as the session finds: they are taken back in one go too.
    #[serde(default)]
    pub with_last: bool,
}

/// A change that goes on while the conversation does, until the driver tells what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnderWay {
    /// The driver's name of it.
    pub job: String,
    /// What is done.
    pub calls: Vec<Call>,
    /// What it takes back.
    pub takes_back: Vec<Done>,
    /// Questions that are answered once it is done.
    pub then: Vec<Call>,
}

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "KeptOpen")]
pub struct Open {
    /// What it is about.
    pub about: About,
    /// How it was put, for "what?".
    pub asked: Reply,
    /// When.
    pub at: Timestamp,
    /// Devices on which it was shown. An answer from any other gets the question again, and nothing else.
    pub seen_on: Vec<String>,
    /// Whether something else was said since, so that a yes may be about that.
    pub passed: bool,
    /// Whether it was put again already after something else.
    pub reminded: bool,
    /// Whether it was only mentioned behind the answer to something else, and not asked since.
    pub mentioned: bool,
}

/// A question as it is read: what was asked about dropping one was of no use without that one, so that one is kept.
#[derive(Deserialize)]
struct KeptOpen {
    about: KeptAbout,
    asked: Reply,
    at: Timestamp,
    #[serde(default)]
    seen_on: Vec<String>,
    #[serde(default)]
    passed: bool,
    #[serde(default)]
    reminded: bool,
    #[serde(default)]
    mentioned: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KeptAbout {
    Now(About),
    Dropping {
        #[serde(rename = "Drop")]
        dropping: Dropping,
    },
}

/// What was open before a question whether to drop it.
#[derive(Deserialize)]
struct Dropping {
    old: Box<Open>,
}

impl From<KeptOpen> for Open {
    fn from(kept: KeptOpen) -> Self {
        match kept.about {
            KeptAbout::Now(about) => Self {
                about,
                asked: kept.asked,
                at: kept.at,
                seen_on: kept.seen_on,
                passed: kept.passed,
                reminded: kept.reminded,
                mentioned: kept.mentioned,
            },
            KeptAbout::Dropping { dropping } => Self { passed: true, ..*dropping.old },
        }
    }
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
}

/// What ended by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expired {
    /// When.
    pub at: Timestamp,
    /// Whether the person was told.
    pub said: bool,
}

/// What went wrong last, for a "help" right after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// The skills that were wanted, or that are near to what was said.
    pub skills: Vec<String>,
    /// What was said, when it was not understood.
    pub text: Option<String>,
    /// What the person was told.
    pub why: Vec<Phrase>,
    /// When.
    pub at: Timestamp,
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
    /// Whether it was to be asked about, whatever it was: an edit of it is too.
    #[serde(default)]
    pub doubtful: bool,
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
    /// What is half put together and waits for "continue", since something else was wanted.
    #[serde(default)]
    pub aside: Option<Open>,
    /// When another machine than the one spoken to was named last.
    #[serde(default)]
    pub others: Option<Timestamp>,
    /// When a thing was spoken of last, or nobody knows what, if nothing else was since: "it" may be that, and no machine.
    #[serde(default)]
    pub thing: Option<Timestamp>,
    /// What ended by itself.
    pub expired: Option<Expired>,
    /// Machines spoken about, newest first: what "it" is at a host or the desk.
    pub focus: Vec<Vec<String>>,
    /// Names of other things spoken about, newest first, by kind.
    pub things: Vec<(grammar::kind::Of, String)>,
    /// What can be undone, newest last.
    pub undo: Vec<Done>,
    /// Changes that go on, the oldest first.
    #[serde(default)]
    pub under_way: Vec<UnderWay>,
    /// The last thing understood.
    pub last: Option<Last>,
    /// The state that the last message asked about: "if not, start it" is about that.
    #[serde(default)]
    pub asked: Option<Condition>,
    /// The last reply, for "what?".
    pub said: Option<Reply>,
    /// What went wrong last, until something goes well.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// Rows cut from the last list, for "more".
    pub more: Vec<String>,
    /// Machines of the last list in its order, for "the second one".
    #[serde(default)]
    pub listed: Vec<String>,
    /// When something was said last.
    #[serde(default)]
    pub spoken: Option<Timestamp>,
    /// The messages heard last, as [`SAME_WITHIN`] wants them: when, and which.
    #[serde(default)]
    pub heard_last: Vec<(Timestamp, u64)>,
    /// What was spoken of before the last message, newest first.
    #[serde(default)]
    pub spoken_before: Vec<Vec<String>>,
    /// Whether the question that was open has just been refused beside what is heard; only within a turn.
    #[serde(skip)]
    pub refused: bool,
    /// The plan that was refused so in the last message, by its digest.
    #[serde(default)]
    pub refused_plan: Option<String>,
    /// Whether a question was open when the last message came.
    #[serde(default)]
    pub waited: bool,
    /// Whether the text was read a second time, with its slips mended; only within a turn.
    #[serde(skip)]
    pub respelled: bool,
    /// Whether letters that changed places were put back in a word: what is said is understood, no command; only within a turn.
    #[serde(skip)]
    pub slipped: bool,
    /// Whether the last question was understood although it holds a word that has nothing to do with it.
    #[serde(default)]
    pub unheard: bool,
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
            aside: None,
            others: None,
            thing: None,
            expired: None,
            focus: Vec::new(),
            things: Vec::new(),
            undo: Vec::new(),
            under_way: Vec::new(),
            last: None,
            asked: None,
            said: None,
            trouble: None,
            more: Vec::new(),
            listed: Vec::new(),
            spoken: None,
            heard_last: Vec::new(),
            spoken_before: Vec::new(),
            refused: false,
            refused_plan: None,
            waited: false,
            respelled: false,
            slipped: false,
            unheard: false,
            stage: crate::machine::Stage::default(),
            trace: Trace::default(),
        }
    }
}

impl Session {
    /// Whether a question is open that waits for its answer: an offer may be passed over.
    pub(crate) fn waits(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !matches!(open.about, About::Skills { .. }))
    }

    /// Whether the open question wants a value.
    pub(crate) fn asks_for_a_value(&self) -> bool {
        self.open.as_ref().is_some_and(|open| matches!(open.about, About::Slots { .. }))
    }

    /// What an earlier version kept, as this one keeps it; `None` for a later version, or none at all.
    ///
    /// Version 1 knew no devices: its open question was seen nowhere, so that whoever answers gets to see it first.
    pub fn upgraded(self) -> Option<Self> {
        matches!(self.version, 1 | VERSION).then_some(Self { version: VERSION, ..self })
    }

    /// The open question was shown there.
    pub(crate) fn shown(&mut self, on: String) {
        let Some(open) = &mut self.open else { return };
        if !open.seen_on.contains(&on) {
            open.seen_on.push(on);
            let surplus = open.seen_on.len().saturating_sub(MOST_DEVICES);
            open.seen_on.drain(..surplus);
        }
    }

    /// What was done last, all that was done in one go.
    pub(crate) fn done_last(&self) -> &[Done] {
        let from = self.undo.iter().rposition(|done| !done.with_last).unwrap_or(0);
        self.undo.get(from..).unwrap_or_default()
    }

    /// Remembers what was done in one go, and forgets what was done too long before it.
    pub(crate) fn has_done(&mut self, done: Vec<Done>) {
        for (at, mut done) in done.into_iter().enumerate() {
            done.with_last = at > 0;
            self.undo.push(done);
        }
        while self.undo.iter().filter(|done| !done.with_last).count() > UNDO_DEPTH {
            let next = self.undo.iter().skip(1).position(|done| !done.with_last).map_or(self.undo.len(), |at| at + 1);
            self.undo.drain(..next);
        }
    }

    /// Remembers a change that goes on.
    pub(crate) fn goes_on(&mut self, one: UnderWay) {
        self.under_way.push(one);
        let over = self.under_way.len().saturating_sub(MOST_UNDER_WAY);
        self.under_way.drain(..over);
    }

    /// What was said to that device came back: whatever is open was not seen there. True if that changes something.
    pub fn not_seen(&mut self, on: &str) -> bool {
        let Some(open) = &mut self.open else { return false };
        let before = open.seen_on.len();
        open.seen_on.retain(|device| device != on);
        open.seen_on.len() < before
    }

    /// Ends whatever is open, also what an edited message would open again. True if that changes something.
    pub fn end_question(&mut self) -> bool {
        let before = self.last.as_mut().and_then(|last| last.before.take());
        let aside = self.aside.take();
        self.open.take().is_some() || before.is_some() || aside.is_some()
    }

    /// Remembers a message; true if it was heard before.
    pub(crate) fn heard_before(&mut self, utterance: &Utterance, now: Timestamp) -> bool {
        let Some(id) = &utterance.id else { return false };
        self.heard_last.retain(|(at, _)| now.duration_since(*at) < SAME_WITHIN);
        let mut hasher = DefaultHasher::new();
        (id, &utterance.device, &utterance.text).hash(&mut hasher);
        let which = hasher.finish();
        if self.heard_last.iter().any(|(_, known)| *known == which) {
            return true;
        }
        self.heard_last.push((now, which));
        let surplus = self.heard_last.len().saturating_sub(MOST_REMEMBERED);
        self.heard_last.drain(..surplus);
        false
    }

    /// The skill about which a question is open, also while somebody looks aside from it.
    pub fn asked_about(&self) -> Option<&str> {
        let aside = match &self.stage {
            crate::machine::Stage::Planning(planning) => planning.back_to.as_ref(),
            _ => None,
        };
        match &aside.or(self.open.as_ref())?.about {
            About::Slots { calls, at, .. } => calls.get(*at).map(|call| call.skill.as_str()),
            About::Confirm { plan, .. } => plan.calls.first().map(|call| call.skill.as_str()),
            About::Skills { .. } => None,
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
    /// What was said.
    pub text: String,
    /// The skill that somebody asks how to use.
    pub how_to: Option<String>,
    /// What came of it.
    pub decision: Decision,
    /// Why, in a word: `negated`, `how_to`, `planned`, `typo`.
    pub why: String,
}
