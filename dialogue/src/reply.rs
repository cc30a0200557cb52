//! What is said, as data. Skills name phrases of the corpus and give values; channels render the result.

use grammar::size::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A value in a phrase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Var {
    /// Text as it is; control characters are removed when rendered.
    Text(String),
    /// A number, for plurals too.
    Number(f64),
    /// A size, printed as "30 GiB".
    Size(Bytes),
    /// Several texts, printed as "a, b and c".
    List(Vec<String>),
    /// Several phrases, each rendered first, printed as "a, b and c".
    Phrases(Vec<Phrase>),
    /// An instant, printed in the asker's time zone.
    When(Timestamp),
    /// A span, printed as "3 min".
    Span(SignedDuration),
    /// Another phrase, rendered first.
    Phrase(Box<Phrase>),
}

macro_rules! var_from {
    ($($from:ty => |$value:ident| $make:expr),* $(,)?) => {
        $(impl From<$from> for Var {
            fn from($value: $from) -> Self {
                $make
            }
        })*
    };
}

var_from! {
    &str => |value| Var::Text(value.to_owned()),
    String => |value| Var::Text(value),
    &String => |value| Var::Text(value.clone()),
    u32 => |value| Var::Number(f64::from(value)),
    f64 => |value| Var::Number(value),
    usize => |value| Var::Number(value as f64),
    Bytes => |value| Var::Size(value),
    Vec<String> => |value| Var::List(value),
    Vec<Phrase> => |value| Var::Phrases(value),
    Timestamp => |value| Var::When(value),
    SignedDuration => |value| Var::Span(value),
    Phrase => |value| Var::Phrase(Box::new(value)),
}

/// A sentence of the corpus with its values: `disk.create` `> created:` is `disk.create/created`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phrase {
    /// `<skill>/<reply id>`; phrases of no skill are under `phrases/`.
    pub key: String,
    /// Values by variable name.
    pub vars: Vec<(String, Var)>,
}

/// Most characters of a message that are repeated.
const MOST_REPEATED: usize = 80;

impl Phrase {
    /// A phrase by its full key: `disk.create/created`.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), vars: Vec::new() }
    }

    /// A phrase of no skill, from `phrases.txt`.
    pub fn common(id: &str) -> Self {
        Self::new(format!("phrases/{id}"))
    }

    /// Says that this piece of a message was not followed.
    pub(crate) fn not_followed(said: &str) -> Self {
        let said: String = said.trim().chars().take(MOST_REPEATED).collect();
        Self::common("not_followed").with("said", said.trim_end_matches(['.', ',', ':', ';', ' ']))
    }

    /// Whether it says so.
    pub(crate) fn is_not_followed(&self) -> bool {
        self.key == Self::not_followed("").key
    }

    /// Whether it names a piece of a message that nobody placed or followed.
    pub(crate) fn is_left_over(&self) -> bool {
        self.is_not_followed() || self.key == Self::common("left_over").key
    }

    /// The same with one more value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Var>) -> Self {
        self.vars.push((name.to_owned(), value.into()));
        self
    }
}

/// One of several things a person may pick, by number, by word or by button.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// What is shown.
    pub label: Var,
    /// What picking it is the same as saying.
    pub says: String,
}

/// What is answered: sentences, then rows (cut after 15 lines, with the count and "more"), then a last word, then choices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Sentences, one line.
    pub head: Vec<Phrase>,
    /// A list, one line each.
    pub rows: Vec<Phrase>,
    /// A last line.
    pub tail: Vec<Phrase>,
    /// What may be picked; numbered in text when `numbered`.
    pub choices: Vec<Choice>,
    /// Whether the choices are written as a numbered list (else they are buttons only).
    pub numbered: bool,
}

impl Reply {
    /// One sentence.
    pub fn say(phrase: Phrase) -> Self {
        Self { head: vec![phrase], ..Self::default() }
    }

    /// A heading and its rows.
    pub fn list(head: Phrase, rows: Vec<Phrase>) -> Self {
        Self { head: vec![head], rows, ..Self::default() }
    }

    /// The same with one more sentence.
    #[must_use]
    pub fn and(mut self, phrase: Phrase) -> Self {
        self.head.push(phrase);
        self
    }

    /// The same with a last line.
    #[must_use]
    pub fn ending(mut self, phrase: Phrase) -> Self {
        self.tail.push(phrase);
        self
    }

    /// The same with choices, numbered in the text.
    #[must_use]
    pub fn choose(mut self, choices: Vec<Choice>) -> Self {
        self.choices = choices;
        self.numbered = true;
        self
    }

    /// The same with buttons that are not repeated in the text.
    #[must_use]
    pub fn buttons(mut self, choices: Vec<Choice>) -> Self {
        self.choices = choices;
        self.numbered = false;
        self
    }
}
