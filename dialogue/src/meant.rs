//! Whether what stands in a text is meant by it: who is only compared to, told of or kept is not, and what is forbidden or why is no name.

use std::ops::Range;

use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::read::{Context, Found};
use grammar::selector::Selector;
use grammar::token::{Token, gap};
use grammar::value::Value;

use crate::naming::is_called;

/// What may be named in a list of what is to be kept.
const LISTED: [Of; 3] = [Of::Snapshot, Of::Disk, Of::Volume];

/// Whether what stands there is to be left as it is: "keep", "not" or "don't touch" is right before it.
pub(crate) fn is_kept(span: &Range<usize>, text: &str, cx: &Context<'_>) -> bool {
    const KEEPS: [Class; 5] = [Class::Untouched, Class::Spare, Class::Denied, Class::Not, Class::Except];
    let all = cx.tokens(text);
    let Some(at) = all.iter().position(|token| token.span.end > span.start) else { return false };
    let article = cx.lexicon.longest_before(&all[..at], Class::Article).unwrap_or(0);
    // "the one before nightly" is another one.
    let beside = |end: usize| {
        let word = all.get(end.saturating_sub(1)..end).unwrap_or_default();
        cx.lexicon.holds(word, &[Class::Ahead, Class::Later, Class::Weighs]) && cx.lexicon.holds(word, &[Class::Noname])
    };
    let keeps = |end: usize| cx.lexicon.longest_before_of(&all[..end], &KEEPS).is_some() || beside(end);
    // "keep b and c", "keep a, b and c"
    let named = |at: usize| LISTED.iter().any(|of| cx.known.has(*of, all[at].text).is_some());
    let mut first = at;
    while let Some(and) = cx
        .lexicon
        .longest_before(&all[..first], Class::And)
        .or((first < at && gap(text, &all, first).trim() == ",").then_some(0))
        && let Some(before) = (first - and).checked_sub(1).filter(|before| named(*before))
    {
        first = before;
    }
    keeps(at) || article > 0 && keeps(at - article) || first < at && keeps(first)
}

/// Whether what stands there is where something is taken from: "from archive to ssd", "off the archive pool".
pub(crate) fn is_origin(span: &Range<usize>, text: &str, cx: &Context<'_>) -> bool {
    let all = cx.tokens(text);
    let Some(at) = all.iter().position(|token| token.span.end > span.start) else { return false };
    let article = cx.lexicon.longest_before(&all[..at], Class::Article).unwrap_or(0);
    let away = |end: usize| cx.lexicon.longest_before(&all[..end], Class::Away).is_some();
    // The place itself may begin with it: "out of fast".
    let mut within = (at..all.len()).take_while(|at| all[*at].span.start < span.end);
    within.any(away) || article > 0 && away(at - article)
}

/// Whether what stands there is only compared to: "like" or "same as" is before it in its clause, behind something else. "I'd like web1 off"
/// compares nothing.
pub(crate) fn is_compared(span: &Range<usize>, text: &str, cx: &Context<'_>) -> bool {
    let all = cx.tokens(text);
    let Some(at) = all.iter().position(|token| token.span.end > span.start) else { return false };
    let marked = |from: usize| (from + 1..=at).any(|at| gap(text, &all, at).contains([',', ';', '.', '!', '?', ':']));
    let wishes = |from: usize| {
        let before = &all[from - 1];
        let before = std::slice::from_ref(before);
        let asks = cx.lexicon.holds(before, &[Class::Person, Class::You, Class::Polite]);
        before[0].clitic || asks && !cx.lexicon.holds(before, &[Class::Myself])
    };
    // "like web2", "like on web2", "like the one on web2", but "would like a snapshot of web2".
    let compares = |next: usize| {
        let named = all.get(next).is_some_and(|next| cx.known.has(Of::Machine, next.text).is_some());
        let article = all.get(next..).and_then(|rest| cx.lexicon.longest(rest, Class::Article)).unwrap_or(0);
        let one = all.get(next + article..).is_some_and(|rest| {
            cx.lexicon.longest_of(rest, &[Class::Theone, Class::Item, Class::One, Class::Where]).is_some()
        });
        named || one
    };
    (1..at).any(|from| {
        let like = cx.lexicon.longest(&all[from..], Class::Like).unwrap_or(0);
        like > 0 && !marked(from) && (like > 1 || !wishes(from) && compares(from + like))
    })
}

/// "stop web2, cache is fine": of a list whose last name begins a clause of its own, that one is only spoken of.
pub(crate) fn without_whom_it_tells_of(found: &mut Found, text: &str, cx: &Context<'_>) {
    let Value::Machines(Selector::Names(names)) = &mut found.value else { return };
    let all = cx.tokens(text);
    let Some(behind) = all.iter().position(|token| token.span.start >= found.span.end) else { return };
    let comma = |at: &usize| gap(text, &all, *at).contains([',', ';', '.', '!', '>', '=']);
    let Some(clause) = (1..behind).rev().find(comma).filter(|at| all[*at].span.start > found.span.start) else {
        return;
    };
    let joined = gap(text, &all, behind).trim().is_empty();
    if names.len() > 1 && joined && cx.lexicon.longest(&all[behind..], Class::Tells).is_some() {
        names.pop();
        found.span.end = all[clause - 1].span.end;
    }
}

/// Whether a word that may be a name to be given is none: "don't call it good", "because vda is full".
pub(crate) fn is_no_name(span: &Range<usize>, text: &str, cx: &Context<'_>) -> bool {
    // "don't call it good"
    let all = cx.tokens(text.get(..span.start).unwrap_or_default());
    let calling = cx.lexicon.longest_before_of(&all, &[Class::Calling, Class::Called]);
    let head = &all[..all.len() - calling.unwrap_or(0)];
    let forbids = [Class::Forbids, Class::Denied, Class::Not, Class::No];
    let unmarked = head.last().is_some_and(|last| {
        let rest = text.get(last.span.end..).unwrap_or_default();
        !rest.trim_start_matches(' ').starts_with([',', '.', ';', '!', ':'])
    });
    if calling.is_some() && unmarked && forbids.iter().any(|class| cx.lexicon.longest_before(head, *class).is_some()) {
        return true;
    }
    // "because vda is full" names nothing.
    let before = cx.tokens(text.get(..span.start).unwrap_or_default());
    let because = (0..before.len()).rev().take_while(|at| !gap(text, &before, at + 1).contains(['.', ';', '!', '?']));
    let told = because.into_iter().any(|at| cx.lexicon.longest(&before[at..], Class::Because).is_some());
    told && !is_called(span, text, cx)
}

/// "all databases", "everything in staging": whether what stands there, right behind a word for all of them, says which.
pub(crate) fn says_which_of_all(span: &Range<usize>, text: &str, cx: &Context<'_>) -> bool {
    let all = cx.tokens(text);
    all.iter().position(|token| token.span.end > span.start).is_some_and(|at| is_behind_all(&all, at, text, cx))
}

/// The same of a token, where the text is cut already.
pub(crate) fn is_behind_all(all: &[Token<'_>], at: usize, text: &str, cx: &Context<'_>) -> bool {
    const SETS: [Class; 2] = [Class::All, Class::Everything];
    const BETWEEN: [Class; 3] = [Class::Where, Class::Article, Class::Possessive];
    let mut end = at;
    let before =
        |end: usize, classes: &[Class]| classes.iter().find_map(|class| cx.lexicon.longest_before(&all[..end], *class));
    while end > 0 && gap(text, all, end).trim().is_empty() {
        if before(end, &SETS).is_some() {
            return true;
        }
        let Some(count) = before(end, &BETWEEN) else { return false };
        end -= count;
    }
    false
}
