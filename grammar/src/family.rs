//! Machines that are called alike: "the probes", "both proxies", "nodes 1 and 2".

use crate::{kind::Of, lexicon::Class, number, read::Cursor, selector::Selector, token::comma_before};

/// "the probes", "both proxies", "nodes 1 and 2" where machines are called so: those.
pub(crate) fn families(cursor: &Cursor, at: usize) -> Vec<(usize, Selector)> {
    let both = cursor.skip(at, Class::Both);
    // "tous les nodes"
    let every = if both > 0 { 0 } else { cursor.skip(at, Class::All) };
    let article = if both > 0 { 0 } else { every + cursor.skip(at + every, Class::Article) };
    let before = both + article;
    let number = match number::count_at(cursor, at + before).first() {
        Some((count, number)) if before > 0 => Some((*count, usize::try_from(*number).unwrap_or(0))),
        _ => None,
    };
    let place = at + before + number.map_or(0, |(count, _)| count);
    let Some(token) = cursor.token(place).filter(|token| !token.quoted) else { return Vec::new() };
    // That is a set of its own.
    if every > 0 && family(cursor, place).is_some() {
        return Vec::new();
    }
    let numbers = numbers(cursor, place + 1);
    let several = numbers.as_ref().is_some_and(|(_, numbers)| numbers.len() > 1);
    let mut family = Vec::new();
    // "les vdi": what stands after such an article is several as it is.
    let counted = both > 0 || number.is_some_and(|(_, number)| number > 1);
    // "both scratch boxes", where machines are called so: a word of the language as well.
    // And "the web ones", "lab machines".
    let strange = !cursor.cx.lexicon.contains(&token.folded);
    let machines = (counted || article > 0 || strange) && cursor.skip(place + 1, Class::Machines) > 0;
    let own = cursor.cx.lexicon.contains(&token.folded) && !several && !machines && (every == 0 || says(cursor, place));
    let plural = several || counted || machines || every > 0 || article > 0 && cursor.skip(at, Class::Those) > 0;
    for stem in stems(&token.folded).skip(usize::from(!plural)) {
        family = cursor.cx.known.with_word(Of::Machine, &stem);
        if !family.is_empty() {
            break;
        }
    }
    if own {
        return Vec::new();
    }
    if let Some(name) = cursor.cx.known.has(Of::Machine, token.text) {
        // "both proxies", "les deux proxy": of one name, and told apart by their hosts.
        family = if counted && cursor.cx.known.told_apart(&name).len() > 1 { vec![name] } else { return Vec::new() };
    }
    let end = place + 1 - at;
    if let Some((count, numbers)) = numbers.filter(|(_, numbers)| numbers.len() > 1) {
        let of = |number: &usize| {
            let mut fitting = family.iter().filter(|name| last_number(name) == Some(*number));
            fitting.next().filter(|_| fitting.next().is_none()).cloned()
        };
        let picked: Option<Vec<String>> = numbers.iter().map(of).collect();
        return picked.map(|names| (end + count, Selector::Names(names))).into_iter().collect();
    }
    let all: Vec<String> = family.iter().flat_map(|name| cursor.cx.known.told_apart(name)).collect();
    let wanted = if both > 0 { Some(2) } else { number.map(|(_, number)| number) };
    if all.len() < 2 || wanted.is_some_and(|wanted| wanted != all.len()) {
        return Vec::new();
    }
    vec![(end + cursor.skip(at + end, Class::Machines), Selector::Names(all))]
}

/// Whether what stands there is said of machines, whatever they are called: "running", "machines".
fn says(cursor: &Cursor, at: usize) -> bool {
    const SAYS: [Class; 11] = [
        Class::State,
        Class::Os,
        Class::Machine,
        Class::Machines,
        Class::Which,
        Class::Article,
        Class::All,
        Class::Everything,
        Class::Except,
        Class::Where,
        Class::Tagged,
    ];
    SAYS.iter().any(|class| cursor.skip(at, *class) > 0)
}

/// A word, and what it may be the plural of.
fn stems(word: &str) -> impl Iterator<Item = String> {
    let one = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let two = word.strip_suffix(['s', 'x']).map(str::to_owned);
    [Some(word.to_owned()), one, two].into_iter().flatten().filter(|stem| stem.chars().count() > 1)
}

/// The number that a name ends with.
fn last_number(name: &str) -> Option<usize> {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    name[name.len() - digits..].parse().ok()
}

/// "1, 2 and 3": numbers in a row.
fn numbers(cursor: &Cursor, at: usize) -> Option<(usize, Vec<usize>)> {
    let (mut end, mut list) = (at, Vec::new());
    loop {
        let and = if list.is_empty() { 0 } else { cursor.skip(end, Class::And) };
        if !list.is_empty() && and == 0 && !comma_before(cursor.text, cursor.tokens, end) {
            break;
        }
        let Some((count, number)) = number::count_at(cursor, end + and).into_iter().next() else { break };
        list.push(usize::try_from(number).ok()?);
        end += and + count;
    }
    (!list.is_empty()).then_some((end - at, list))
}

/// "all the probes" where there are probe-1 and probe-2: what their names begin with.
pub(crate) fn family(cursor: &Cursor, at: usize) -> Option<String> {
    // "all test machines": a word of the language, but nothing that is said of machines.
    let noun = cursor.skip(at + 1, Class::Machines) > 0 && !says(cursor, at);
    let token = cursor.token(at).filter(|token| !token.quoted)?;
    if cursor.cx.lexicon.contains(&token.folded) && !noun {
        return None;
    }
    stems(&token.folded).find(|stem| cursor.cx.known.many_begin(Of::Machine, stem))
}
