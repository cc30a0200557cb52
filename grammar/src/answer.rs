//! Reads a reply to an open question: yes, no, "the second one", "no, 30".
//!
//! Whether "2" is the second choice or the value two is for the dialogue to say: it knows what was asked, and tries
//! [`crate::read::parse`] with the kind of the open slot first.

use crate::{
    MAX_TEXT,
    lexicon::Class,
    number,
    read::{Context, Cursor},
    selector::LAST,
    stance::Effect,
    time,
    token::Token,
};

/// A reply to an open question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead.
    Yes,
    /// Not so.
    No,
    /// Drop the question and what it was for.
    Cancel,
    /// "default", "skip": whatever is usual.
    Skip,
    /// "what?": ask again.
    Repeat,
    /// "2", "the second one", "1 and 3": numbers of choices from 1; [`LAST`] is the last.
    Nth(Vec<usize>),
    /// "both".
    Both,
    /// "all of them".
    All,
    /// "no, 30", "make that 30": the right thing, as said.
    Correction(String),
    /// Take it back.
    Undo,
    /// "stop", alone: the question, or what is running.
    Stop,
    /// Something else, perhaps a value or a new request.
    Other,
}

/// Reads a reply to an open question.
///
/// ```
/// use grammar::{answer::{Answer, answer}, known::Nothing, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("yes: yes, go ahead\nno: no\npolite: please\ncorrect = no <comma>").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// assert_eq!(answer("Yes please, go ahead!", &cx), Answer::Yes);
/// assert_eq!(answer("no, 30", &cx), Answer::Correction("30".into()));
/// assert_eq!(answer("2", &cx), Answer::Nth(vec![2]));
/// assert_eq!(answer("\"yes\"", &cx), Answer::Other, "quoted text is always a value");
/// ```
pub fn answer(text: &str, cx: &Context) -> Answer {
    if text.chars().count() > MAX_TEXT {
        return Answer::Other;
    }
    let all = cx.tokens(text);
    if all.is_empty() {
        let marks = !text.is_empty() && text.trim().chars().all(|c| c == '?') && text.contains('?');
        return if marks { Answer::Repeat } else { Answer::Other };
    }
    // Careful ones first: "no, stop" is no "no", and "ok cancel" no "ok".
    for (class, answer) in [
        (Class::Cancel, Answer::Cancel),
        (Class::Undo, Answer::Undo),
        (Class::Stop, Answer::Stop),
        (Class::No, Answer::No),
        (Class::Repeat, Answer::Repeat),
        (Class::Skip, Answer::Skip),
        (Class::Both, Answer::Both),
        (Class::Yes, Answer::Yes),
    ] {
        // "stop all" is not "stop", though "all" fills up many a sentence: it says what.
        if wholly(&all, class, cx) && !(class == Class::Stop && says_all(&all, cx)) {
            return answer;
        }
    }
    let cursor = Cursor { text, tokens: &all, cx };
    if let Some(numbers) = nth(&cursor) {
        return Answer::Nth(numbers);
    }
    if all_of_them(&all, cx) {
        return Answer::All;
    }
    correction(&cursor).map_or(Answer::Other, Answer::Correction)
}

/// Made of words of that class, with polite words and fillers, and for a few classes with a "yes" or "no" before.
fn wholly(all: &[Token], class: Class, cx: &Context) -> bool {
    let mut also = vec![Class::Polite, Class::Thanks, Class::Filler, Class::Greeting];
    if matches!(class, Class::Cancel | Class::Undo | Class::Stop) {
        also.extend([Class::Yes, Class::No]);
    }
    let (mut at, mut seen) = (0, false);
    while at < all.len() {
        // The longest entry decides: "no problem" is a yes though "no" is not.
        let own = cx.lexicon.longest(&all[at..], class).unwrap_or(0);
        let other = also.iter().filter_map(|class| cx.lexicon.longest(&all[at..], *class)).max().unwrap_or(0);
        if own == 0 && other == 0 {
            return false;
        }
        seen |= own > 0 && own >= other;
        at += own.max(other);
    }
    seen
}

/// The last word is "all".
fn says_all(all: &[Token], cx: &Context) -> bool {
    let last = &all[all.len() - 1..];
    [Class::All, Class::Everything].iter().any(|class| cx.lexicon.longest(last, *class).is_some())
}

fn all_of_them(all: &[Token], cx: &Context) -> bool {
    let mut at = 0;
    let mut seen = false;
    for class in [Class::All, Class::Everything] {
        if let Some(count) = cx.lexicon.longest(all, class).filter(|count| *count > at) {
            (at, seen) = (count, true);
        }
    }
    while at < all.len() {
        let count = [Class::Polite, Class::Filler, Class::It, Class::Machines]
            .iter()
            .filter_map(|class| cx.lexicon.longest(&all[at..], *class))
            .max();
        match count {
            Some(count) => at += count,
            None => return false,
        }
    }
    seen
}

/// "2", "the second one", "1 and 3", "1, 3", "number 2 please".
fn nth(cursor: &Cursor) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < cursor.tokens.len() {
        let skipped = [Class::And, Class::Article, Class::Item, Class::Polite, Class::Thanks]
            .iter()
            .map(|class| cursor.skip(at, *class))
            .max()
            .unwrap_or(0);
        let read = match cursor.word(at, Class::Ordinal) {
            Some((count, "last")) => Some((count, vec![LAST])),
            _ => time::ordinal(cursor, at)
                .or_else(|| number::count_at(cursor, at).into_iter().next())
                .and_then(|(count, number)| Some((count, vec![usize::try_from(number).ok()?])))
                .or_else(|| Some((1, listed(&cursor.token(at)?.folded)?))),
        };
        match read {
            Some((count, more)) if count >= skipped => {
                numbers.extend(more);
                at += count;
                // The "one" of "the second one" is no number.
                let counted = number::count_at(cursor, at - count).iter().any(|(length, _)| *length == count);
                if !counted {
                    at += cursor.skip(at, Class::Item);
                }
            }
            _ if skipped > 0 => at += skipped,
            _ => return None,
        }
    }
    let plausible = !numbers.is_empty() && numbers.iter().all(|number| *number > 0);
    plausible.then_some(numbers)
}

/// "1,3": without a space it is one token.
fn listed(folded: &str) -> Option<Vec<usize>> {
    let numbers: Option<Vec<usize>> = folded.split([',', '+', '&']).map(|part| part.parse().ok()).collect();
    numbers.filter(|numbers| numbers.len() > 1)
}

/// What is said after "no, make that", or before "instead".
fn correction(cursor: &Cursor) -> Option<String> {
    let (mut start, mut end) = (0, cursor.tokens.len());
    let mut found = false;
    loop {
        let here = Cursor { tokens: &cursor.tokens[..end], ..*cursor };
        let longest = rules(cursor.cx, Effect::Correction)
            .filter_map(|rule| rule.ends(&here, start).into_iter().rfind(|at| *at < end))
            .max();
        match longest {
            // A rule may end in a comma, and take no further word.
            Some(at) if at > start => {
                (start, found) = (at, true);
                continue;
            }
            _ => {}
        }
        let before = rules(cursor.cx, Effect::CorrectionEnd)
            .filter_map(|rule| rule.start_before_end(&here))
            .filter(|at| *at > start)
            .min();
        match before {
            Some(at) => (end, found) = (at, true),
            None => break,
        }
    }
    let text = cursor.text;
    found.then(|| text[cursor.tokens[start].span.start..cursor.tokens[end - 1].span.end].to_owned())
}

fn rules<'a>(cx: &'a Context, effect: Effect) -> impl Iterator<Item = &'a crate::stance::Rule> {
    cx.lexicon.rules().iter().filter(move |rule| rule.effect == effect)
}
