//! Reads typed values in text: the whole of it, anywhere in it, or at one place.

use std::borrow::Cow;
use std::ops::Range;

use crate::{
    MAX_TEXT, address, duration,
    kind::{Kind, Of},
    known::Known,
    lexicon::{Class, Lexicon},
    name, number, recurrence, selector, size, time,
    token::Token,
    value::Value,
};

/// What reading depends on besides the text.
#[derive(Clone)]
pub struct Context<'a> {
    /// The words of the language.
    pub lexicon: &'a Lexicon,
    /// The names that exist here.
    pub known: &'a dyn Known,
    /// The time it is where the asker is; "at 8" is read in its time zone.
    pub now: jiff::Zoned,
}

impl Context<'_> {
    /// Cuts a text into tokens as the language cuts it; names that exist stay whole.
    pub fn tokens<'t>(&self, text: &'t str) -> Vec<Token<'t>> {
        self.lexicon.tokens_but(text, |word| Of::ALL.iter().any(|of| self.known.has(*of, word).is_some()))
    }
}

/// A value found in running text.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Where it stands, in bytes of the text; always on character boundaries.
    pub span: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// The whole text as one value of that kind: an answer to a question.
///
/// Polite words, articles and the words people wrap an answer in are fine around it: "20 gigs please",
/// "call it data", "make it 30". `None` when it isn't a value of that kind, or is longer than [`MAX_TEXT`].
pub fn parse(kind: Kind, text: &str, cx: &Context) -> Option<Value> {
    if text.chars().count() > MAX_TEXT {
        return None;
    }
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    if kind == Kind::Text && !text.trim().is_empty() {
        // Free text is taken as it is, down to its full stop.
        let quoted = all.first().filter(|first| first.quoted && all.len() == 1).map(|only| only.text);
        return Some(Value::Text(quoted.unwrap_or(text.trim()).to_owned()));
    }
    // The least stripped reading first, so that a machine called "it" or a text that begins with "the" keeps it.
    let mut starts = vec![0];
    let mut start = 0;
    while let Some(count) = cx.lexicon.longest(&all[start..], Class::Wrap) {
        start += count;
        starts.push(start);
    }
    let mut ends = vec![all.len()];
    let mut end = all.len();
    while let Some(count) = cx.lexicon.longest_before(&all[..end], Class::Polite) {
        end -= count;
        ends.push(end);
    }
    if kind == Kind::Topic {
        ends.reverse();
        starts.truncate(1);
    }
    for &end in &ends {
        for &start in &starts {
            if start >= end {
                continue;
            }
            let cursor = Cursor { tokens: &all[..end], ..cursor };
            if let Some(value) = cursor.at(kind, start, true).into_iter().find(|(count, _)| start + count == end) {
                return Some(value.1);
            }
        }
    }
    None
}

/// Every value of that kind in running text: longest first match from the left, no overlaps.
pub fn find(kind: Kind, text: &str, cx: &Context) -> Vec<Found> {
    if text.chars().count() > MAX_TEXT {
        return Vec::new();
    }
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let mut found = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let longest = cursor.at(kind, at, false).into_iter().max_by_key(|(count, _)| *count);
        match longest {
            Some((count, value)) if count > 0 => {
                found.push(Found { span: all[at].span.start..all[at + count - 1].span.end, value });
                at += count;
            }
            _ => at += 1,
        }
    }
    found
}

/// All readings of that kind that begin with the first of `tokens`, as (number of tokens, value), longest first.
pub fn at(kind: Kind, tokens: &[Token], cx: &Context) -> Vec<(usize, Value)> {
    Cursor { text: "", tokens, cx }.at(kind, 0, true)
}

/// A place in a tokenised text. `text` may be empty when only the tokens are at hand.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub text: &'a str,
    pub tokens: &'a [Token<'a>],
    pub cx: &'a Context<'a>,
}

impl<'a> Cursor<'a> {
    /// All readings of that kind that begin with token number `at`.
    ///
    /// `open`: where a slot is expected, so that an unknown word may be a name. In running text only what is
    /// known, quoted, or said to be a name ("called data") is one.
    pub fn at(&self, kind: Kind, at: usize, open: bool) -> Vec<(usize, Value)> {
        if at >= self.tokens.len() {
            return Vec::new();
        }
        let mut all = match kind {
            Kind::Machines => selector::at(self, at, open),
            Kind::Name(of) => name::existing(self, at, of, open),
            Kind::NewName(of) => name::new(self, at, of, open),
            Kind::Size => size::at(self, at, open).into_iter().map(|(n, v)| (n, Value::Size(v))).collect(),
            Kind::SizeChange => {
                size::change_at(self, at, open).into_iter().map(|(n, v)| (n, Value::SizeChange(v))).collect()
            }
            Kind::Count => number::count_at(self, at).into_iter().map(|(n, v)| (n, Value::Count(v))).collect(),
            Kind::Percent => number::percent_at(self, at).into_iter().map(|(n, v)| (n, Value::Percent(v))).collect(),
            Kind::Duration => duration::at(self, at).into_iter().map(|(n, v)| (n, Value::Duration(v))).collect(),
            Kind::When => time::at(self, at, open).into_iter().map(|(n, v)| (n, Value::When(v))).collect(),
            Kind::Recurrence => recurrence::at(self, at).into_iter().map(|(n, v)| (n, Value::Recurrence(v))).collect(),
            Kind::Choice(values) => name::choice(self, at, values),
            Kind::Jid => address::jid_at(self, at, open),
            Kind::Address => address::at(self, at),
            Kind::Topic | Kind::Text => name::text(self, at),
        };
        all.retain(|(count, _)| *count > 0);
        all.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let mut unique: Vec<(usize, Value)> = Vec::with_capacity(all.len());
        for reading in all {
            if !unique.contains(&reading) {
                unique.push(reading);
            }
        }
        unique
    }

    /// The token `at`, if there is one.
    pub fn token(&self, at: usize) -> Option<&'a Token<'a>> {
        self.tokens.get(at)
    }

    /// Length in tokens of the longest entry of that class here; 0 when there is none.
    pub fn skip(&self, at: usize, class: Class) -> usize {
        self.tokens.get(at..).and_then(|rest| self.cx.lexicon.longest(rest, class)).unwrap_or(0)
    }

    /// The longest entry of that class here, with its argument.
    pub fn word(&self, at: usize, class: Class) -> Option<(usize, &'a str)> {
        self.tokens.get(at..).and_then(|rest| self.cx.lexicon.longest_arg(rest, class))
    }

    /// The words from token `at`, `count` of them, as they were said.
    pub fn said(&self, at: usize, count: usize) -> String {
        self.words(at, count).into_owned()
    }

    /// The same, not copied where the text is at hand.
    pub fn words(&self, at: usize, count: usize) -> Cow<'a, str> {
        let part = &self.tokens[at..at + count];
        let (Some(first), Some(last)) = (part.first(), part.last()) else {
            return Cow::Borrowed("");
        };
        match self.text.get(first.span.start..last.span.end) {
            Some(text) if !self.text.is_empty() => Cow::Borrowed(text),
            _ => Cow::Owned(part.iter().map(|token| token.text).collect::<Vec<_>>().join(" ")),
        }
    }
}
