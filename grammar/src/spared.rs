//! "don't touch web1, but start web3", "éteins vdi 2 et surtout pas vdi 1": who is left as it is, said beside what is to be done.

use crate::{
    clause::spans,
    kind::Of,
    lexicon::Class,
    read::{Context, Cursor},
    selector::left_out,
    token::{fold, gap},
};

/// A wish, and who is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spared {
    /// The text without what it says of those.
    pub rest: String,
    /// Who.
    pub names: Vec<String>,
    /// Said as an exception ("except web1"), which belongs to a set.
    pub excepted: bool,
}

/// A text without what it says of machines that are left as they are, and who that is. `None` when it says nothing of the kind, or nothing else.
///
/// ```
/// use grammar::{kind::Of, lexicon::Lexicon, read::Context, spared::spared};
/// let lexicon = Lexicon::parse("untouched: leave, don't touch\nalone: alone\nbut: but\nand: and").unwrap();
/// let known = vec![(Of::Machine, "db1".to_owned())];
/// let cx = Context { lexicon: &lexicon, known: &known, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// let read = |text: &str| spared(text, &cx).map(|spared| (spared.rest, spared.names));
/// assert_eq!(read("stop all but leave db1 alone"), Some(("stop all".to_owned(), vec!["db1".to_owned()])));
/// assert_eq!(read("don't touch db1, stop web1"), Some(("stop web1".to_owned(), vec!["db1".to_owned()])));
/// assert_eq!(read("don't touch db1"), None);
/// ```
pub fn spared(text: &str, cx: &Context) -> Option<Spared> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let joins = |at: usize| [Class::And, Class::But].iter().map(|class| cursor.skip(at, *class)).max().unwrap_or(0);
    let ends = |at: usize| at >= all.len() || joins(at) > 0 || gap(text, &all, at).contains([',', ';', '.', '!', ':']);
    if let Some(stays) = stay(text, cx) {
        return Some(stays);
    }
    for at in 0..all.len() {
        let (untouched, except) = (cursor.skip(at, Class::Untouched), cursor.skip(at, Class::Except));
        let clause = untouched.max(except);
        // Who nobody has heard of may be mistyped; a word of the language is nobody: "mais pas sa mémoire".
        let named = |name: &String| !cx.lexicon.contains(&fold(name)) || cx.known.has(Of::Machine, name).is_some();
        let found = (clause > 0).then(|| left_out(&cursor, at + clause, untouched > 0 && except > 0)).flatten();
        let Some((more, names)) = found.filter(|(_, names)| names.iter().all(named)) else { continue };
        let mut end = at + clause + more;
        loop {
            match [Class::Alone, Class::Polite].iter().map(|class| cursor.skip(end, *class)).max() {
                Some(count) if count > 0 => end += count,
                _ => break,
            }
        }
        // What joins it to the rest goes with it.
        let start = (0..at).rev().find(|from| from + joins(*from) == at && joins(*from) > 0).unwrap_or(at);
        // "reboot web1 not web2": right behind a name it says which one.
        let beside = end >= all.len()
            && cursor.skip(at, Class::Denied) == clause
            && (0..at)
                .any(|from| crate::name::known(&cursor, from, Of::Machine).iter().any(|(count, _)| from + count == at));
        if !ends(end) || start > 0 && start == at && !ends(at) && except == 0 && !beside {
            continue;
        }
        let next = end + joins(end);
        let before = text[..all[start].span.start].trim().trim_end_matches([',', ';', '.', ':']).trim_end();
        let after = all.get(next).map_or("", |token| text[token.span.start..].trim());
        let rest = match (before.is_empty(), after.is_empty()) {
            (true, true) => return None,
            (false, false) => format!("{before}, {after}"),
            _ => format!("{before}{after}"),
        };
        return cx.lexicon.without_fillers(&rest).chars().any(char::is_alphanumeric).then_some(Spared {
            rest,
            names,
            excepted: untouched == 0,
        });
    }
    None
}

/// "reboot web1, mail stays up": who is said to stay, in a clause of its own.
fn stay(text: &str, cx: &Context) -> Option<Spared> {
    let clauses = spans(text, &[Class::And, Class::But], cx);
    let (at, names) = clauses.iter().enumerate().find_map(|(at, span)| {
        let clause = &text[span.clone()];
        let all = cx.tokens(clause);
        let (count, names) = left_out(&Cursor { text: clause, tokens: &all, cx }, 0, false)?;
        let known = names.iter().all(|name| cx.known.has(Of::Machine, name).is_some());
        let stays = cx.lexicon.longest(all.get(count..)?, Class::Stays) == Some(all.len() - count) && count < all.len();
        (known && stays).then_some((at, names))
    })?;
    // What joins it to the rest goes with it.
    let others: Vec<&str> =
        clauses.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, span)| &text[span.clone()]).collect();
    let (before, after) = others.split_at(at);
    let rest = match (before, after) {
        (before, []) if !before.is_empty() => text[..clauses[at - 1].end].to_owned(),
        ([], after) if !after.is_empty() => text[clauses[1].start..].to_owned(),
        _ => return None,
    };
    Some(Spared { rest, names, excepted: false })
}
