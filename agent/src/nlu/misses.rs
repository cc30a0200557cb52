//! What was not understood, kept for whoever writes the corpus: only when switched on, for some days, and never who said it.
//!
//! Names of machines, quoted parts, addresses, long numbers and whatever looks like a name are masked before anything is
//! written. When the person then says it another way, or picks what was offered, the skill that it turned out to be is
//! written down too: its line is ready for the corpus.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use dialogue::CONTROLS;
use dialogue::book::Book;
use dialogue::policy;
use dialogue::session::{Decision, Trace};
use dialogue::spec::Scope;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

mod mask;
mod report;

pub use mask::{Names, names};
pub use report::report;

/// The file in the store's folder.
const FILE: &str = "misses.jsonl";
/// Its greatest size; the oldest half is let go when it is reached.
const MOST_BYTES: u64 = 1 << 20;
/// How long after a miss a command may say what was meant.
const SEQUEL_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// How often old lines are let go while the agent runs.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_hours(6);
/// Most tries of one conversation that a command explains.
const MOST_TRIES: usize = 5;
/// Skills that never are what was meant, besides the controls.
const COURTESIES: [&str; 4] = ["talk.bye", "talk.greet", "talk.help", "talk.thanks"];

/// What became of a text that was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Said to be so.
    NotUnderstood,
    /// The best guesses were offered.
    GuessOffered,
    /// Taken for a report, a negation or the like.
    Vetoed,
}

/// One text that was not understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Miss {
    /// Joins it to its [`Sequel`].
    id: u64,
    /// When.
    pub at: Timestamp,
    /// The language it was read as.
    pub language: String,
    /// The kind of entity it was said to.
    pub to: Scope,
    /// The text, masked.
    pub text: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in a word, of what was vetoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the classifier thought first, and how much of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranked: Option<(String, f32)>,
    /// The skill that it turned out to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant: Option<String>,
}

/// What a miss turned out to be.
#[derive(Debug, Serialize, Deserialize)]
struct Sequel {
    id: u64,
    meant: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Miss(Miss),
    Sequel(Sequel),
}

impl Line {
    fn id(&self) -> u64 {
        match self {
            Self::Miss(miss) => miss.id,
            Self::Sequel(sequel) => sequel.id,
        }
    }
}

/// One turn, as far as it matters here.
pub struct Heard<'a> {
    /// What was said.
    pub text: &'a str,
    /// How it was understood.
    pub trace: &'a Trace,
    /// What the classifier thought first.
    pub ranked: Option<&'a (String, f32)>,
    /// The language it was read as.
    pub language: &'a str,
    /// The kind of entity it was said to.
    pub to: Scope,
    /// When.
    pub at: Timestamp,
}

/// The book of misses.
pub struct Misses {
    path: PathBuf,
    keep: SignedDuration,
    ordinary: HashSet<String>,
    inner: Mutex<Inner>,
}

struct Inner {
    next: u64,
    swept: Timestamp,
    /// By conversation; only in memory.
    waiting: HashMap<String, Vec<(u64, Timestamp)>>,
    complained: bool,
}

impl Misses {
    /// The misses in a folder; those older than `keep` are let go.
    pub fn open(folder: &Path, keep: SignedDuration, now: Timestamp, book: &Book) -> Self {
        let inner = Inner { next: 1, swept: now, waiting: HashMap::new(), complained: false };
        let misses = Self { path: folder.join(FILE), keep, ordinary: mask::ordinary(book), inner: Mutex::new(inner) };
        {
            let mut inner = misses.inner.lock();
            let swept = misses.sweep(&mut inner, now);
            misses.complain(&mut inner, swept);
        }
        misses
    }

    /// Takes a turn: writes down what was not understood, or what that turned out to be. What goes wrong with it is
    /// logged once and never heard of in the conversation.
    pub fn heard(&self, conversation: &str, heard: &Heard<'_>, names: &dyn Fn() -> Names) {
        let mut inner = self.inner.lock();
        inner.waiting.retain(|_, tries| {
            tries.retain(|(_, at)| heard.at.duration_since(*at) <= SEQUEL_WITHIN);
            !tries.is_empty()
        });
        let written = if let Some(skill) = meant(heard.trace) {
            let tries = inner.waiting.remove(conversation).unwrap_or_default();
            tries.into_iter().try_for_each(|(id, _)| {
                self.write(&mut inner, heard.at, &Line::Sequel(Sequel { id, meant: skill.to_owned() }))
            })
        } else if let Some(outcome) = missed(heard.trace) {
            let id = inner.next;
            inner.next += 1;
            // What did not answer a question is no wording of what is done next.
            if heard.trace.decision != Decision::AskSlot {
                let tries = inner.waiting.entry(conversation.to_owned()).or_default();
                tries.push((id, heard.at));
                let surplus = tries.len().saturating_sub(MOST_TRIES);
                tries.drain(..surplus);
            }
            let miss = Miss {
                id,
                at: heard.at,
                language: heard.language.to_owned(),
                to: heard.to,
                text: mask::masked(heard.text, &names(), &self.ordinary),
                outcome,
                why: Some(heard.trace.why.clone()).filter(|_| outcome == Outcome::Vetoed),
                ranked: heard.ranked.cloned(),
                meant: None,
            };
            self.write(&mut inner, heard.at, &Line::Miss(miss))
        } else {
            Ok(())
        };
        self.complain(&mut inner, written);
    }

    fn write(&self, inner: &mut Inner, now: Timestamp, line: &Line) -> std::io::Result<()> {
        let size = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        if size > MOST_BYTES || now.duration_since(inner.swept) >= SWEEP_EVERY {
            self.sweep(inner, now)?;
        }
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        private(OpenOptions::new().append(true).create(true)).open(&self.path)?.write_all(text.as_bytes())
    }

    /// Deletes what is too old, and of the oldest when there is too much.
    fn sweep(&self, inner: &mut Inner, now: Timestamp) -> std::io::Result<()> {
        inner.swept = now;
        let last = sweep(&self.path, self.keep, now)?;
        inner.next = inner.next.max(last + 1);
        Ok(())
    }

    fn complain(&self, inner: &mut Inner, outcome: std::io::Result<()>) {
        if let Err(error) = outcome
            && !std::mem::replace(&mut inner.complained, true)
        {
            tracing::warn!(%error, path = %self.path.display(), "what is not understood can't be written down");
        }
    }
}

/// Deletes what is too old in a folder where nothing is written down any more.
///
/// # Errors
/// When the file is there and can't be read or written.
pub fn retire(folder: &Path, keep: SignedDuration, now: Timestamp) -> std::io::Result<()> {
    sweep(&folder.join(FILE), keep, now).map(drop)
}

/// Deletes what is too old or too much, and gives the last number that was in the file.
fn sweep(path: &Path, keep: SignedDuration, now: Timestamp) -> std::io::Result<u64> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let kept = kept(&text, keep, now);
    if kept != text {
        let next = path.with_extension("next");
        let mut file: File = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&next)?;
        file.write_all(kept.as_bytes())?;
        std::fs::rename(&next, path)?;
    }
    Ok(lines(&text).map(|line| line.id()).max().unwrap_or(0))
}

/// People's own words: for the agent's eyes only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// What a turn shows to have been meant by the ones before it.
fn meant(trace: &Trace) -> Option<&str> {
    let understood = trace.path.is_some_and(|path| path >= policy::Path::Understood) && !vetoed(trace);
    let skill = trace.skill.as_deref().filter(|_| understood && trace.how_to.is_none())?;
    (!COURTESIES.contains(&skill) && !CONTROLS.contains(&skill)).then_some(skill)
}

/// Whether a turn is one to keep. What was pasted, too long, or has two plain readings is not for the corpus.
fn missed(trace: &Trace) -> Option<Outcome> {
    match trace.path {
        _ if vetoed(trace) => Some(Outcome::Vetoed),
        Some(policy::Path::Guess) if !matches!(trace.why.as_str(), "two readings" | "bare_stop") => {
            Some(Outcome::GuessOffered)
        }
        Some(policy::Path::None) if trace.skill.is_none() && trace.why != "pasted" => Some(Outcome::NotUnderstood),
        _ => None,
    }
}

fn vetoed(trace: &Trace) -> bool {
    matches!(trace.why.as_str(), "negated" | "report" | "about_others" | "hypothetical")
        && trace.decision == Decision::Decline
}

/// Lines that can be read; a torn last one can't.
fn lines(text: &str) -> impl Iterator<Item = Line> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// What is young enough of a file, in at most half its greatest size if it had outgrown that.
fn kept(text: &str, keep: SignedDuration, now: Timestamp) -> String {
    let young = |miss: &Miss| now.duration_since(miss.at) <= keep;
    let ids: HashSet<u64> = lines(text)
        .filter_map(|line| match line {
            Line::Miss(miss) if young(&miss) => Some(miss.id),
            _ => None,
        })
        .collect();
    let stays = |line: &&str| serde_json::from_str::<Line>(line).is_ok_and(|line| ids.contains(&line.id()));
    let all: Vec<&str> = text.lines().filter(stays).collect();
    let most = if text.len() as u64 > MOST_BYTES { MOST_BYTES / 2 } else { u64::MAX };
    let mut bytes = 0;
    let begin = all.iter().rev().take_while(|line| {
        bytes += line.len() as u64 + 1;
        bytes <= most
    });
    let newest = begin.count();
    all[all.len() - newest..].iter().map(|line| format!("{line}\n")).collect()
}

/// All misses in a folder, oldest first, each with what it turned out to be. Vetoes after which the same person had
/// something done are left out: those were rightly no request.
///
/// # Errors
/// When the file is there and can't be read.
pub fn read(folder: &Path) -> std::io::Result<Vec<Miss>> {
    let text = match std::fs::read_to_string(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut misses: BTreeMap<u64, Miss> = BTreeMap::new();
    for line in lines(&text) {
        match line {
            Line::Miss(miss) => drop(misses.insert(miss.id, miss)),
            Line::Sequel(Sequel { id, meant }) => {
                if let Some(miss) = misses.get_mut(&id) {
                    miss.meant = Some(meant);
                }
            }
        }
    }
    Ok(misses.into_values().filter(|miss| miss.outcome != Outcome::Vetoed || miss.meant.is_none()).collect())
}

#[cfg(test)]
mod tests;
