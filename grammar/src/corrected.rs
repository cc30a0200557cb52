//! Machines as people correct what was shown or done: "no no, I meant lab-2", "except mail", "web2 should stay", "only the runner",
//! "web3 too", "the other one".

use std::ops::Range;

use crate::{
    MAX_TEXT,
    answer::named_at,
    gather::EMPTY,
    kind::Of,
    known::squeeze,
    lexicon::Class,
    number,
    read::{Context, Cursor},
    token::gap,
};

/// Words that say nothing beside a machine's name, besides those of any answer.
const LIGHT: [Class; 7] =
    [Class::Aside, Class::Agrees, Class::Machine, Class::Machines, Class::Item, Class::Follow, Class::Same];

/// Machines as somebody corrects what was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrected {
    /// Those that are meant instead, or alone.
    pub meant: Vec<String>,
    /// Those that are not: "not prod", "leave web2 out", "mail should stay".
    pub spared: Vec<String>,
    /// Those that are meant besides: "web3 too".
    pub added: Vec<String>,
    /// The one of which was not spoken last: "the other one".
    pub other: bool,
    /// Whether a word says that something is meant otherwise: "I meant", "not", "only", and not just "no" or "yes".
    pub otherwise: bool,
    /// Whether a word says that the same is meant once more: "too", "same for".
    pub also: bool,
    /// Whether it has a verb of its own, that is none of those expected.
    pub verb: bool,
    /// Whether every word has its place.
    pub whole: bool,
    /// From the first to the last of those that have none.
    pub strange: Option<Range<usize>>,
    /// Whether any word corrects: a name alone does not.
    pub marked: bool,
}

/// How the names that follow are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Meant,
    /// "not web1": one that nobody spoke of is the one meant instead, "not web1 web2".
    Denied,
    Spared,
}

/// Whom a yes or a no that stands there is for: "no for db1", "oui web1".
fn answers_for(cursor: &Cursor, at: usize, class: Class, shown: &[String]) -> Option<String> {
    const TO: [Class; 4] = [Class::Where, Class::Noname, Class::Article, Class::Filler];
    let count = cursor.skip(at, class);
    let mut next = at + count;
    while count > 0 && next < cursor.tokens.len() && gap(cursor.text, cursor.tokens, next).trim().is_empty() {
        if let Some((_, name)) = named_at(cursor, next, shown) {
            return Some(name);
        }
        match TO.iter().map(|class| cursor.skip(next, *class)).max() {
            Some(small) if small > 0 => next += small,
            _ => return None,
        }
    }
    None
}

/// "non erp seulement": whether a name that stands there is said to be the only one.
fn only_behind(cursor: &Cursor, from: usize, shown: &[String]) -> bool {
    let named = (from..cursor.tokens.len()).find_map(|at| Some((at, named_at(cursor, at, shown)?)));
    named.is_some_and(|(at, (count, _))| cursor.skip(at + count, Class::Only) > 0)
}

/// Whether no machine is named in the clause from there on.
fn nobody_follows(cursor: &Cursor, from: usize, shown: &[String]) -> bool {
    let ends = |at: usize| gap(cursor.text, cursor.tokens, at).contains([',', ';', '.', '!', '\n', '…', ':']);
    let clause = (from..cursor.tokens.len()).take_while(|at| !ends(*at));
    let mut named = clause.filter(|at| named_at(cursor, *at, shown).or_else(|| piece_at(cursor, *at, shown)).is_some());
    named.next().is_none()
}

/// Whether no machine is named from there on.
fn nobody_is_named(cursor: &Cursor, from: usize, shown: &[String]) -> bool {
    let named = |at: usize| named_at(cursor, at, shown).or_else(|| piece_at(cursor, at, shown)).is_some();
    !(from..cursor.tokens.len()).any(named)
}

/// "rather cache than web2": whether a word there denies together with one that stands before it.
fn denies_apart(cursor: &Cursor, at: usize) -> usize {
    let together = |first: &usize| {
        let pair = [cursor.tokens[*first].clone(), cursor.tokens[at].clone()];
        cursor.cx.lexicon.longest(&pair, Class::Denied) == Some(2)
    };
    usize::from((0..at.saturating_sub(1)).any(|first| together(&first)))
}

/// Whether an "and" stands right before that token.
fn behind_and(cursor: &Cursor, at: usize) -> bool {
    let before = |at: usize| at.checked_sub(1);
    let article = before(at).filter(|at| cursor.skip(*at, Class::Article) == 1 && cursor.skip(*at, Class::And) == 0);
    before(article.unwrap_or(at)).is_some_and(|at| cursor.skip(at, Class::And) == 1)
}

/// Whether a name after denied ones is the one meant instead.
fn turns_over(spared: &[String], spoken: bool, shown: &[String]) -> bool {
    let strange = |name: &String| !shown.iter().any(|known| known.eq_ignore_ascii_case(name));
    !spared.is_empty() && (!spoken || spared.iter().all(strange))
}

/// The machines of a correction of what is shown of these, in words that may be `expected` of it. `None` when it is none, or asks
/// something, or says on what it depends.
///
/// ```
/// use grammar::{corrected::machines, kind::Of, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("conditional: if\nno: no\ndenied: not\nmeant: i meant\nstays: should stay\nalso: too").unwrap();
/// let known = ["web1", "web2", "web3"].map(|name| (Of::Machine, name.to_owned())).to_vec();
/// let cx = Context { lexicon: &lexicon, known: &known, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// let shown = ["web1".to_owned(), "web2".to_owned()];
/// let said = |text| machines(text, &shown, &cx, |_| false).unwrap();
/// assert_eq!(said("not web1, web3").spared, ["web1"]);
/// assert_eq!(said("not web1, web3").meant, ["web3"]);
/// assert_eq!(said("web2 should stay").spared, ["web2"]);
/// assert_eq!(said("no, I meant web3").meant, ["web3"]);
/// assert_eq!(said("web3 too").added, ["web3"]);
/// assert!(!said("web3").marked);
/// assert_eq!(machines("if web3 is up", &shown, &cx, |_| false), None);
/// ```
pub fn machines(text: &str, shown: &[String], cx: &Context, expected: impl Fn(&str) -> bool) -> Option<Corrected> {
    let all = cx.tokens(text);
    if text.contains('?') || text.chars().count() > MAX_TEXT {
        return None;
    }
    let cursor = Cursor { text, tokens: &all, cx };
    let mut said = Corrected { whole: true, ..Corrected::default() };
    let (mut at, mut mode, mut marked) = (0, As::Meant, false);
    // Where the clause in hand begins in what is meant, and that before it, and whether a name may follow that is also a word.
    let (mut clause, mut before, mut ready) = (0, 0, false);
    let clause_ends = |at: usize| at >= all.len() || gap(text, &all, at).contains([',', ';', '.', '!', '\n', '…', ':']);
    let among = |name: &String| shown.iter().any(|known| known.eq_ignore_ascii_case(name));
    // Whether a word picks or leaves out, and whether one agrees.
    let (mut picks, mut agrees) = (false, false);
    // "i meant web1, web2 is fine": a later clause with a word that nobody can place tells something of those it names.
    let mut strange = false;
    // Whether somebody was said to be left as they are, and whether a clause refuses.
    let (mut stayed, mut refused) = (false, false);
    while at < all.len() {
        // "web1: yes" is one clause.
        let answered = gap(text, &all, at).trim() == ":"
            && [Class::Yes, Class::No].iter().any(|class| cursor.skip(at, *class) > 0);
        if !answered && gap(text, &all, at).contains([',', ';', '.', '!', '\n', '…', ':']) {
            before = if said.meant.len() > clause { clause } else { before };
            (clause, ready, strange, refused) = (said.meant.len(), true, false, false);
        }
        let class = |class| cursor.skip(at, class);
        refused |= class(Class::No) > 0 || class(Class::Denied) > 0;
        let longest = |classes: &[Class]| classes.iter().map(|class| cursor.skip(at, *class)).max().unwrap_or(0);
        let word = at == 0 || ready;
        let name = named_at(&cursor, at, shown)
            .filter(|(count, _)| *count > 1 || word || !cx.lexicon.contains(&all[at].folded))
            .filter(|(count, _)| *count > 1 || longest(&[Class::Denied, Class::Meant, Class::No, Class::Only]) == 0)
            .or_else(|| piece_at(&cursor, at, shown));
        if let Some((count, name)) = name {
            let spoken = shown.iter().any(|known| known.eq_ignore_ascii_case(&name));
            match mode {
                // "not web1, web2": of the two, the one that nobody spoke of before, or the one that somebody did.
                As::Denied if turns_over(&said.spared, spoken, shown) => said.meant.push(name),
                As::Denied | As::Spared => said.spared.push(name),
                As::Meant if strange && clause > 0 => {}
                As::Meant => {
                    // "yes and db1"
                    said.also |= agrees && behind_and(&cursor, at) && !spoken && said.meant.is_empty();
                    said.meant.push(name);
                }
            }
            at += count;
            continue;
        }
        // French "sur web2" is no "sûr".
        let yes = if class(Class::Where) >= class(Class::Yes) { 0 } else { class(Class::Yes) };
        let weak = class(Class::No).max(yes);
        // "non pas web1" is no "no" alone.
        let ends = weak > 1 && cursor.skip(at + weak - 1, Class::Denied) > 0;
        let denied = if ends { weak } else { class(Class::Denied).max(denies_apart(&cursor, at)) };
        // "web1 now, later web2"
        let put_off = class(Class::Later);
        let put_off = if put_off > 0 && at + put_off < all.len() && named_at(&cursor, at + put_off, shown).is_some() {
            put_off
        } else {
            0
        };
        let spares = longest(&[Class::Except, Class::Spare]).max(put_off);
        // "web2 only tomorrow": not now.
        let ahead = cursor.word(at, Class::Offset).filter(|(_, days)| days.parse::<i64>().is_ok_and(|days| days > 0));
        let later = ahead.map_or(0, |(count, _)| count).max(class(Class::Moment));
        // "yes web1 tonight": that one alone, or not now? Nobody knows.
        if agrees && later > 0 && said.meant.len() > clause && clause == 0 && nobody_is_named(&cursor, at, shown) {
            return None;
        }
        let later = if said.meant.len() > clause && !shown.is_empty() { later } else { 0 };
        let (stays, meant) = (class(Class::Stays).max(later), class(Class::Meant));
        let (also, other) = (class(Class::Also), class(Class::Other));
        // "yes for web1, no for the others"
        let others = class(Class::Others);
        // "the others no"
        let refuses = others > 0
            && !clause_ends(at + others)
            && [Class::No, Class::Not, Class::Denied, Class::Stays]
                .iter()
                .any(|class| cursor.skip(at + others, *class) > 0);
        if others > 0
            && others >= class(Class::Other)
            && (refused || refuses)
            && !said.meant.is_empty()
            && !shown.is_empty()
        {
            let rest = shown.iter().filter(|name| !said.meant.iter().any(|known| known.eq_ignore_ascii_case(name)));
            said.spared.extend(rest.cloned());
            (said.otherwise, picks, marked) = (true, true, true);
            at += others;
            continue;
        }
        let only = class(Class::Only);
        let light = longest(&EMPTY).max(longest(&LIGHT));
        let marks = [denied, spares, stays, meant, also, other, only, weak].into_iter().max().unwrap_or(0);
        let most = marks.max(light);
        // "db1 first" says in which order.
        if class(Class::Ahead) > 0 && named_any(&said) {
            // "web1 only, to begin with"
            if !picks {
                return None;
            }
            at += class(Class::Ahead);
            continue;
        }
        let begins = !marked && !named_any(&said);
        let question = class(Class::Question);
        if class(Class::Conditional) > most || begins && question > 0 && question >= most {
            return None;
        }
        marked |= marks > 0 && marks == most;
        ready = most > 0;
        let (mut verb, state) = (class(Class::Verb), class(Class::State));
        // "wait, not web1", but "stop web2".
        const BETWEEN: [Class; 4] = [Class::Article, Class::Meant, Class::Only, Class::Hedge];
        let between = |at: usize| BETWEEN.iter().map(|class| cursor.skip(at, *class)).max().unwrap_or(0);
        let behind = at + verb + between(at + verb);
        if class(Class::Stop) >= verb && (behind >= all.len() || named_at(&cursor, behind, shown).is_none()) {
            verb = 0;
        }
        if (verb > marks && verb >= light || state > marks && state >= light || most == 0) && !expected(&all[at].folded)
        {
            said.verb |= verb > marks && verb >= light;
            said.whole = false;
            strange = true;
            let last = &all[(at + verb.max(state).max(1) - 1).min(all.len() - 1)].span;
            let start = said.strange.as_ref().map_or(all[at].span.start, |known| known.start);
            said.strange = Some(start..last.end);
            if clause > 0 {
                said.meant.truncate(clause);
            }
            at += verb.max(state).max(1);
            continue;
        }
        // "web2, leave it", "web2, no", "web2 is prod, don't": who was named right before is left as it is.
        let leaves = [denied, spares, stays, class(Class::No), class(Class::Forbids), class(Class::Untouched)];
        let leaves = leaves.into_iter().max().unwrap_or(0);
        let behind = !shown.is_empty() && mode == As::Meant && said.meant.len() == clause && before < clause;
        let others = (at..all.len()).any(|at| cursor.skip(at, Class::Others) > 0);
        if behind
            && !others
            && leaves >= light
            && leaves > 0
            && leaves >= only.max(meant).max(also)
            && nobody_is_named(&cursor, at, shown)
        {
            let those = said.meant.split_off(before);
            said.spared.extend(those);
            (said.otherwise, picks, stayed, marked) = (true, true, true, true);
            (clause, at) = (said.meant.len(), at + leaves.max(most));
            continue;
        }
        if most == 0 {
            // It is expected.
        } else if stays == most {
            // "we leave web2 then", "I need web2"; "attends, web1" leaves nobody out.
            if most > 1 && said.meant.len() == clause && !nobody_follows(&cursor, at + most, shown) {
                (mode, said.otherwise, picks) = (As::Spared, true, true);
                at += most;
                continue;
            }
            let those = said.meant.split_off(clause.min(said.meant.len()));
            let any = !those.is_empty() || !said.spared.is_empty();
            (said.otherwise, picks) = (said.otherwise || any, picks || any);
            stayed |= any;
            said.spared.extend(those);
        } else if denied == most
            && said.meant.len() > clause
            && !clause_ends(at)
            && nobody_follows(&cursor, at + most, shown)
        {
            // "yes, db1 not", "db1 isn't one of them"
            said.spared.extend(said.meant.split_off(clause));
            (said.otherwise, picks) = (true, true);
        } else if denied == most {
            (mode, said.otherwise, picks) = (As::Denied, true, true);
        } else if spares == most {
            // "not web1 but web2".
            let turns = mode == As::Denied && class(Class::Hedge) == most;
            (mode, said.otherwise, picks) = (if turns { As::Meant } else { As::Spared }, true, true);
        } else if meant == most || only == most {
            // "web1, i mean db1"; "db1 is in use, only web1" tells something of db1.
            if meant == most && shown.is_empty() || said.strange.is_some() {
                said.meant.clear();
            }
            // "I said web2, but I meant cache"
            if meant == most && !shown.is_empty() && !nobody_follows(&cursor, at + most, shown) {
                let before = std::mem::take(&mut said.meant);
                said.spared.extend(before.into_iter().filter(|name| among(name)));
            }
            picks |= only == most;
            (mode, said.otherwise) = (As::Meant, true);
        } else if other == most {
            said.other = true;
        } else if also == most {
            // "keep web2 running and cache too"
            said.also |= mode != As::Spared || said.spared.is_empty();
        } else if weak == most {
            let no = class(Class::No) == most;
            let named = answers_for(&cursor, at, if no { Class::No } else { Class::Yes }, shown);
            if !said.also && said.meant.len() > clause && (answered || !clause_ends(at)) && clause_ends(at + most) {
                // "web1 yes, db1 no"
                let those = said.meant.split_off(clause);
                if no {
                    said.spared.extend(those)
                } else {
                    said.meant.extend(those)
                }
                (said.otherwise, picks) = (true, true);
            } else if named.is_some_and(|name| shown.len() > 1 && among(&name))
                && !(no && only_behind(&cursor, at + most, shown))
            {
                // "yes for web1, no for db1"
                (mode, said.otherwise, picks) = (if no { As::Spared } else { As::Meant }, true, true);
            } else if no {
                // "web1, no, web2" takes back what was said before it, and so does "web1, no db1" where nobody was shown.
                if clause_ends(at) && (clause_ends(at + most) && at + most < all.len() || shown.is_empty()) {
                    said.meant.clear();
                }
                mode = As::Meant;
            }
            agrees |= !no;
        }
        at += most.max(1);
    }
    // "web2 stays, and cache too", "so can cache": who else stays, or is added? Nobody knows.
    if stayed && said.also && !said.meant.is_empty() {
        return None;
    }
    if said.also && !picks {
        said.added = std::mem::take(&mut said.meant);
    }
    said.marked = marked;
    (named_any(&said) || marked && (said.other || said.also)).then_some(said)
}

fn named_any(said: &Corrected) -> bool {
    [&said.meant, &said.spared, &said.added].iter().any(|names| !names.is_empty())
}

/// The machines that a text names, one of these by a piece of its name too.
pub fn named(text: &str, shown: &[String], cx: &Context) -> Vec<String> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let mut names = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let word = |count: usize| count == 1 && cx.lexicon.contains(&all[at].folded);
        let whole = named_at(&cursor, at, shown).filter(|(count, _)| !word(*count));
        let (count, name) = match whole.or_else(|| piece_at(&cursor, at, shown)) {
            Some((count, name)) => (count, Some(name)),
            None => (1, None),
        };
        names.extend(name);
        at += count;
    }
    names
}

/// The machine that a text begins with a piece of the name of, and what is said after it: "node 3, is it up".
pub fn piece_first<'t>(text: &'t str, cx: &Context) -> Option<(Vec<String>, &'t str)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let at = cursor.skip(0, Class::Article);
    let (count, name) = all.get(at).and_then(|_| piece_at(&cursor, at, &[]))?;
    let rest = all.get(at + count).map_or("", |next| &text[next.span.start..]);
    Some((vec![name], rest))
}

/// The one machine of which that is a piece of the name: "the runner" of gitlab-runner, "node 1" of k8s-node-1. One of those shown,
/// else of all.
fn piece_at(cursor: &Cursor, at: usize, shown: &[String]) -> Option<(usize, String)> {
    const MOST: usize = 3;
    let lexicon = cursor.cx.lexicon;
    let token = &cursor.tokens[at];
    let after_article = at > 0 && lexicon.is(&cursor.tokens[at - 1].folded, Class::Article);
    (1..=MOST.min(cursor.tokens.len() - at)).rev().find_map(|count| {
        let words = &cursor.tokens[at..at + count];
        let common = count == 1 && lexicon.contains(&token.folded);
        let quoted = words.iter().any(|word| word.quoted);
        let number = count == 1 && number::count_at(cursor, at).into_iter().any(|(length, _)| length == 1);
        if quoted
            || common && !after_article
            || number && !after_article && at > 0
            || token.folded.chars().count() < 2 && !number
        {
            return None;
        }
        let sound = |index: usize| match cursor.word(at + index, Class::Number) {
            Some((1, digits)) => digits.to_owned(),
            _ => squeeze(&cursor.tokens[at + index].folded),
        };
        let squeezed: String = (0..count).map(sound).collect();
        let mut fitting = shown.iter().filter(|name| is_piece(name, &squeezed));
        let of_shown = fitting.next().filter(|_| fitting.next().is_none()).cloned();
        let name = of_shown.or_else(|| cursor.cx.known.with_piece(Of::Machine, &squeezed))?;
        Some((count, name))
    })
}

/// Whether some pieces of a name that stand side by side are written so.
fn is_piece(name: &str, squeezed: &str) -> bool {
    let pieces: Vec<String> = name.split(|c: char| !c.is_alphanumeric()).map(squeeze).collect();
    let whole: String = pieces.concat();
    !squeezed.is_empty()
        && squeezed != whole
        && (0..pieces.len()).any(|from| (from + 1..=pieces.len()).any(|to| pieces[from..to].concat() == squeezed))
}
