//! The corpus file format: all words of a skill, or of several, in one language (`corpus.pest`).
//!
//! This reads the file and nothing more: whether patterns are right, slots exist and variables are supplied is checked
//! where skills are known.

use std::{collections::BTreeMap, ops::Range};

use pest::{Parser, iterators::Pair};

mod syntax {
    #[derive(pest_derive::Parser)]
    #[grammar = "corpus.pest"]
    pub struct CorpusParser;
}

use syntax::{CorpusParser, Rule};

/// A corpus file; each `# id` begins a skill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorpusFile {
    /// In the order of the file.
    pub skills: Vec<SkillText>,
}

/// Something that was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<T> {
    /// What was written.
    pub value: T,
    /// Line in the file, from 1.
    pub line: usize,
}

/// The words of one skill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkillText {
    /// `disk.create`
    pub id: String,
    /// Line of its `#`.
    pub line: usize,
    /// What stands after the dash: `# disk.create — New disks`.
    pub title: Option<String>,
    /// `=` command patterns, as written, on one line each.
    pub patterns: Vec<Line<String>>,
    /// `+` phrasings to learn from.
    pub examples: Vec<Example>,
    /// `!` what is close to this skill and is not it.
    pub near_misses: Vec<NearMiss>,
    /// `~` words that a question for this skill may be told by.
    pub gist: Vec<String>,
    /// `?` the question for a slot, by slot; Fluent, as replies.
    pub questions: BTreeMap<String, Line<String>>,
    /// `>` replies, by id: Fluent pattern text, continued lines keep their indentation.
    pub replies: BTreeMap<String, Line<String>>,
}

/// A phrasing to learn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What is said, annotations removed.
    pub text: String,
    /// Which bytes of it fill which slot.
    pub slots: Vec<(Range<usize>, String)>,
    /// Line in the file, from 1.
    pub line: usize,
}

/// A phrasing that is close to a skill and is not it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// What is said.
    pub text: String,
    /// The skill it belongs to; `None`: to none at all.
    pub belongs_to: Option<String>,
    /// Line in the file, from 1.
    pub line: usize,
}

/// Where a corpus file is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {expected}")]
pub struct CorpusError {
    /// Name of the file, as given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, in characters from 1.
    pub column: usize,
    /// What was expected there, or is wrong, in words.
    pub expected: String,
}

/// Reads a corpus file. `name` is only for the error.
///
/// ```
/// let file = grammar::corpus::parse("disk.txt", "\
/// ## disk.create — New disks
/// = create [a] (disk|drive)
///     [of <size>]
/// + i need another [20 gig](size) drive
/// ! delete that drive -> disk.delete
/// ? size: How big should it be?
/// > created: A new drive, {$size}.
/// ".replace("##", "#").as_str()).unwrap();
/// let skill = &file.skills[0];
/// assert_eq!((skill.id.as_str(), skill.title.as_deref()), ("disk.create", Some("New disks")));
/// assert_eq!(skill.patterns[0].value, "create [a] (disk|drive) [of <size>]");
/// assert_eq!(skill.examples[0].text, "i need another 20 gig drive");
/// assert_eq!(skill.examples[0].slots, [(15..21, "size".to_owned())]);
///
/// let wrong = grammar::corpus::parse("disk.txt", "= create a disk\n").unwrap_err();
/// assert_eq!(wrong.to_string(), "disk.txt:1:1: expected \"# id\" before the first pattern");
/// ```
pub fn parse(name: &str, text: &str) -> Result<CorpusFile, CorpusError> {
    // A byte order mark says nothing here.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pairs = CorpusParser::parse(Rule::file, text).map_err(|error| explain(name, text, &error))?;
    let mut skills: Vec<SkillText> = Vec::new();
    for pair in pairs.next().into_iter().flat_map(Pair::into_inner) {
        let (line, column) = pair.line_col();
        let wrong = |expected: String| CorpusError { file: name.to_owned(), line, column, expected };
        let rule = pair.as_rule();
        if rule == Rule::EOI {
            break;
        }
        if rule == Rule::header {
            let skill = header(pair, line);
            if let Some(other) = skills.iter().find(|other| other.id == skill.id) {
                return Err(wrong(format!("the skill \"{}\" was begun before, in line {}", skill.id, other.line)));
            }
            skills.push(skill);
            continue;
        }
        let Some(skill) = skills.last_mut() else {
            return Err(wrong(format!("expected \"# id\" before the first {}", called(rule))));
        };
        match rule {
            Rule::pattern => skill.patterns.extend(pair.into_inner().map(|body| one_line(&body, line))),
            Rule::gist => {
                let words = pair.into_inner().map(|body| one_line(&body, line).value).collect::<Vec<_>>().join(" ");
                skill.gist.extend(words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned));
            }
            Rule::example => skill.examples.push(example(pair, line)),
            Rule::near_miss => {
                let (mut text, mut belongs_to) = (String::new(), None);
                for part in pair.into_inner() {
                    match part.as_rule() {
                        Rule::id => belongs_to = Some(part.as_str().to_owned()),
                        _ => text = part.as_str().trim().to_owned(),
                    }
                }
                skill.near_misses.push(NearMiss { text, belongs_to, line });
            }
            Rule::question | Rule::reply => {
                let mut parts = pair.into_inner();
                let id = parts.next().map(|id| id.as_str().to_owned()).unwrap_or_default();
                let value = parts.next().map(|body| body.as_str().trim_end().to_owned()).unwrap_or_default();
                let list = if rule == Rule::question { &mut skill.questions } else { &mut skill.replies };
                if let Some(other) = list.get(&id) {
                    let line = other.line;
                    return Err(wrong(format!("the {} \"{id}\" stands already in line {line}", called(rule))));
                }
                list.insert(id, Line { value, line });
            }
            _ => {}
        }
    }
    Ok(CorpusFile { skills })
}

fn header(pair: Pair<Rule>, line: usize) -> SkillText {
    let mut skill = SkillText { line, ..SkillText::default() };
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::id => skill.id = part.as_str().to_owned(),
            _ => skill.title = Some(part.as_str().trim().to_owned()).filter(|title| !title.is_empty()),
        }
    }
    skill
}

/// A pattern that goes on in indented lines is one line.
fn one_line(body: &Pair<Rule>, line: usize) -> Line<String> {
    let value = body.as_str().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    Line { value, line }
}

fn example(pair: Pair<Rule>, line: usize) -> Example {
    let (mut text, mut slots) = (String::new(), Vec::new());
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::annotation => {
                let mut inner = part.into_inner();
                let said = inner.next().map_or("", |said| said.as_str());
                let slot = inner.next().map(|slot| slot.as_str().to_owned()).unwrap_or_default();
                let start = text.len();
                text.push_str(said);
                slots.push((start..text.len(), slot));
            }
            _ => text.push_str(part.as_str()),
        }
    }
    let length = text.trim_end().len();
    text.truncate(length.max(slots.last().map_or(0, |(span, _)| span.end)));
    Example { text, slots, line }
}

fn called(rule: Rule) -> &'static str {
    match rule {
        Rule::pattern => "pattern",
        Rule::example => "phrasing",
        Rule::near_miss => "near miss",
        Rule::gist => "words",
        Rule::question => "question",
        _ => "reply",
    }
}

/// What was expected, told from the line rather than from the parser's rules.
fn explain(name: &str, text: &str, error: &pest::error::Error<Rule>) -> CorpusError {
    let (pest::error::LineColLocation::Pos((line, column)) | pest::error::LineColLocation::Span((line, column), _)) =
        error.line_col;
    let begin = text.lines().nth(line - 1).unwrap_or("");
    let expected = match begin.chars().next() {
        Some('#') => "expected \"# id\" or \"# id — title\", the id in lower case like disk.create",
        Some('=') => "expected a pattern after \"=\"",
        Some('+') => "expected a phrasing after \"+\", with slots like [20 gig](size)",
        Some('!') => "expected \"! phrasing\" or \"! phrasing -> skill.id\"",
        Some('?') => "expected \"? slot: question\"",
        Some('>') => "expected \"> id: text\"",
        Some('~') => "expected words between commas after \"~\"",
        Some(' ' | '\t') => {
            "an indented line goes on with a \"=\", \"?\", \"~\" or \">\" line, and there is none before it"
        }
        _ => "expected a line that begins with #, =, +, !, ?, ~, > or //",
    };
    CorpusError { file: name.to_owned(), line, column, expected: expected.to_owned() }
}
