//! Cuts a text into clauses: at marks, and at small words that join.

use std::ops::Range;

use crate::{lexicon::Class, read::Context, token::gap};

/// Marks at which clauses end.
const MARKS: [char; 12] = [',', ';', '.', '!', '?', ':', '(', ')', '\n', '…', '\u{2013}', '\u{2014}'];

/// The clauses of a text, without the words of these classes that join them. A mark inside a word or a quotation cuts nothing.
///
/// ```
/// use grammar::{clause::clauses, known::Nothing, lexicon::{Class, Lexicon}, read::Context};
/// let lexicon = Lexicon::parse("and: and").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// let found: Vec<&str> = clauses("stop web1, and start db1: it is 1.5 TiB", &[Class::And], &cx).collect();
/// assert_eq!(found, ["stop web1", "start db1", "it is 1.5 TiB"]);
/// ```
pub fn clauses<'t>(text: &'t str, joins: &[Class], cx: &Context) -> impl Iterator<Item = &'t str> {
    spans(text, joins, cx).into_iter().map(|span| &text[span])
}

/// Where the clauses of a text stand, in bytes; as [`clauses`].
pub fn spans(text: &str, joins: &[Class], cx: &Context) -> Vec<Range<usize>> {
    let all = cx.tokens(text);
    let joined = |at: usize| cx.lexicon.longest_of(&all[at..], joins).unwrap_or(0);
    let mut spans = Vec::new();
    let mut at = 0;
    while at < all.len() {
        // What joins stands before a clause, never alone in one.
        if joined(at) > 0 {
            at += joined(at);
            continue;
        }
        let from = at;
        // The "but" of "anything but" joins nothing.
        let whole = |at: usize| cx.lexicon.longest(&all[at..], Class::Except).unwrap_or(1);
        at += whole(at);
        while at < all.len() && !gap(text, &all, at).contains(MARKS) && joined(at) == 0 {
            at += whole(at);
        }
        spans.push(all[from].span.start..all[at - 1].span.end);
    }
    spans
}
