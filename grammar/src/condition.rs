//! "if web2 is off, start it", "start it unless it runs", "is web2 up? if not, start it": what has to be so before something is done.
//!
//! Only states of machines are read. Any other condition is left in the text, where it is asked about like every word that nobody can place.

use crate::{
    kind::Of,
    lexicon::Class,
    name,
    read::{Context, Cursor},
    selector::State,
    token::gap,
};

/// Words that may stand between a machine and its state: "is", "still", "est toujours".
const BETWEEN: [Class; 4] = [Class::Noname, Class::Filler, Class::It, Class::Which];
/// Words that may stand before "tell me if".
const SMALL: [Class; 5] = [Class::And, Class::Then, Class::Opens, Class::Slack, Class::Polite];
/// Most of them.
const MOST_BETWEEN: usize = 5;

/// What has to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Of which machine; `None` is the one that something is to be done to.
    pub machine: Option<String>,
    /// In which state it has to be.
    pub state: State,
    /// Or must not be.
    pub negated: bool,
}

/// A text with a condition taken out: the condition, and what is to be done if it holds.
///
/// ```
/// use grammar::{condition::condition, known::Nothing, lexicon::Lexicon, read::Context, selector::State};
/// let lexicon = Lexicon::parse("if : if\nif not: unless\nstate off: off\nnoname: is\nit: it\nthen: then").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// let (found, rest) = condition("start it unless it is off", &cx).unwrap();
/// assert_eq!((found.state, found.negated, rest.as_str()), (State::Off, true, "start it"));
/// ```
pub fn condition(text: &str, cx: &Context) -> Option<(Condition, String)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let (at, count, negated) = (0..all.len()).find_map(|at| match cursor.word(at, Class::If)? {
        (count, "") => Some((at, count, false)),
        (count, "not") => Some((at, count, true)),
        _ => None,
    })?;
    let (end, mut condition) = stated(&cursor, at + count)?;
    condition.negated ^= negated;
    let before = text[..all[at].span.start].trim().trim_end_matches(',').trim_end();
    // What follows is to be done; "otherwise leave it" adds nothing.
    let mut last = all.len();
    if let Some(otherwise) = (end..all.len()).find(|place| *place + cursor.skip(*place, Class::Else) == all.len()) {
        last = otherwise;
    }
    let start = end + cursor.skip(end, Class::Then);
    let after = match (all.get(start), last.checked_sub(1).and_then(|last| all.get(last))) {
        (Some(first), Some(last)) if first.span.start < last.span.end => {
            let to = if last.span.end == all[all.len() - 1].span.end { text.len() } else { last.span.end };
            text[first.span.start..to].trim()
        }
        _ => "",
    };
    let rest = match (before.is_empty(), after.is_empty()) {
        (true, false) => after.to_owned(),
        (false, true) => before.to_owned(),
        // "hey, if web2 is off, start it": small words before it are no wish of their own.
        (false, false) if cx.lexicon.without_fillers(before).is_empty() => after.to_owned(),
        _ => return None,
    };
    Some((condition, rest))
}

/// "is web2 running?": which machine is asked about, and which state.
pub fn asked(text: &str, cx: &Context) -> Option<Condition> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    (0..all.len())
        .find_map(|at| stated(&cursor, at).filter(|(_, condition)| condition.machine.is_some()))
        .map(|(_, c)| c)
}

/// "tell me if web2 is running": what is asked, as it would be said alone.
pub fn whether<'t>(text: &'t str, cx: &Context) -> Option<(&'t str, Option<Condition>)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let mut at = 0;
    while let Some(count) = SMALL.iter().map(|class| cursor.skip(at, *class)).max().filter(|count| *count > 0) {
        at += count;
    }
    let asking = at + Some(cursor.skip(at, Class::Asking)).filter(|count| *count > 0)?;
    let (count, "") = cursor.word(asking, Class::If)? else { return None };
    let start = asking + count;
    let whole = stated(&cursor, start).filter(|(end, condition)| *end == all.len() && condition.machine.is_some());
    all.get(start).map(|first| (&text[first.span.start..], whole.map(|(_, condition)| condition)))
}

/// "off", "up now": a state and nothing else.
pub fn is_state(text: &str, cx: &Context) -> bool {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let state = cursor.skip(0, Class::State);
    let rest = (state..all.len()).all(|at| cursor.skip(at, Class::Now) + cursor.skip(at, Class::Slack) > 0);
    state > 0 && rest
}

/// "if not, start it", "sinon démarre-la": whether what was asked before has to be so, and what is to be done then.
pub fn depends<'t>(text: &'t str, cx: &Context) -> Option<(bool, &'t str)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let (count, so) = match cursor.word(0, Class::If)? {
        (count, "so") => (count, true),
        (count, "else") => (count, false),
        _ => return None,
    };
    let start = count + cursor.skip(count, Class::Then);
    all.get(start).map(|first| (so, &text[first.span.start..]))
}

/// "web2 is off", "it isn't running": the state of a machine, and where that ends.
fn stated(cursor: &Cursor, at: usize) -> Option<(usize, Condition)> {
    let named = (0..=name::noun(cursor, at).max(cursor.skip(at, Class::Article))).rev().find_map(|skipped| {
        let (count, name) = name::known(cursor, at + skipped, Of::Machine).into_iter().next()?;
        Some((skipped + count, name))
    });
    let (mut end, machine) = match named {
        Some((count, name)) => (at + count, Some(name)),
        None => (at, None),
    };
    let mut negated = false;
    for _ in 0..MOST_BETWEEN {
        // A clause ends with its comma.
        if end > at && gap(cursor.text, cursor.tokens, end).contains([',', ';', '.', '?', '!', ':']) {
            return None;
        }
        if let Some((count, state)) = cursor.word(end, Class::State) {
            let state = State::named(state)?;
            return Some((end + count, Condition { machine, state, negated }));
        }
        let not = cursor.skip(end, Class::Not);
        let small = BETWEEN.iter().map(|class| cursor.skip(end, *class)).max().unwrap_or(0);
        negated ^= not > 0;
        match not.max(small) {
            0 => return None,
            count => end += count,
        }
    }
    None
}
