//! What stands in a journal: one JSON object a line, each with the hash of the one before.

use std::fmt;

use dialogue::reply::{Phrase, Var};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
    /// Hash of the line before; empty in the first.
    pub prev: String,
    /// SHA-256 of all the above, in hex.
    pub hash: String,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// About to be done.
    Before {
        /// The person's bare address.
        actor: String,
        /// The skill: the audit verb.
        verb: String,
        /// The machine or host concerned, by name.
        about: Option<String>,
        /// The op, in full.
        op: serde_json::Value,
        /// Joins it to its [`Entry::After`].
        id: String,
    },
    /// How it ended.
    After {
        /// As in [`Entry::Before`].
        id: String,
        /// `done`, `failed`, `unknown`.
        outcome: Outcome,
        /// Why not, when not done.
        why: Option<String>,
    },
    /// Something was told: an applied change in words, or an event of a host.
    Told(Told),
    /// A fact that outlives the store.
    Fact {
        /// What sort: `subscription`, `address`, `room`.
        sort: String,
        /// About what.
        key: String,
        /// What held until then, `null` where nothing did: the journal itself fills it in.
        #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
        before: serde_json::Value,
        /// The fact; `null` takes it back.
        value: serde_json::Value,
        /// Since when it holds, where the line that said so was let go.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// Lines before this number were let go, since they were older than is kept.
    Retired {
        /// The number of the first line that was kept.
        first: u64,
    },
    /// The journal did not hold, or was touched while the agent ran: so that it is known from here on.
    Damage(Damage),
    /// Whoever runs the agent has looked at a damage: it is no alarm any more. Only this one, at this place.
    Accepted(Damage),
}

impl Entry {
    /// A fact that is so from now on; `null` takes it back.
    pub fn fact(sort: &str, key: &str, value: serde_json::Value) -> Self {
        let (sort, key) = (sort.to_owned(), key.to_owned());
        Self::Fact { sort, key, before: serde_json::Value::Null, value, since: None }
    }
}

/// What was wrong with a journal, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// What sort.
    pub what: What,
    /// The line of the file, from 1, as it was when this was found.
    pub line: u64,
    /// The number of the last whole line before it.
    pub after: u64,
    /// How many bytes are concerned; 0 where some are missing.
    pub bytes: u64,
    /// Tells these bytes from others at the same place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// The file in the same folder that keeps these bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<String>,
}

impl Damage {
    /// Whether this is the same place as another: what was noted once is no news.
    pub(super) fn same(&self, other: &Self) -> bool {
        let part = |what| matches!(what, What::Torn | What::Unreadable);
        self.after == other.after
            && self.bytes == other.bytes
            && self.digest == other.digest
            && (self.what == other.what || part(self.what) && part(other.what))
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, line, after, bytes, aside, .. } = self;
        match what {
            What::Torn => write!(f, "line {line} and what follows it was not written whole ({bytes} bytes)"),
            What::Unreadable => write!(f, "line {line} can't be read ({bytes} bytes)"),
            What::Changed => {
                write!(f, "line {line} was changed after it was written: the chain of hashes is broken there")
            }
            What::Gap => write!(
                f,
                "before line {line}, lines are missing or others were put in: the chain of hashes is broken there"
            ),
            What::Deleted => write!(f, "after entry {after}, it was deleted while the agent ran, and put back"),
            What::Replaced => write!(f, "after entry {after}, another file took its place while the agent ran"),
            What::Shortened => write!(f, "after entry {after} or before, it was cut short while the agent ran"),
            What::Grown => write!(f, "after entry {after}, something else wrote into it while the agent ran"),
        }?;
        aside.as_ref().map_or(Ok(()), |aside| write!(f, "; kept in {aside}"))
    }
}

/// A sort of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The end was not written whole: a full disk, a power cut.
    Torn,
    /// Something in the middle is no line.
    Unreadable,
    /// A line is not what its own hash says.
    Changed,
    /// A line does not follow the one before: some were taken out or put in.
    Gap,
    /// Deleted while the agent ran, and put back.
    Deleted,
    /// Another file took its place while the agent ran; it was put aside.
    Replaced,
    /// Cut short while the agent ran.
    Shortened,
    /// Something else wrote into it while the agent ran.
    Grown,
}

impl What {
    /// Its name in the corpus and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Torn => "torn",
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
            Self::Gap => "gap",
            Self::Deleted => "deleted",
            Self::Replaced => "replaced",
            Self::Shortened => "shortened",
            Self::Grown => "grown",
        }
    }

    /// Whether it happened under a running agent, whose next line therefore does not follow.
    pub(super) fn while_running(self) -> bool {
        matches!(self, Self::Deleted | Self::Replaced | Self::Shortened | Self::Grown)
    }
}

/// How an op ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It happened.
    Done,
    /// It did not.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// What was told of a machine or host: `audit.who` and `audit.why` read these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// When; as in its [`Line`], which alone writes it down.
    #[serde(skip)]
    pub at: Timestamp,
    /// Who did it, as people call them; `None` for what came from outside Atoll or by itself.
    pub actor: Option<String>,
    /// The skill id, or the event's name.
    pub verb: String,
    /// The machine or host.
    pub about: String,
    /// The sentence.
    pub text: String,
    /// The same in no language; journals of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<Phrase>,
}

impl Told {
    /// As a value of another sentence, in the language of that.
    pub fn said(&self) -> Var {
        self.phrase.clone().map_or_else(|| self.text.as_str().into(), Var::from)
    }
}

/// An op begun before the last stop whose end nobody wrote down.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfinished {
    /// Who wanted it.
    pub actor: String,
    /// The skill.
    pub verb: String,
    /// The machine or host.
    pub about: Option<String>,
    /// The op, in full; `null` when only its answer is missing.
    pub op: serde_json::Value,
    /// Its id.
    pub id: String,
}

/// How a line ends: its hash, which is made over the line with this part empty.
const HASH: &str = "\"hash\":\"";

impl Line {
    /// A line with its hash, as text without the line break.
    pub(super) fn sealed(seq: u64, at: Timestamp, entry: Entry, prev: String) -> (Self, String) {
        let mut line = Self { seq, at, entry, prev, hash: String::new() };
        let mut text = serde_json::to_string(&line).expect("a line has only strings, numbers and JSON in it");
        line.hash = digest(text.as_bytes(), b"");
        text.truncate(text.len() - "\"}".len());
        text.push_str(&line.hash);
        text.push_str("\"}");
        (line, text)
    }
}

/// What every line has, whatever else it says: also one that a later version wrote.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) prev: String,
    pub(super) hash: String,
}

/// What some bytes turn out to be.
#[derive(Debug)]
pub(super) enum Content {
    /// A line that is what its hash says; without an entry when a later version wrote it.
    Whole(Head, Option<Box<Entry>>),
    /// A line that its hash does not fit.
    Changed,
    /// No line.
    Unreadable,
}

impl Content {
    /// Reads bytes without their line break. The hash is taken of the bytes as they stand, so that no change goes unseen.
    pub(super) fn of(raw: &[u8]) -> Self {
        let (head, entry) = match serde_json::from_slice::<Line>(raw) {
            Ok(Line { seq, at, entry, prev, hash }) => (Head { seq, at, prev, hash }, Some(Box::new(entry))),
            Err(_) => match serde_json::from_slice::<Head>(raw) {
                Ok(head) => (head, None),
                Err(_) => return Self::Unreadable,
            },
        };
        let end = format!("{HASH}{}\"}}", head.hash);
        match raw.strip_suffix(end.as_bytes()) {
            Some(begin) if digest(begin, format!("{HASH}\"}}").as_bytes()) == head.hash => Self::Whole(head, entry),
            _ => Self::Changed,
        }
    }
}

pub(super) fn digest(begin: &[u8], end: &[u8]) -> String {
    let hash = Sha256::new().chain_update(begin).chain_update(end).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
