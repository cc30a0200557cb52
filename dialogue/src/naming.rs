//! Whether a word is, or may be, a name: a machine's that exists, one that nobody knows, or one that is to be given.

use std::ops::Range;

use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::read::Context;
use grammar::token::{Token, fold, gap};

use crate::leftover::is_device;
use crate::topics::alike;

/// Words that put a name off, rather than give it: "name it later".
pub(crate) const PUT_OFF: [Class; 5] = [Class::Later, Class::Myself, Class::Moment, Class::Offset, Class::Halfhearted];

/// Whether a name stands in quotation marks in a text.
pub(crate) fn is_quoted(name: &str, text: &str, cx: &Context<'_>) -> bool {
    cx.tokens(text).iter().any(|token| token.quoted && token.text.contains(name))
}

/// "called before upgrade", "nommé avant la mise à jour": a text with a name in quotation marks that begins with a word which is none by
/// itself. It goes on to the end of its clause, or to whom it is for.
pub(crate) fn with_quoted_name(text: &str, cx: &Context<'_>) -> Option<String> {
    const ENDS: [Class; 10] = [
        Class::If,
        Class::Conditional,
        Class::And,
        Class::But,
        Class::Because,
        Class::Polite,
        Class::Thanks,
        Class::Called,
        Class::You,
        Class::Person,
    ];
    let all = cx.tokens(text);
    let known = |at: usize| all.get(at).is_some_and(|token| cx.known.has(Of::Machine, token.text).is_some());
    let value = |at: usize| {
        let digits = all[at].text.contains(|c: char| c.is_ascii_digit());
        digits || cx.lexicon.longest_of(&all[at..], &[Class::Unit, Class::Choice]).is_some()
    };
    let given = |at: usize| {
        let count = cx.lexicon.longest_of(&all[at..], &[Class::Called, Class::Calling])?;
        let from = at + count;
        let first = cx.lexicon.longest(all.get(from..)?, Class::Weighs) == Some(1) && !all[from].quoted;
        let ends = |at: &usize| {
            gap(text, &all, *at).contains([',', ';', '.', '!', '?', ':', '(', '"'])
                || cx.lexicon.longest_of(&all[*at..], &ENDS).is_some()
                || known(at + 1) && cx.lexicon.is(&all[*at].folded, Class::Noname)
                || value(*at)
        };
        let end = (from + 1..all.len()).find(ends).unwrap_or(all.len());
        (first && end > from + 1).then(|| all[from].span.start..all[end - 1].span.end)
    };
    let name = (0..all.len()).find_map(given)?;
    Some(format!("{}\"{}\"{}", &text[..name.start], &text[name.clone()], &text[name.end..]))
}

/// Whether what stands there is the name of a machine, or begins with one.
pub(crate) fn is_machine(span: &Range<usize>, text: &str, cx: &Context<'_>) -> bool {
    let known = |name: &str| cx.known.has(Of::Machine, name).is_some();
    let tokens = cx.tokens(text);
    let first = tokens.iter().find(|token| token.span.end > span.start);
    text.get(span.clone()).is_some_and(|name| known(name.trim())) || first.is_some_and(|first| known(first.text))
}

/// Whether somebody says that what stands there is a name: it is quoted, or "called" is before it.
pub(crate) fn is_called(span: &Range<usize>, text: &str, cx: &Context<'_>) -> bool {
    const CALLED: [Class; 2] = [Class::Called, Class::Calling];
    let all = cx.tokens(text);
    let Some(at) = all.iter().position(|token| token.span.end > span.start) else { return false };
    let before = cx.lexicon.longest_before_of(&all[..at], &CALLED).is_some();
    before || all[at].quoted || cx.lexicon.longest(&all[at..], Class::Called).is_some()
}

/// Whether a word says when, how or whether, rather than what something is to be called.
pub(crate) fn is_small(word: &str, cx: &Context<'_>) -> bool {
    const SMALL: [Class; 19] = [
        Class::No,
        Class::Yes,
        Class::Stop,
        Class::Cancel,
        Class::Recants,
        Class::Aside,
        Class::Repeat,
        Class::It,
        Class::Day,
        Class::Like,
        Class::Ahead,
        Class::Then,
        Class::Now,
        Class::Slack,
        Class::Moment,
        Class::Offset,
        Class::Polite,
        Class::Hedge,
        Class::Weighs,
    ];
    let all = cx.tokens(word);
    is_device(&fold(word)) || cx.lexicon.longest_of(&all, &SMALL) == Some(all.len()) && !all.is_empty()
}

/// Whether a name to be given was hardly said to be one: it stands neither behind "called" nor in quotation marks, and doesn't look
/// like a name right behind what it names (`nouns`). "A snapshot of web1 for bob" is not called so, and "take a snapshot done" may
/// only say that something is done; "--dry-run" and "*web2" are marked as something else.
pub(crate) fn is_hardly_given(name: &str, text: &str, nouns: impl Fn(&Token<'_>) -> bool, cx: &Context<'_>) -> bool {
    let Some(at) = text.rfind(name) else { return false };
    let looks = name.contains(['-', '_', '.']) || name.len() > 2 && name.contains(|c: char| c.is_ascii_digit());
    if is_called(&(at..at + name.len()), text, cx) {
        return false;
    }
    let all = cx.tokens(text);
    let before = all.iter().rposition(|token| token.span.end <= at);
    // "chez hv2"
    let placed = before.is_some_and(|before| cx.lexicon.longest_before(&all[..=before], Class::Where).is_some());
    let marked = text[..at].ends_with(|c: char| !c.is_alphanumeric() && !c.is_whitespace() && !":,;".contains(c))
        || !name.starts_with(char::is_alphanumeric);
    // "snapshot web1 as safe"
    let such = before.is_some_and(|before| cx.lexicon.longest_before(&all[..=before], Class::As).is_some());
    marked || placed || !looks && !before.is_some_and(|before| nouns(&all[before])) || is_plain(name) && !such
}

/// Whether a name is a word as any other, of letters alone.
fn is_plain(name: &str) -> bool {
    name.chars().all(char::is_alphabetic)
}

/// Whether a word that nobody knows may be a machine's name: it looks like one, or stands where one does. In "before he blows it up"
/// nobody is called "blows".
pub(crate) fn may_be_named(span: &Range<usize>, text: &str, cx: &Context<'_>) -> bool {
    const BEFORE: [Class; 5] = [Class::Person, Class::You, Class::Conditional, Class::If, Class::Weighs];
    let all = cx.tokens(text);
    let Some(at) = all.iter().position(|token| token.span.end > span.start) else { return false };
    let looks = all[at].quoted
        || text.get(span.clone()).is_some_and(|word| word.contains(|c: char| c.is_ascii_digit() || "-_.".contains(c)));
    let listed = at > 0 && gap(text, &all, at).contains([',', ':']);
    // "dodoo", where odoo is.
    let near = cx.known.names(Of::Machine).iter().any(|name| alike(&fold(name), &all[at].folded));
    // "he blows", "s'appelant", "un élève absent"
    let goes_on = |before: &Token<'_>| {
        let denied = cx.lexicon.longest_before_of(&all[..at], &BEFORE).is_some();
        denied || before.folded == "s" || !cx.lexicon.contains(&before.folded)
    };
    // Of a clause that begins with somebody it is hardly the name: "éteins-la, on expédie rien".
    looks
        || near
        || listed && !all.get(at.saturating_sub(1)).is_some_and(goes_on)
        || !at.checked_sub(1).is_some_and(|before| goes_on(&all[before]))
}
