//! A configuration's text with the place of every key and value in it, so that whatever is wrong can be named where it stands.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Fault;

/// A text that is TOML.
pub(super) struct Source<'a> {
    file: PathBuf,
    text: &'a str,
    table: Spanned<DeTable<'a>>,
}

/// A key or value that was found: the names on the way to it, with dots between, and where it stands.
struct Place {
    path: String,
    span: Range<usize>,
}

impl<'a> Source<'a> {
    /// Reads a text.
    pub(super) fn parse(file: &Path, text: &'a str) -> Result<Self, Fault> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { file: file.to_owned(), text, table }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                Err(fault_in_text(file, text, at, error.message().replace('\n', ", ")))
            }
        }
    }

    /// All of it over defaults, key by key, as a value; what does not fit is named.
    pub(super) fn over<T: DeserializeOwned>(&self, defaults: &str) -> Result<T, Fault> {
        let mut whole = DeTable::parse(defaults).expect("the embedded defaults are valid (a test reads them)");
        overlay(whole.get_mut(), self.table.get_ref().clone());
        // The defaults are right, so that every error is about the text: its place is one there.
        T::deserialize(toml::Deserializer::from(whole)).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let place = deepest(self.table.get_ref(), at);
            let (path, span) = place.map_or((String::new(), at..at), |place| (place.path, place.span));
            let key = path.rsplit('.').next().unwrap_or_default().to_owned();
            let why = helped(error.message(), &path, defaults);
            self.fault(&key, span.start, why)
        })
    }

    /// What is wrong at a key, by the names on the way to it and the numbers of those of many: `room.1.address`. Of what is missing,
    /// the table where it belongs is named.
    pub(super) fn at(&self, path: &str, why: impl Into<String>) -> Fault {
        let mut steps = path.split('.');
        let key = path.rsplit('.').find(|step| step.parse::<usize>().is_err()).unwrap_or(path);
        let (first, mut start) = (steps.next().unwrap_or_default(), 0);
        let mut value = match self.table.get_ref().get_key_value(first) {
            Some((key, value)) => {
                start = key.span().start;
                Some(value)
            }
            None => None,
        };
        for step in steps {
            value = match value.map(Spanned::get_ref) {
                Some(DeValue::Table(table)) => table.get_key_value(step).map(|(key, value)| {
                    start = key.span().start;
                    value
                }),
                Some(DeValue::Array(array)) => {
                    array.get(step.parse().unwrap_or(usize::MAX)).inspect(|value| start = value.span().start)
                }
                _ => None,
            };
        }
        self.fault(key, start, why.into())
    }

    fn fault(&self, key: &str, at: usize, why: String) -> Fault {
        let key = if key.is_empty() { first_word(self.text, at) } else { key.to_owned() };
        Fault { file: self.file.clone(), line: line_of(self.text, at), key, why }
    }
}

/// What is wrong at a byte of a text that is no TOML: the key is what that line begins with.
pub(super) fn fault_in_text(file: &Path, text: &str, at: usize, why: String) -> Fault {
    Fault { file: file.to_owned(), line: line_of(text, at), key: first_word(text, at), why }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// The first word of the line of a byte: never more, what follows may be a secret.
fn first_word(text: &str, at: usize) -> String {
    let line = text.lines().nth(line_of(text, at) - 1).unwrap_or_default().trim_start();
    line.split([' ', '\t', '=', ':']).next().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}

fn overlay<'a>(base: &mut DeTable<'a>, over: DeTable<'a>) {
    for (key, value) in over {
        match (base.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut), value) {
            (Some(DeValue::Table(below)), value) if matches!(value.get_ref(), DeValue::Table(_)) => {
                if let DeValue::Table(above) = value.into_inner() {
                    overlay(below, above);
                }
            }
            (_, value) => {
                // The key too, with its place in the text.
                base.remove(key.get_ref().as_ref());
                base.insert(key, value);
            }
        }
    }
}

/// The innermost key whose name or value stands at a byte.
fn deepest(table: &DeTable<'_>, at: usize) -> Option<Place> {
    let mut found = None;
    for (key, value) in table {
        let inner = inside(value, at).map(|place| match place.path.is_empty() {
            true => Place { path: key.get_ref().to_string(), ..place },
            false => Place { path: format!("{}.{}", key.get_ref(), place.path), ..place },
        });
        if inner.is_some() {
            found = inner;
        } else if found.is_none() && (key.span().contains(&at) || value.span().contains(&at)) {
            found = Some(Place { path: key.get_ref().to_string(), span: key.span() });
        }
    }
    found
}

fn inside(value: &Spanned<DeValue<'_>>, at: usize) -> Option<Place> {
    match value.get_ref() {
        DeValue::Table(table) => deepest(table, at),
        DeValue::Array(array) => array.iter().find_map(|value| {
            inside(value, at)
                .or_else(|| value.span().contains(&at).then(|| Place { path: String::new(), span: value.span() }))
        }),
        _ => None,
    }
}

/// What serde says, and what would be right.
fn helped(message: &str, path: &str, defaults: &str) -> String {
    let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
    // What is wrong with a secret must not print it.
    if key == "secret" {
        return "has to be a string in quotes".to_owned();
    }
    let message = plain(&message.replace('\n', " "));
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if let [said, known @ ..] = quoted.as_slice()
        && message.starts_with("unknown ")
    {
        let near = near(said, known.iter().copied());
        let what = message.split(',').next().unwrap_or_default();
        let known = known.join(", ");
        return match near {
            Some(near) => format!("{what}; did you mean `{near}`? Known: {known}"),
            None => format!("{what}; known: {known}"),
        };
    }
    if message.contains("invalid type: map, expected a sequence") {
        return format!("there may be several: write [[{key}]], with two brackets");
    }
    // As it stands in the table it belongs to: a key of that name may be elsewhere too, and mean something else.
    let mut of_table = table.is_empty();
    let example = defaults.lines().find(|line| {
        if let Some(header) = line.strip_prefix('[') {
            of_table = header.trim_matches(['[', ']']) == table;
        }
        of_table && line.split('=').next().is_some_and(|name| name.trim() == key)
    });
    match example {
        Some(example) => format!("{message}, as in: {example}"),
        None => message,
    }
}

/// What a reader of TOML says about numbers, in words that are not those of a programming language.
fn plain(message: &str) -> String {
    let words: Vec<&str> = message.split(' ').filter(|word| !word.is_empty()).collect();
    let integer = |word: &str| {
        let word = word.trim_end_matches([',', '.']);
        word.strip_prefix(['u', 'i']).is_some_and(|size| matches!(size, "8" | "16" | "32" | "64" | "128" | "size"))
    };
    let mut said = Vec::new();
    let mut rest = words.as_slice();
    loop {
        rest = match rest {
            [] => return said.join(" "),
            ["as", kind, after @ ..] if integer(kind) => {
                if kind.ends_with(',')
                    && let Some(last) = said.last_mut()
                {
                    *last = format!("{last},");
                }
                after
            }
            ["a", "nonzero", kind, after @ ..] if integer(kind) => {
                said.push("a whole number from 1 on".to_owned());
                after
            }
            [kind, after @ ..] if integer(kind) => {
                said.push("a whole number that is not as big or below 0".to_owned());
                after
            }
            [word, after @ ..] => {
                said.push((*word).to_owned());
                after
            }
        };
    }
}

/// The nearest of some words to one that is not among them, if it may have been meant.
pub(super) fn near<'a>(said: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let said = said.to_lowercase();
    let measured = known.map(|word| (strsim::damerau_levenshtein(&said, &word.to_lowercase()), word));
    measured.min().filter(|(distance, word)| *distance <= (word.chars().count() / 3).max(1)).map(|(_, word)| word)
}
