//! Conversations with what is expected of each turn, judged by what is done, what is asked and which facts are told; never by wording.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::SignedDuration;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{Asked, Conversation, Done, Told, Turn, World};
use crate::nlu::Nlu;

/// The first line of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    world: World,
    /// What it shows.
    #[serde(rename = "about")]
    _about: String,
    /// What it is hard in.
    kind: String,
    /// How the person writes.
    #[serde(rename = "voice")]
    _voice: String,
}

/// A turn with what is expected of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    to: String,
    text: String,
    #[serde(default)]
    who: Option<String>,
    #[serde(default)]
    after: Option<SignedDuration>,
    expect: Expect,
}

/// What a careful colleague would do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    /// All that is done in this turn; of values, those that matter.
    applied: Vec<Done>,
    /// What is asked; several when each is fine, `null` for nothing.
    asked: Questions,
    /// Facts: regular expressions, each found in what is answered, whatever the case and accents.
    tells: Vec<String>,
    /// Nobody answers.
    silent: bool,
    /// What is as good.
    or: Vec<Expect>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Questions {
    One(Option<Asked>),
    Any(Vec<Option<Asked>>),
}

impl Default for Questions {
    fn default() -> Self {
        Self::One(None)
    }
}

impl Questions {
    fn accepts(&self, asked: Option<Asked>) -> bool {
        match self {
            Self::One(one) => *one == asked,
            Self::Any(any) => any.contains(&asked),
        }
    }
}

/// How a turn went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As expected.
    Right,
    /// It was asked where it was clear.
    Needless,
    /// Something else was answered, asked or left out; nothing was done that wasn't wanted.
    Misunderstood,
    /// Something was done that wasn't wanted.
    Dangerous,
}

impl Expect {
    fn ways(&self) -> impl Iterator<Item = &Expect> {
        std::iter::once(self).chain(&self.or)
    }

    /// How it went. `owed` was wanted by turns before and asked about instead: a yes to that is no danger.
    fn judge(&self, told: &Told, owed: &[Done]) -> Verdict {
        if self.ways().any(|way| way.is(told)) {
            return Verdict::Right;
        }
        let wanted = |skill: &str, machine: Option<&str>| {
            let all = self.ways().flat_map(|way| &way.applied).chain(owed);
            let mut of_skill = all.filter(|done| done.skill == skill);
            of_skill.any(|done| machine.is_none_or(|machine| done.machines.iter().any(|one| one == machine)))
        };
        let unwanted = told.applied.iter().any(|done| {
            if done.machines.is_empty() {
                return done.skill != "talk.language" && !wanted(&done.skill, None);
            }
            done.machines.iter().any(|machine| !wanted(&done.skill, Some(machine)))
        });
        if unwanted {
            return Verdict::Dangerous;
        }
        let needless = told.asked.is_some() && self.ways().all(|way| !way.asked.accepts(told.asked));
        if needless && self.ways().any(|way| way.asked.accepts(None)) {
            Verdict::Needless
        } else {
            Verdict::Misunderstood
        }
    }

    fn is(&self, told: &Told) -> bool {
        if self.silent {
            return told.replies.is_empty();
        }
        let all = fold(&told.replies.join("\n"));
        same(&self.applied, &told.applied)
            && self.asked.accepts(told.asked)
            && self.tells.iter().all(|fact| fact_of(fact).is_ok_and(|fact| fact.is_match(&all)))
    }
}

/// Whether the same was done to the same machines, with the values that matter, in whatever groups.
fn same(wanted: &[Done], done: &[Done]) -> bool {
    let each = |list: &[Done]| -> Vec<(String, Option<String>, BTreeMap<String, String>)> {
        let mut each = Vec::new();
        for done in list.iter().filter(|done| done.skill != "talk.language") {
            let machines: Vec<Option<String>> = match done.machines.as_slice() {
                [] => vec![None],
                machines => machines.iter().cloned().map(Some).collect(),
            };
            each.extend(machines.into_iter().map(|machine| (done.skill.clone(), machine, done.slots.clone())));
        }
        each.sort();
        each
    };
    let (wanted, done) = (each(wanted), each(done));
    wanted.len() == done.len()
        && wanted.iter().zip(&done).all(|(wanted, done)| {
            let value = |name: &str, value: &str| done.2.get(name).is_some_and(|is| is.eq_ignore_ascii_case(value));
            wanted.0 == done.0
                && (wanted.1.is_none() || wanted.1 == done.1)
                && wanted.2.iter().all(|(name, said)| value(name, said))
        })
}

fn fact_of(fact: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&fold(fact)).case_insensitive(true).multi_line(true).build()
}

/// Without accents; case is left, or an expression's `\B` would become another.
fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

/// A turn that did not go right.
#[derive(Clone, Debug, Serialize)]
pub struct Wrong {
    /// In which file.
    pub file: String,
    /// On which line.
    pub line: usize,
    /// How it went.
    pub verdict: Verdict,
    /// To whom it was said.
    pub to: String,
    /// What was said.
    pub text: String,
    /// What came of it.
    pub told: Told,
    /// What was expected, as the file has it.
    pub expected: serde_json::Value,
}

/// How many turns went how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// As expected.
    pub right: usize,
    /// Asked without need.
    pub needless: usize,
    /// Understood as something else.
    pub misunderstood: usize,
    /// Done though not wanted.
    pub dangerous: usize,
}

impl Tally {
    fn count(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Right => &mut self.right,
            Verdict::Needless => &mut self.needless,
            Verdict::Misunderstood => &mut self.misunderstood,
            Verdict::Dangerous => &mut self.dangerous,
        } += 1;
    }

    /// All turns.
    pub fn turns(&self) -> usize {
        self.right + self.needless + self.misunderstood + self.dangerous
    }
}

/// What came of many conversations.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// Conversations.
    pub conversations: usize,
    /// By language and half ("en/blind").
    pub by_half: BTreeMap<String, Tally>,
    /// By language, half and kind.
    pub by_kind: BTreeMap<String, BTreeMap<String, Tally>>,
    /// Every turn that did not go right.
    pub wrong: Vec<Wrong>,
}

/// A file that can't be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// It can't be read.
    #[error("{path}: can't be read")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A line of it is wrong.
    #[error("{path}, line {line}: {why}")]
    Line { path: PathBuf, line: usize, why: String },
}

/// Holds all conversations below a folder, `LANGUAGE/HALF/NAME.jsonl`, and judges each turn.
///
/// # Errors
/// [`JudgeError`], at the first file that can't be judged.
pub fn measure(nlu: &Arc<Nlu>, folder: &Path) -> Result<Measured, JudgeError> {
    let mut measured = Measured::default();
    for path in files(folder)? {
        let below = path.strip_prefix(folder).unwrap_or(&path);
        let half = below.parent().map(|half| half.display().to_string()).unwrap_or_default();
        let file = below.display().to_string();
        hold(nlu, &path, &half, &file, &mut measured)?;
        measured.conversations += 1;
    }
    Ok(measured)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, JudgeError> {
    let unreadable = |source| JudgeError::Unreadable { path: folder.to_owned(), source };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "jsonl") {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

fn hold(nlu: &Arc<Nlu>, path: &Path, half: &str, file: &str, measured: &mut Measured) -> Result<(), JudgeError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| JudgeError::Unreadable { path: path.to_owned(), source })?;
    let wrong = |line: usize, why: String| JudgeError::Line { path: path.to_owned(), line, why };
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, first) = lines.next().ok_or_else(|| wrong(1, "there is nothing in it".to_owned()))?;
    let header: Header = serde_json::from_str(first).map_err(|error| wrong(1, error.to_string()))?;
    let mut conversation = Conversation::begin(nlu, &header.world).map_err(|error| wrong(1, error.to_string()))?;
    let mut owed = Vec::new();
    for (index, line) in lines {
        let at = index + 1;
        let read: serde_json::Value = serde_json::from_str(line).map_err(|error| wrong(at, error.to_string()))?;
        let expected = read["expect"].clone();
        let Judged { to, text, who, after, expect } =
            serde_json::from_value(read).map_err(|error| wrong(at, error.to_string()))?;
        let facts = expect.ways().flat_map(|way| &way.tells);
        facts.into_iter().try_for_each(|fact| fact_of(fact).map(drop)).map_err(|error| wrong(at, error.to_string()))?;
        let told =
            conversation.say(&Turn { to: to.clone(), text: text.clone(), who, after }).map_err(|why| wrong(at, why))?;
        let verdict = expect.judge(&told, &owed);
        if told.asked.is_some() && told.applied.is_empty() {
            owed.extend(expect.ways().flat_map(|way| way.applied.clone()));
        }
        measured.by_half.entry(half.to_owned()).or_default().count(verdict);
        let kinds = measured.by_kind.entry(half.to_owned()).or_default();
        kinds.entry(header.kind.clone()).or_default().count(verdict);
        if verdict != Verdict::Right {
            measured.wrong.push(Wrong { file: file.to_owned(), line: at, verdict, to, text, told, expected });
        }
    }
    Ok(())
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} conversations", self.conversations)?;
        writeln!(
            f,
            "{:<28}{:>7}{:>9}{:>11}{:>15}{:>11}",
            "", "turns", "right", "needless", "misunderstood", "dangerous"
        )?;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, tally: &Tally| {
            #[expect(clippy::cast_precision_loss, reason = "a share of some hundreds")]
            let share = |count: usize| format!("{:.1} %", 100.0 * count as f64 / tally.turns().max(1) as f64);
            writeln!(
                f,
                "{name:<28}{:>7}{:>9}{:>11}{:>15}{:>11}",
                tally.turns(),
                share(tally.right),
                share(tally.needless),
                share(tally.misunderstood),
                tally.dangerous
            )
        };
        for (half, tally) in &self.by_half {
            row(f, half, tally)?;
            for (kind, tally) in self.by_kind.get(half).into_iter().flatten() {
                row(f, &format!("  {kind}"), tally)?;
            }
        }
        Ok(())
    }
}
