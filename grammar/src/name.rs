//! Names of things, existing or new; canonical values of choices; free text.
//!
//! A free name is one token, unless it is quoted or exactly a known name: otherwise "create a drive called data of
//! 20 GiB" could be a drive called "data of 20 GiB".

use crate::{
    kind::Of,
    known::squeeze,
    lexicon::Class,
    read::Cursor,
    token::{Token, gap, tokens},
    value::Value,
};

/// Longest known name, in tokens, that is looked for unquoted.
const LONGEST: usize = 6;

/// Names of existing things that begin at that token. `open`: an unknown one is taken as said.
pub(crate) fn existing(cursor: &Cursor, at: usize, of: Of, open: bool) -> Vec<(usize, Value)> {
    let called = cursor.skip(at, Class::Called);
    let mut found = names(cursor, at, of, open);
    if called > 0 {
        found.extend(names(cursor, at + called, of, true).into_iter().map(|(count, name)| (called + count, name)));
    }
    if of == Of::Machine {
        let noun = noun(cursor, at);
        if noun > 0 {
            found.extend(names(cursor, at + noun, of, true).into_iter().map(|(count, name)| (noun + count, name)));
        }
    }
    found.into_iter().map(|(count, name)| (count, Value::Name(name))).collect()
}

/// Names to be given that begin at that token; in running text only after "called".
pub(crate) fn new(cursor: &Cursor, at: usize, of: Of, open: bool) -> Vec<(usize, Value)> {
    let called = cursor.skip(at, Class::Called);
    let mut found = if open { names(cursor, at, of, true) } else { Vec::new() };
    if called > 0 {
        found.extend(names(cursor, at + called, of, true).into_iter().map(|(count, name)| (called + count, name)));
        // "a snapshot called before": whatever the last word is, that is the name.
        if let Some(last) = cursor.token(at + called)
            && at + called + 1 == cursor.tokens.len()
            && !found.iter().any(|(count, _)| *count == called + 1)
            && last.text.contains(char::is_alphanumeric)
        {
            found.push((called + 1, last.text.to_owned()));
        }
    }
    found.into_iter().map(|(count, name)| (count, Value::Name(name))).collect()
}

/// Small words, which are no machine in running text even where one is called so.
const SMALL: [Class; 18] = [
    Class::Article,
    Class::It,
    Class::Myself,
    Class::Same,
    Class::Both,
    Class::All,
    Class::Everything,
    Class::Other,
    Class::Yes,
    Class::No,
    Class::Filler,
    Class::Aside,
    Class::Polite,
    Class::Noname,
    Class::Question,
    Class::Then,
    Class::Follow,
    Class::State,
];

/// "vm", "the machine", "the vm called": number of tokens.
pub(crate) fn noun(cursor: &Cursor, at: usize) -> usize {
    let article = cursor.skip(at, Class::Article);
    match cursor.skip(at + article, Class::Machine) {
        0 => 0,
        count => article + count + cursor.skip(at + article + count, Class::Called),
    }
}

/// Names at that token: quoted, known (of any length), or one that may be free.
pub(crate) fn names(cursor: &Cursor, at: usize, of: Of, open: bool) -> Vec<(usize, String)> {
    let Some(token) = cursor.token(at) else {
        return Vec::new();
    };
    let mut found = known(cursor, at, of);
    if !open && !token.quoted && cursor.cx.lexicon.contains(&token.folded) {
        // In running text a machine called "it" is not meant by every "it", but one called "test" may be by "reboot test".
        let object = at > 0 && cursor.cx.lexicon.is(&token.folded, Class::Verb);
        // "et suivi, elle tourne ?": a word of content is the one called so where it is what is spoken of.
        let small = SMALL.iter().any(|class| cursor.cx.lexicon.is(&token.folded, *class));
        let topic = !small && at > 0 && cursor.skip(0, Class::Follow) == at;
        found.retain(|(count, _)| *count > 1 || object || topic);
    }
    if token.quoted {
        if found.is_empty() {
            found.push((1, token.text.to_owned()));
        }
    } else if open
        && !found.iter().any(|(count, _)| *count == 1)
        && free(cursor, at)
        && !(of == Of::Machine && says_else(token, cursor))
    {
        let count = joined(cursor, at);
        found.push((count, closed(cursor.text, &cursor.tokens[at + count - 1], cursor.said(at, count))));
    }
    // "stop the db": after an article only a known name or a piece of one, as "stop the vnc" is about no machine.
    let article = cursor.skip(at, Class::Article);
    if article > 0 && found.is_empty() {
        let mut named = known(cursor, at + article, of);
        if named.is_empty() && of == Of::Machine {
            named = piece(cursor, at + article, true).into_iter().collect();
        }
        found.extend(named.into_iter().map(|(count, name)| (article + count, name)));
    } else if of == Of::Machine && !token.quoted {
        let most = found.iter().map(|(count, _)| *count).max().unwrap_or(0);
        found.extend(piece(cursor, at, false).filter(|(count, _)| *count > most && !numbers_meet(cursor, at, most)));
    }
    for index in 0..found.len() {
        // "web1's disk"
        let (count, name) = &found[index];
        let after = cursor.token(at + count);
        if after.is_some_and(|after| after.clitic && cursor.cx.lexicon.is(&after.folded, Class::Possessive)) {
            let longer = (count + 1, name.clone());
            found.push(longer);
        }
    }
    found
}

/// How many tokens a free name has that is written in one piece: "o'brien", "a=b", "web(2)". Nobody means a piece of it.
fn joined(cursor: &Cursor, at: usize) -> usize {
    let lexicon = cursor.cx.lexicon;
    let mut count = 1;
    while let Some(next) = cursor.token(at + count) {
        let gap = gap(cursor.text, cursor.tokens, at + count);
        // Commas and ends of sentences part words also where nobody left a blank.
        let parts = gap.is_empty() || gap.contains(|c: char| c.is_whitespace() || ",;:.!?…".contains(c));
        if parts || next.quoted || next.clitic && lexicon.is(&next.folded, Class::Possessive) {
            break;
        }
        count += 1;
    }
    count
}

/// A name with the brackets behind it that close those within it: "web(2)".
pub(crate) fn closed(text: &str, last: &Token, mut name: String) -> String {
    for c in text.get(last.span.end..).unwrap_or_default().chars() {
        let opening = match c {
            ')' => '(',
            ']' => '[',
            '}' => '{',
            '>' => '<',
            _ => break,
        };
        if name.matches(opening).count() <= name.matches(c).count() {
            break;
        }
        name.push(c);
    }
    name
}

/// A piece of a machine's name or title, for the whole: "node 3", "the master". After an article also a number ("la 24").
fn piece(cursor: &Cursor, at: usize, article: bool) -> Option<(usize, String)> {
    const SHORTEST: usize = 3;
    let lexicon = cursor.cx.lexicon;
    let first = cursor.token(at)?;
    if first.clitic && !article || lexicon.is(&first.folded, Class::Verb) {
        return None;
    }
    let most = LONGEST.min(cursor.tokens.len() - at);
    (1..=most).rev().find_map(|count| {
        let pieces = &cursor.tokens[at..at + count];
        let apart = (at + 1..at + count)
            .any(|index| gap(cursor.text, cursor.tokens, index).contains([',', ';', ':', '.', '?', '!']));
        if apart || pieces.iter().any(|token| token.quoted) {
            return None;
        }
        let said: Vec<String> = (0..count)
            .map(|index| match digits_of(cursor, at + index) {
                Some(digits) if index > 0 => digits.to_owned(),
                _ => cursor.tokens[at + index].text.to_owned(),
            })
            .collect();
        let squeezed = squeeze(&said.concat());
        let digits = squeezed.bytes().all(|byte| byte.is_ascii_digit());
        let alone = count == 1 && (lexicon.contains(&first.folded) || squeezed.chars().count() < SHORTEST);
        // What is in the lexicon may stand within a piece ("portail des clients"), and begin one that has more to it ("node 3").
        let weak = if digits { !article || count > 1 } else { alone };
        if weak || !cursor.cx.known.has_piece(Of::Machine, &squeezed) {
            return None;
        }
        Some((count, said.join(" ")))
    })
}

/// Known names that begin at that token, longest first. A machine's host may follow: "web1 on hv2".
pub(crate) fn known(cursor: &Cursor, at: usize, of: Of) -> Vec<(usize, String)> {
    let found = named(cursor, at, of);
    if of != Of::Machine {
        return found;
    }
    let placed = found.iter().filter_map(|(count, name)| {
        let (more, host) = on_host(cursor, at + count)?;
        let name = cursor.cx.known.has(of, &format!("{name}@{host}"))?;
        Some((count + more, name))
    });
    let placed: Vec<_> = placed.collect();
    [placed, found].concat()
}

/// "on hv2": the host that what stands before is on.
pub(crate) fn on_host(cursor: &Cursor, at: usize) -> Option<(usize, String)> {
    let place = Some(cursor.skip(at, Class::Where)).filter(|count| *count > 0)?;
    let (count, host) = named(cursor, at + place, Of::Hypervisor).into_iter().next()?;
    Some((place + count, host))
}

fn named(cursor: &Cursor, at: usize, of: Of) -> Vec<(usize, String)> {
    let Some(token) = cursor.token(at) else {
        return Vec::new();
    };
    if token.quoted {
        return cursor.cx.known.has(of, token.text).map(|name| (1, name)).into_iter().collect();
    }
    let most = LONGEST.min(cursor.tokens.len() - at);
    let unquoted = |count: usize| count == 1 || !cursor.tokens[at + 1..at + count].iter().any(|token| token.quoted);
    let exact: Vec<(usize, String)> = (1..=most)
        .rev()
        .filter(|count| unquoted(*count))
        .filter_map(|count| cursor.cx.known.has(of, &cursor.words(at, count)).map(|name| (count, name)))
        .collect();
    match dictated(cursor, at, of, most) {
        // "web 2" is web2, also where there is a web, but "web1 0" is not web10 where there is a web1.
        Some(longer)
            if exact.first().is_none_or(|(count, _)| *count < longer.0 && !numbers_meet(cursor, at, *count)) =>
        {
            [vec![longer], exact].concat()
        }
        _ => exact,
    }
}

/// Whether the name of so many tokens ends in a number and another number follows it, in digits or in words: two numbers are not run together.
fn numbers_meet(cursor: &Cursor, at: usize, count: usize) -> bool {
    let number = |next: &Token| {
        next.text.starts_with(|c: char| c.is_ascii_digit()) || cursor.cx.lexicon.is(&next.folded, Class::Number)
    };
    count > 0
        && cursor.tokens[at + count - 1].text.ends_with(|c: char| c.is_ascii_digit())
        && cursor.token(at + count).is_some_and(number)
}

/// The digits that a word behind the beginning of a name stands for. A "no" says no: "stop web1, no" is about no web10.
fn digits_of<'a>(cursor: &Cursor<'a>, at: usize) -> Option<&'a str> {
    let (count, digits) = cursor.word(at, Class::Number)?;
    (count == 1 && cursor.skip(at, Class::No) == 0).then_some(digits)
}

/// A known machine, hypervisor or snapshot as people say it: "web two", "Web-2", "win7 test" for win7-test.
fn dictated(cursor: &Cursor, at: usize, of: Of, most: usize) -> Option<(usize, String)> {
    let lexicon = cursor.cx.lexicon;
    let first = &cursor.tokens[at];
    let verb = lexicon.is(&first.folded, Class::Verb);
    if !matches!(of, Of::Machine | Of::Hypervisor | Of::Snapshot) || first.clitic || verb {
        return None;
    }
    let sound = |index: usize| {
        let token = &cursor.tokens[at + index];
        match digits_of(cursor, at + index) {
            Some(digits) if index > 0 => digits.to_owned(),
            _ => squeeze(&token.folded),
        }
    };
    // What is said of so many words is the beginning of what is said of all.
    let (mut sounds, mut ends) = (String::new(), [0; LONGEST]);
    for (index, end) in ends.iter_mut().enumerate().take(most) {
        sounds += &sound(index);
        *end = sounds.len();
    }
    (1..=most).rev().find_map(|count| {
        let pieces = &cursor.tokens[at..at + count];
        // A word of the language is no other spelling of a name, nor are two that a comma parts.
        let apart = (at + 1..at + count)
            .any(|index| gap(cursor.text, cursor.tokens, index).contains([',', ';', ':', '?', '!']));
        if count == 1 && lexicon.contains(&first.folded) || apart || pieces.iter().any(|token| token.quoted) {
            return None;
        }
        let squeezed = Some(&sounds[..ends[count - 1]]).filter(|squeezed| !squeezed.is_empty())?;
        Some((count, cursor.cx.known.sounds(of, squeezed)?))
    })
}

/// Whether an unquoted, unknown word may be a name: not an article, preposition or polite word.
fn free(cursor: &Cursor, at: usize) -> bool {
    let lexicon = cursor.cx.lexicon;
    let token = &cursor.tokens[at];
    // The "s" of "web1's" is none, the "alpha" of French "l'alpha" may be one.
    let elided = at > 0 && lexicon.is(&cursor.tokens[at - 1].folded, Class::Elided);
    token.text.contains(char::is_alphanumeric)
        && (!token.clitic || elided)
        && ![Class::Noname, Class::Article, Class::Polite].iter().any(|class| lexicon.is(&token.folded, *class))
}

/// Whether a word has a place of its own in what is said, so that no machine is called so: "wait, is db1 up?", "2 gigs and qcow2".
fn says_else(token: &Token, cursor: &Cursor) -> bool {
    const ELSE: [Class; 5] = [Class::Recants, Class::Stop, Class::Yes, Class::No, Class::Thing];
    ELSE.iter().any(|class| cursor.cx.lexicon.is(&token.folded, *class))
}

/// Canonical values of a choice, said as they are or by a synonym of the lexicon.
pub(crate) fn choice(cursor: &Cursor, at: usize, values: &[&str]) -> Vec<(usize, Value)> {
    let rest = &cursor.tokens[at..];
    let mut found = Vec::new();
    for value in values {
        let words = tokens(value);
        let said = words.len() <= rest.len() && words.iter().zip(rest).all(|(word, token)| word.folded == token.folded);
        if said && !words.is_empty() {
            found.push((words.len(), Value::Choice((*value).to_owned())));
        }
    }
    // A value said as it is stands for no other: "down" is "down" where there is that, and "off" where there is not.
    let itself = found.first().map_or(0, |(count, _)| *count);
    for (count, argument) in cursor.cx.lexicon.all(rest, Class::Choice) {
        if values.contains(&argument) && count != itself {
            found.push((count, Value::Choice(argument.to_owned())));
        }
    }
    found
}

/// Free text from that token on: what is quoted, or any number of the words that follow, longest first.
pub(crate) fn text(cursor: &Cursor, at: usize) -> Vec<(usize, Value)> {
    let most = cursor.tokens.len() - at;
    if cursor.tokens[at].quoted {
        return vec![(1, Value::Text(cursor.tokens[at].text.to_owned()))];
    }
    (1..=most).rev().map(|count| (count, Value::Text(cursor.said(at, count)))).collect()
}
