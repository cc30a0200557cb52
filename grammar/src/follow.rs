//! What goes on from the last thing said: "and web2?", "what about its disks", "web2, is it up".

use std::ops::Range;

use crate::kind::Kind;
use crate::lexicon::Class;
use crate::read::{self, Context, Cursor};
use crate::stance::Effect;
use crate::value::{Selector, Value};

/// Whether a text begins as what goes on from before does, and what is left behind those words.
///
/// ```
/// use grammar::{follow::led, known::Nothing, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("follow: and, what about, its").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// assert_eq!(led("And its disks?", &cx), (true, "disks?"));
/// assert_eq!(led("disks?", &cx), (false, "disks?"));
/// ```
pub fn led<'t>(text: &'t str, cx: &Context) -> (bool, &'t str) {
    let tokens = cx.tokens(text);
    let cursor = Cursor { text, tokens: &tokens, cx };
    let mut at = 0;
    loop {
        match cursor.skip(at, Class::Follow) {
            0 => break,
            count => at += count,
        }
    }
    match tokens.get(at) {
        Some(next) if at > 0 => (true, &text[next.span.start..]),
        _ => (false, text),
    }
}

/// Whether a text asks of the things that were spoken of last and says not which they are: "which ones remain?", "does web1 have one?"
///
/// ```
/// use grammar::{follow::asks_of_those, known::Nothing, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("follow: and\nthose = which ones (remain|are left) [now]").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// assert!(asks_of_those("And which ones remain?", &cx));
/// assert!(!asks_of_those("which ones remain of web1", &cx));
/// ```
pub fn asks_of_those(text: &str, cx: &Context) -> bool {
    const SMALL: [Class; 3] = [Class::Follow, Class::Filler, Class::Aside];
    let tokens = cx.tokens(text);
    let cursor = Cursor { text, tokens: &tokens, cx };
    let rules = || cx.lexicon.rules().iter().filter(|rule| rule.effect == Effect::Those);
    let mut at = 0;
    while at < tokens.len() {
        if rules().any(|rule| rule.ends(&cursor, at).contains(&tokens.len())) {
            return true;
        }
        match cx.lexicon.longest_of(&tokens[at..], &SMALL) {
            Some(count) => at += count,
            None => return false,
        }
    }
    false
}

/// Whether a text is about whoever it is said to: "your disks".
pub fn says_you(text: &str, cx: &Context) -> bool {
    let tokens = cx.tokens(text);
    let cursor = Cursor { text, tokens: &tokens, cx };
    (0..tokens.len()).any(|at| cursor.skip(at, Class::You) > 0)
}

/// Machines that exist, named at the beginning of a text, and what is said after them.
pub fn named_first<'t>(text: &'t str, cx: &Context) -> Option<(Vec<String>, &'t str)> {
    let first = read::find(Kind::Machines, text, cx).into_iter().next()?;
    let begins = !text.get(..first.span.start)?.chars().any(char::is_alphanumeric);
    match first.value {
        Value::Machines(Selector::Names(names)) if begins => Some((names, after(text, &first.span))),
        _ => None,
    }
}

/// What follows a place of a text, without the marks between.
fn after<'t>(text: &'t str, span: &Range<usize>) -> &'t str {
    let rest = text.get(span.end..).unwrap_or_default();
    rest.trim_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation())
}
