//! The journal: append-only JSON lines, each with the hash of the one before. It is the truth; everything else can be rebuilt.
//!
//! Before an op a line says what is about to be done by whom, after it a line says how it ended; a line without its
//! other half after a crash means that nobody knows. Facts that must outlive the store (who sees whom, addresses, rooms)
//! are lines too. `fsync` before a destructive op.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dialogue::reply::{Phrase, Var};
use jiff::{SignedDuration, Timestamp};
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
        /// The fact; `null` takes it back.
        value: serde_json::Value,
    },
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

/// A fact that was written down: its sort, what it is about, and what it says.
pub type Fact = (String, String, serde_json::Value);

/// An op begun before the last stop whose end nobody wrote down.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfinished {
    /// Who wanted it.
    pub actor: String,
    /// The skill.
    pub verb: String,
    /// The machine or host.
    pub about: Option<String>,
    /// Its id.
    pub id: String,
}

/// Why a journal can't be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system says no.
    #[error("{path}: {what}")]
    Io {
        path: PathBuf,
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
    /// A line was changed, taken out or put in afterwards.
    #[error("{path}, line {line}: the chain of hashes is broken; somebody changed the journal")]
    Broken { path: PathBuf, line: usize },
}

/// The open journal.
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    file: Option<File>,
    seq: u64,
    hash: String,
    /// When the last line was written.
    last: Option<Timestamp>,
    /// The newest told lines, for "who did that?".
    told: std::collections::VecDeque<Told>,
}

/// How many told lines are kept in memory.
const TOLD_KEPT: usize = 2_000;

impl Journal {
    /// Opens or creates `journal.jsonl` in a folder, checking the chain. A last line torn by a crash is cut off.
    /// Gives the journal, the facts in order, and what was begun and never ended (now written down as unknown).
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(folder: &Path) -> Result<(Self, Vec<Fact>, Vec<Unfinished>), JournalError> {
        let path = folder.join("journal.jsonl");
        std::fs::create_dir_all(folder).map_err(io(&path, "can't create the folder"))?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(io(&path, "can't be opened"))?;
        let Read { mut inner, facts, begun, good, torn } = Read::all(&path, &file)?;
        if torn {
            tracing::warn!(path = %path.display(), "the last line was torn by a crash and is cut off");
            file.set_len(good).map_err(io(&path, "can't be cut"))?;
        }
        inner.file = Some(file);
        let journal = Self { path, inner: Mutex::new(inner) };
        for unfinished in &begun {
            journal.write(
                Timestamp::now(),
                Entry::After {
                    id: unfinished.id.clone(),
                    outcome: Outcome::Unknown,
                    why: Some("the agent stopped on the way".to_owned()),
                },
                true,
            )?;
        }
        Ok((journal, facts, begun))
    }

    /// Lets go of lines older than `keep`; facts that still hold are written again at the end. Before [`Journal::open`].
    ///
    /// # Errors
    /// [`JournalError`]; the journal is then as it was.
    pub fn retire(folder: &Path, keep: SignedDuration, now: Timestamp) -> Result<(), JournalError> {
        let path = folder.join("journal.jsonl");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io(&path, "can't be read")(error)),
        };
        let lines: Vec<Line> = text.lines().map_while(|line| serde_json::from_str(line).ok()).collect();
        let old = lines.iter().take_while(|line| now.duration_since(line.at) > keep).count();
        if old == 0 {
            return Ok(());
        }
        let mut facts: std::collections::BTreeMap<(&str, &str), (usize, &Entry)> = std::collections::BTreeMap::new();
        for (index, line) in lines.iter().enumerate() {
            if let Entry::Fact { sort, key, .. } = &line.entry {
                facts.insert((sort, key), (index, &line.entry));
            }
        }
        let carried = facts
            .into_values()
            .filter(|(index, entry)| *index < old && !matches!(entry, Entry::Fact { value, .. } if value.is_null()));
        let mut kept: Vec<Line> = lines[old..].to_vec();
        for (_, entry) in carried {
            let last = kept.last().or(lines.last()).expect("there are old lines");
            let mut line =
                Line { seq: last.seq + 1, at: now, entry: entry.clone(), prev: last.hash.clone(), hash: String::new() };
            line.hash = hash_of(&line);
            kept.push(line);
        }
        let next = folder.join("journal.next");
        let body: String = kept
            .iter()
            .map(|line| serde_json::to_string(line).expect("a line has only strings, numbers and JSON in it") + "\n")
            .collect();
        let written = File::create(&next)
            .and_then(|mut file| file.write_all(body.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&next, &path));
        written.map_err(io(&path, "can't be written again"))
    }

    /// Checks the chain, and changes nothing: an agent may be writing. Gives the number of lines; none when there is no journal yet.
    ///
    /// # Errors
    /// [`JournalError`]; also when the folder can't be written.
    pub fn verify(folder: &Path) -> Result<u64, JournalError> {
        let path = folder.join("journal.jsonl");
        std::fs::create_dir_all(folder).map_err(io(&path, "can't create the folder"))?;
        let file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                tempfile_in(folder).map_err(io(&path, "can't be written"))?;
                return Ok(0);
            }
            Err(error) => return Err(io(&path, "can't be opened")(error)),
        };
        Ok(Read::all(&path, &file)?.inner.seq)
    }

    /// A journal in memory, for `explain` and transcripts.
    pub fn in_memory() -> Self {
        Self {
            path: PathBuf::new(),
            inner: Mutex::new(Inner {
                file: None,
                seq: 0,
                hash: String::new(),
                last: None,
                told: std::collections::VecDeque::new(),
            }),
        }
    }

    /// Appends a line; `sync` waits until the disk has it.
    ///
    /// # Errors
    /// [`JournalError::Io`]: nothing may be changed then.
    pub fn write(&self, at: Timestamp, entry: Entry, sync: bool) -> Result<(), JournalError> {
        self.write_all(at, vec![entry], sync)
    }

    /// Appends several lines in one go, all of them or none; `sync` waits once until the disk has them.
    ///
    /// # Errors
    /// [`JournalError::Io`]: nothing may be changed then.
    pub fn write_all(&self, at: Timestamp, entries: Vec<Entry>, sync: bool) -> Result<(), JournalError> {
        let mut inner = self.lock();
        let mut lines: Vec<Line> = Vec::with_capacity(entries.len());
        for entry in entries {
            let (seq, prev) = match lines.last() {
                Some(line) => (line.seq + 1, line.hash.clone()),
                None => (inner.seq + 1, inner.hash.clone()),
            };
            let mut line = Line { seq, at, entry, prev, hash: String::new() };
            line.hash = hash_of(&line);
            lines.push(line);
        }
        if let Some(file) = &mut inner.file {
            let mut text = String::new();
            for line in &lines {
                text += &serde_json::to_string(line).expect("a line has only strings, numbers and JSON in it");
                text.push('\n');
            }
            file.write_all(text.as_bytes()).map_err(io(&self.path, "can't be written"))?;
            if sync {
                file.sync_data().map_err(io(&self.path, "can't be synced"))?;
            }
        }
        for line in lines {
            inner.seq = line.seq;
            inner.hash = line.hash;
            inner.last = Some(line.at);
            if let Entry::Told(told) = line.entry {
                inner.remember(told);
            }
        }
        Ok(())
    }

    /// When the last line was written: right after opening, the last that is known of the time before.
    pub fn last(&self) -> Option<Timestamp> {
        self.lock().last
    }

    /// Newest first: what was told of a machine or host, or of all.
    pub fn told(&self, about: Option<&str>, most: usize) -> Vec<Told> {
        self.lock()
            .told
            .iter()
            .rev()
            .filter(|told| about.is_none_or(|about| told.about == about))
            .take(most)
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a journal holds when read from its beginning.
struct Read {
    inner: Inner,
    facts: Vec<Fact>,
    begun: Vec<Unfinished>,
    /// Bytes up to the end of the last whole line.
    good: u64,
    torn: bool,
}

impl Read {
    fn all(path: &Path, file: &File) -> Result<Self, JournalError> {
        let mut read = Self {
            inner: Inner {
                file: None,
                seq: 0,
                hash: String::new(),
                last: None,
                told: std::collections::VecDeque::new(),
            },
            facts: Vec::new(),
            begun: Vec::new(),
            good: 0,
            torn: false,
        };
        let mut reader = BufReader::new(file);
        let mut text = String::new();
        let mut number = 0;
        loop {
            text.clear();
            let length = reader.read_line(&mut text).map_err(io(path, "can't be read"))?;
            if length == 0 {
                return Ok(read);
            }
            number += 1;
            let broken = || JournalError::Broken { path: path.to_owned(), line: number };
            let line = match serde_json::from_str::<Line>(&text) {
                Ok(line) => line,
                // Only the very last line may be torn.
                Err(_) if !text.ends_with('\n') => {
                    read.torn = true;
                    return Ok(read);
                }
                Err(_) => return Err(broken()),
            };
            // The first line's forerunner may have been retired.
            let follows = number == 1 || line.prev == read.inner.hash;
            if !follows || line.hash != hash_of(&line) {
                return Err(broken());
            }
            read.good += length as u64;
            read.take(line);
        }
    }

    fn take(&mut self, line: Line) {
        self.inner.seq = line.seq;
        self.inner.hash = line.hash;
        self.inner.last = Some(line.at);
        match line.entry {
            Entry::Before { actor, verb, about, id, .. } => self.begun.push(Unfinished { actor, verb, about, id }),
            Entry::After { id, .. } => self.begun.retain(|unfinished| unfinished.id != id),
            Entry::Told(told) => self.inner.remember(Told { at: line.at, ..told }),
            Entry::Fact { sort, key, value } => self.facts.push((sort, key, value)),
        }
    }
}

fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> JournalError + use<> {
    let path = path.to_owned();
    move |source| JournalError::Io { path, what, source }
}

/// Proves that a folder can be written.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    File::create(&probe)?;
    std::fs::remove_file(probe)
}

impl Inner {
    fn remember(&mut self, told: Told) {
        if self.told.len() == TOLD_KEPT {
            self.told.pop_front();
        }
        self.told.push_back(told);
    }
}

fn hash_of(line: &Line) -> String {
    let unsigned = Line { hash: String::new(), ..line.clone() };
    let text = serde_json::to_string(&unsigned).expect("a line has only strings, numbers and JSON in it");
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(n: u64) -> Entry {
        Entry::Fact { sort: "subscription".to_owned(), key: format!("k{n}"), value: serde_json::json!(n) }
    }

    #[test]
    fn facts_come_back_in_order_and_a_torn_last_line_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        {
            let (journal, _, _) = Journal::open(folder.path()).expect("opens");
            for n in 0..3 {
                journal.write(Timestamp::UNIX_EPOCH, fact(n), n == 2).expect("written");
            }
        }
        let path = folder.path().join("journal.jsonl");
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"seq\":4,\"at"))
            .expect("torn");
        let (journal, facts, _) = Journal::open(folder.path()).expect("opens again");
        assert_eq!(facts.iter().map(|(_, key, _)| key.as_str()).collect::<Vec<_>>(), ["k0", "k1", "k2"]);
        journal.write(Timestamp::UNIX_EPOCH, fact(3), false).expect("goes on");
        drop(journal);
        assert_eq!(Journal::open(folder.path()).expect("whole").1.len(), 4);
    }

    #[test]
    fn what_was_told_is_remembered_with_its_time_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let told = Told {
            at: Timestamp::from_second(1_000).expect("a time"),
            actor: None,
            verb: "event.crashed".to_owned(),
            about: "web1".to_owned(),
            text: "web1 has crashed.".to_owned(),
            phrase: Some(Phrase::common("event_crashed").with("name", "web1")),
        };
        {
            let (journal, _, _) = Journal::open(folder.path()).expect("opens");
            journal.write(told.at, Entry::Told(told.clone()), false).expect("written");
        }
        let (journal, _, _) = Journal::open(folder.path()).expect("opens again");
        assert_eq!(journal.told(Some("web1"), 9), [told]);
    }

    #[test]
    fn a_changed_line_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let (journal, _, _) = Journal::open(folder.path()).expect("opens");
        for n in 0..3 {
            journal.write(Timestamp::UNIX_EPOCH, fact(n), false).expect("written");
        }
        drop(journal);
        let path = folder.path().join("journal.jsonl");
        let text = std::fs::read_to_string(&path).expect("text").replace("\"k1\"", "\"k9\"");
        std::fs::write(&path, text).expect("changed");
        assert!(matches!(Journal::verify(folder.path()), Err(JournalError::Broken { line: 2, .. })));
        assert!(matches!(Journal::open(folder.path()), Err(JournalError::Broken { line: 2, .. })));
    }

    #[test]
    fn old_lines_are_let_go_and_what_still_holds_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(240);
        let (journal, _, _) = Journal::open(folder.path()).expect("opens");
        for (n, at) in [(1, Timestamp::UNIX_EPOCH), (2, Timestamp::UNIX_EPOCH), (1, now)] {
            journal.write(at, fact(n), false).expect("written");
        }
        drop(journal);
        Journal::retire(folder.path(), SignedDuration::from_hours(48), now).expect("retired");
        assert_eq!(Journal::verify(folder.path()).expect("the chain holds"), 4, "the numbers go on");
        let facts: Vec<String> =
            Journal::open(folder.path()).expect("opens").1.into_iter().map(|(_, key, _)| key).collect();
        assert_eq!(facts, ["k1", "k2"]);
    }

    #[test]
    fn what_was_begun_and_never_ended_is_unknown_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (journal, _, _) = Journal::open(folder.path()).expect("opens");
        let before = Entry::Before {
            actor: "alice@localhost".to_owned(),
            verb: "vm.start".to_owned(),
            about: Some("web1".to_owned()),
            op: serde_json::Value::Null,
            id: "1".to_owned(),
        };
        journal.write(Timestamp::UNIX_EPOCH, before, true).expect("written");
        drop(journal);
        assert_eq!(Journal::open(folder.path()).expect("opens").2.len(), 1);
        assert_eq!(Journal::open(folder.path()).expect("opens").2.len(), 0, "told once");
    }
}
