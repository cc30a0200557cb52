//! Which machines: one by name, several, "it", "yourself", "all vms that are off", "the second one".

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use crate::state::State;
use crate::{
    family::{families, family},
    kind::Of,
    lexicon::Class,
    name, number,
    read::{Context, Cursor},
    time,
    token::{comma_before, fold},
    value::Value,
};

/// Number of "the last one" in [`Selector::Nth`] and `Answer::Nth`.
pub const LAST: usize = usize::MAX;

/// Which machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// By name: canonical spelling of known ones, unknown ones as said. Never empty.
    Names(Vec<String>),
    /// "it": what was last spoken of.
    It,
    /// "yourself": the machine that is spoken to.
    Myself,
    /// "the same": what the last command was about.
    Same,
    /// All of them.
    All,
    /// Those that have something in common; what is `None` doesn't matter.
    Where {
        /// In that state.
        state: Option<State>,
        /// With that tag.
        tag: Option<String>,
        /// With that operating system, by its short name.
        os: Option<String>,
        /// With a name that begins so ("web*").
        prefix: Option<String>,
        /// On that hypervisor.
        #[serde(default)]
        host: Option<String>,
        /// But not these names.
        except: Vec<String>,
    },
    /// From the last list, counted from 1; [`LAST`] is the last.
    Nth(Vec<usize>),
    /// "the others": all that were not spoken of, and how many that is, if it was said.
    Others(Option<u64>),
}

impl Selector {
    /// Takes these out of a set; false where there is none to take them out of.
    pub fn leave_out(&mut self, names: &[String]) -> bool {
        match self {
            Selector::All => {
                let except = names.to_vec();
                *self = Selector::Where { state: None, tag: None, os: None, prefix: None, host: None, except };
                true
            }
            Selector::Where { except, .. } => {
                except.extend(names.iter().filter(|name| !except.contains(name)).cloned().collect::<Vec<_>>());
                true
            }
            Selector::Names(own) => {
                let among = |name: &String| own.iter().any(|known| known.eq_ignore_ascii_case(name));
                let fits = names.len() < own.len() && names.iter().all(among);
                if fits {
                    own.retain(|known| !names.iter().any(|name| known.eq_ignore_ascii_case(name)));
                }
                fits
            }
            Selector::It | Selector::Myself | Selector::Same | Selector::Nth(_) | Selector::Others(_) => false,
        }
    }
}

impl fmt::Display for Selector {
    /// In English, as the English lexicon reads it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Names(names) => list(f, names),
            Selector::It => f.write_str("it"),
            Selector::Myself => f.write_str("yourself"),
            Selector::Same => f.write_str("the same"),
            Selector::All => f.write_str("all machines"),
            Selector::Others(None) => f.write_str("the others"),
            Selector::Others(Some(count)) => write!(f, "the other {count}"),
            Selector::Nth(numbers) => {
                let words: Vec<String> = numbers
                    .iter()
                    .map(|number| if *number == LAST { "last".into() } else { format!("number {number}") })
                    .collect();
                write!(f, "the {}", words.join(" and "))
            }
            Selector::Where { state, tag, os, prefix, host, except } => {
                f.write_str("all machines")?;
                if let Some(state) = state {
                    write!(f, " that are {state}")?;
                }
                if let Some(tag) = tag {
                    write!(f, " tagged \"{tag}\"")?;
                }
                if let Some(os) = os {
                    write!(f, " with {os}")?;
                }
                if let Some(prefix) = prefix {
                    write!(f, " called {prefix}*")?;
                }
                if let Some(host) = host {
                    write!(f, " on \"{host}\"")?;
                }
                if !except.is_empty() {
                    f.write_str(" except ")?;
                    list(f, except)?;
                }
                Ok(())
            }
        }
    }
}

/// Names with commas between. A name that might be a word of the language ("all", "it") is quoted.
fn list(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    for (index, name) in names.iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.ends_with(|c: char| c.is_ascii_digit());
        if plain {
            write!(f, "{separator}{name}")?;
        } else {
            write!(f, "{separator}\"{name}\"")?;
        }
    }
    Ok(())
}

/// Selectors that begin at that token. `open`: an unknown word may be a name.
pub(crate) fn at(cursor: &Cursor, at: usize, open: bool) -> Vec<(usize, Value)> {
    let mut found: Vec<(usize, Selector)> = Vec::new();
    for (class, selector) in [
        (Class::It, Selector::It),
        (Class::Myself, Selector::Myself),
        (Class::Same, Selector::Same),
        (Class::Both, Selector::Nth(vec![1, 2])),
    ] {
        let count = cursor.skip(at, class);
        if count > 0 {
            // "the same host" says what it is the same of.
            let noun = cursor.skip(at + count, Class::Machine).max(cursor.skip(at + count, Class::Host));
            found.push((count, selector.clone()));
            // "them both", "les toutes": all that "them" stands for.
            let all = cursor.skip(at + count, Class::Both).max(cursor.skip(at + count, Class::All));
            if all > 0 && selector == Selector::It {
                found.push((count + all, Selector::It));
            }
            if noun > 0 && selector == Selector::Same {
                found.push((count + noun, selector));
            }
        }
    }
    found.extend(others(cursor, at));
    found.extend(ordinals(cursor, at));
    // "one of the webs" is not all of them.
    if !picks_some(cursor, at) {
        found.extend(filtered(cursor, at));
        found.extend(families(cursor, at));
    }
    found.extend(placed(cursor, at));
    let word = found.iter().any(|(count, _)| *count == 1);
    // "any of web1 and web2" is neither both nor the first.
    if cursor.cx.lexicon.longest_before(&cursor.tokens[..at], Class::SomeOf).is_none() {
        found.extend(names(cursor, at, open && !word, word));
    }
    found.into_iter().map(|(count, selector)| (count, Value::Machines(selector))).collect()
}

/// Whether a set that begins there is one of which only some are meant: "one of" or "some of" stands before it.
fn picks_some(cursor: &Cursor, at: usize) -> bool {
    // "one of the two webs"
    const BETWEEN: [Class; 3] = [Class::Article, Class::Number, Class::Both];
    let mut place = at;
    loop {
        if cursor.cx.lexicon.longest_before(&cursor.tokens[..place], Class::SomeOf).is_some() {
            return true;
        }
        match place.checked_sub(1).filter(|one| cursor.cx.lexicon.holds(&cursor.tokens[*one..place], &BETWEEN)) {
            Some(one) => place = one,
            None => return cursor.skip(at, Class::SomeOf) > 0,
        }
    }
}

/// "all others", "the other two machines", "les deux autres", "the rest of them": all but those that were spoken of.
fn others(cursor: &Cursor, at: usize) -> Vec<(usize, Selector)> {
    let all = at + cursor.skip(at, Class::All);
    let number = |at: usize| number::count_at(cursor, at).into_iter().next();
    let words = |from: usize| {
        let count = cursor.skip(from, Class::Others);
        // "others" alone may be any.
        let alone = from == at || from == at + cursor.skip(at, Class::Article);
        Some(count).filter(|count| *count > 1 || *count > 0 && !alone)
    };
    // "the rest", "the other two", "les deux autres".
    let begins = [all, all + cursor.skip(all, Class::Article)];
    // "the other two", and "the other one" is one.
    let other = |start: usize| {
        let count = Some(cursor.skip(start, Class::Other)).filter(|count| *count > 0)?;
        let (more, number) = number(start + count).filter(|(_, number)| *number > 1).unwrap_or((0, 1));
        Some((start + count + more, Some(number)))
    };
    let read = |start: usize| match (words(start), number(start)) {
        _ if other(start).is_some() => other(start),
        (Some(count), _) => match number(start + count) {
            Some((more, number)) => Some((start + count + more, Some(number))),
            None => Some((start + count, None)),
        },
        (None, Some((count, number))) => Some((start + count + words(start + count)?, Some(number))),
        (None, None) => None,
    };
    let Some((mut end, count)) = begins.into_iter().find_map(read) else { return Vec::new() };
    let noun = cursor.skip(end, Class::Machines).max(cursor.skip(end, Class::Item));
    let mut found = vec![(end - at, Selector::Others(count))];
    if noun > 0 {
        end += noun;
        found.push((end - at, Selector::Others(count)));
    }
    found
}

/// "the second one", "number 2", "the first and the third".
fn ordinals(cursor: &Cursor, at: usize) -> Vec<(usize, Selector)> {
    let one = |at: usize| -> Option<(usize, usize)> {
        let mut count = cursor.skip(at, Class::Article);
        let item = cursor.skip(at + count, Class::Item);
        if item > 0
            && let Some((more, number)) = number::count_at(cursor, at + count + item).first()
        {
            return Some((count + item + more, usize::try_from(*number).ok()?));
        }
        let (more, number) = match cursor.word(at + count, Class::Ordinal) {
            Some((more, "last")) => (more, LAST),
            _ => {
                let (more, number) = time::ordinal(cursor, at + count)?;
                (more, usize::try_from(number).ok()?)
            }
        };
        count += more;
        count += cursor.skip(at + count, Class::Item).max(cursor.skip(at + count, Class::Machine));
        Some((count, number))
    };
    let mut found: Vec<(usize, Selector)> = first_of_all(cursor, at).into_iter().collect();
    let mut numbers = Vec::new();
    let mut end = at;
    loop {
        let and = if end > at { cursor.skip(end, Class::And) } else { 0 };
        match one(end + and) {
            Some((count, number)) if number > 0 => {
                end += and + count;
                numbers.push(number);
                found.push((end - at, Selector::Nth(numbers.clone())));
            }
            _ => return found,
        }
    }
}

/// "the first two", "les deux premières".
fn first_of_all(cursor: &Cursor, at: usize) -> Option<(usize, Selector)> {
    let article = cursor.skip(at, Class::Article);
    let first =
        |at: usize| cursor.word(at, Class::Ordinal).filter(|(_, ordinal)| *ordinal == "1").map(|(count, _)| count);
    let number = |at: usize| number::count_at(cursor, at).into_iter().next();
    let start = at + article;
    let (count, number) = match (first(start), number(start)) {
        (Some(ordinal), _) => number(start + ordinal).map(|(count, number)| (ordinal + count, number))?,
        (None, Some((count, number))) => (count + first(start + count)?, number),
        (None, None) => return None,
    };
    let number = usize::try_from(number).ok().filter(|number| (2..=MOST_COUNTED).contains(number))?;
    let end = start + count;
    let noun = cursor.skip(end, Class::Item).max(cursor.skip(end, Class::Machines));
    Some((article + count + noun, Selector::Nth((1..=number).collect())))
}

/// Most machines of a list that are meant by "the first ten".
const MOST_COUNTED: usize = 20;

/// What has been read of a [`Selector::Where`] so far.
#[derive(Clone, Default, PartialEq)]
struct Filter {
    state: Option<State>,
    tag: Option<String>,
    os: Option<String>,
    prefix: Option<String>,
    host: Option<String>,
    except: Vec<String>,
}

/// "all vms that are off", "everything tagged test", "the stopped machines", "web*".
fn filtered(cursor: &Cursor, start: usize) -> Vec<(usize, Selector)> {
    let mut found = Vec::new();
    // "shut down everything": that "down" is no state.
    if start > 0 && cursor.skip(start - 1, Class::Verb) > 1 {
        return found;
    }
    let mut filter = Filter::default();
    let (mut at, mut whole, mut noun) = (start, false, false);
    let (mut narrowed, mut several) = (false, false);
    loop {
        let here = at;
        several |= cursor.skip(at, Class::Those) > 0;
        // "tout le monde", but "tout ce qui est à l'arrêt" and "tout de suite"
        let everything = word(cursor, at, Class::Everything).unwrap_or(0);
        let which = |end: usize| cursor.cx.lexicon.longest_before(&cursor.tokens[..end], Class::Which).is_some();
        let now = cursor.skip(at, Class::Now);
        let goes_on = |more: &usize| *more > now && (*more >= everything || which(at + everything));
        if let Some(more) = word(cursor, at, Class::All).filter(goes_on) {
            (at, whole) = (at + more, true);
        } else if everything > now {
            (at, whole, noun) = (at + everything, true, true);
        } else if let Some(more) = word(cursor, at, Class::Machines) {
            (at, noun) = (at + more, true);
        } else if let Some((more, host)) =
            name::on_host(cursor, at).filter(|_| (whole || noun) && filter.host.is_none())
        {
            filter.host = Some(host);
            (at, narrowed) = (at + more, true);
            noun |= whole;
        } else if let Some(more) = word(cursor, at, Class::Machine).filter(|_| whole || narrowed) {
            // "every vm", "the debian machine"
            (at, noun) = (at + more, true);
        } else if let Some(more) =
            word(cursor, at, Class::Item).filter(|_| filter.state.is_some() && !noun && at - start > 1)
        {
            // "the crashed one"
            (at, noun) = (at + more, true);
        } else if let Some(more) =
            word(cursor, at, Class::Theone).filter(|more| at == start && cursor.skip(at + more, Class::Which) > 0)
        {
            // "celle qui est plantée"
            (at, noun) = (at + more, true);
            continue;
        } else if let Some((more, state)) = cursor.word(at, Class::State)
            && filter.state.is_none()
            && let Some(state) = State::named(state)
        {
            filter.state = Some(state);
            (at, narrowed) = (at + more, true);
        } else if let Some((more, os)) = cursor.word(at, Class::Os)
            && filter.os.is_none()
        {
            filter.os = Some(os.to_owned());
            (at, narrowed) = (at + more, true);
        } else if let Some(more) = word(cursor, at, Class::Tagged).filter(|_| filter.tag.is_none())
            && let Some((count, tag)) = name::names(cursor, at + more, Of::Tag, true).into_iter().next()
        {
            filter.tag = Some(tag);
            (at, narrowed) = (at + more + count, true);
        } else if let Some((count, prefix)) = starred(cursor, at)
            && filter.prefix.is_none()
            && (whole || noun || at == start)
        {
            (at, narrowed) = (at + count, true);
            match prefix {
                "" => whole = true,
                _ => filter.prefix = Some(prefix.to_owned()),
            }
            noun = true;
        } else if let Some(more) = word(cursor, at, Class::Except).filter(|_| whole || noun || several && narrowed) {
            let Some((count, names)) = left_out(cursor, at + more, true) else {
                break;
            };
            filter.except = names;
            at += more + count;
            found.push((at - start, selector(&filter)));
            break;
        } else if let Some(prefix) = family(cursor, at).filter(|_| {
            // "avant tout web1": who is called so is no beginning of others.
            let one = name::known(cursor, at, Of::Machine).iter().any(|(count, _)| *count == 1);
            whole && !noun && !one && filter.prefix.is_none()
        }) {
            filter.prefix = Some(prefix);
            (at, noun, narrowed) = (at + 1, true, true);
        } else if let Some(more) = [Class::Which, Class::Article, Class::Called, Class::At]
            .iter()
            .find_map(|class| word(cursor, at, *class))
            .filter(|_| (at == start || whole || noun) && at - start < 12)
        {
            // Filler; a selector never ends with it.
            at += more;
            continue;
        }
        if at == here {
            break;
        }
        // "all", "all vms", "stopped vms", "les éteintes"; "vms" alone is no set, nor is "all stopped" in the midst of a text.
        let last =
            at == cursor.tokens.len() && !cursor.text.trim_end().ends_with('?') || cursor.skip(at, Class::Except) > 0;
        let state = filter.state.is_some() && (several || whole && last);
        let said = if narrowed { noun || state } else { whole };
        if said {
            found.push((at - start, selector(&filter)));
        }
    }
    found
}

fn selector(filter: &Filter) -> Selector {
    if *filter == Filter::default() {
        return Selector::All;
    }
    let Filter { state, tag, os, prefix, host, except } = filter.clone();
    Selector::Where { state, tag, os, prefix, host, except }
}

/// Names that a text leaves out, wherever in it: "except db1, reboot all". Where it says so, and which.
pub fn exceptions(text: &str, cx: &Context) -> Vec<(Range<usize>, Vec<String>)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let mut found = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let count = cursor.skip(at, Class::Except);
        match (count > 0).then(|| left_out(&cursor, at + count, false)).flatten() {
            Some((more, names)) => {
                found.push((all[at].span.start..all[at + count + more - 1].span.end, names));
                at += count + more;
            }
            _ => at += count.max(1),
        }
    }
    found
}

fn word(cursor: &Cursor, at: usize, class: Class) -> Option<usize> {
    Some(cursor.skip(at, class)).filter(|count| *count > 0)
}

/// Who is left out, from that token on: names and pieces of them, "k8s-*", "the windows ones". `open`: an unknown word may be a name.
pub(crate) fn left_out(cursor: &Cursor, at: usize, open: bool) -> Option<(usize, Vec<String>)> {
    let one = |at: usize, open: bool| {
        let (count, names) = one_left_out(cursor, at, open)?;
        // "the vpn box"
        Some((count + cursor.skip(at + count, Class::Machine), names))
    };
    let (mut end, mut list) = one(at, open)?;
    end += at;
    loop {
        let and = cursor.skip(end, Class::And);
        let again = cursor.skip(end + and, Class::Except);
        let next = end + and + again;
        if and + again == 0 && !comma_before(cursor.text, cursor.tokens, end) || cursor.skip(next, Class::Verb) > 0 {
            return Some((end - at, list));
        }
        let Some((count, names)) = one(next, open) else { return Some((end - at, list)) };
        end = next + count;
        list.extend(names);
    }
}

fn one_left_out(cursor: &Cursor, at: usize, open: bool) -> Option<(usize, Vec<String>)> {
    let article = cursor.skip(at, Class::Article);
    if let Some((count, prefix)) = starred(cursor, at + article).filter(|(_, prefix)| !prefix.is_empty()) {
        return Some((article + count, vec![format!("{prefix}*")]));
    }
    let named = names(cursor, at, false, false).into_iter().max_by_key(|(count, _)| *count);
    if let Some((count, Selector::Names(names))) = named {
        return Some((count, names));
    }
    if let Some((count, os)) = cursor.word(at + article, Class::Os) {
        let noun = cursor.skip(at + article + count, Class::Machines);
        return Some((article + count + noun, vec![os.to_owned()]));
    }
    if let Some((count, Selector::Names(names))) = families(cursor, at).pop() {
        return Some((count, names));
    }
    // "except web1, it is busy": a word of the language is nobody's name.
    let unknown = name::names(cursor, at + article, Of::Machine, open).into_iter().next();
    let unknown = unknown.filter(|(_, name)| !cursor.cx.lexicon.contains(&fold(name)));
    unknown.map(|(count, name)| (article + count, vec![name]))
}

/// "the one on hv2": the machine of a name just spoken of that is there; the name is put to it by whoever knows it.
fn placed(cursor: &Cursor, at: usize) -> Vec<(usize, Selector)> {
    let one = cursor.skip(at, Class::Theone);
    let there = (one > 0).then(|| name::on_host(cursor, at + one)).flatten();
    there.map(|(count, host)| (one + count, Selector::Names(vec![format!("{AT}{host}")]))).into_iter().collect()
}

/// What stands before the host in the name of a machine that is told apart by it: "web1@hv2", and "@hv2" for whichever is there.
pub const AT: char = '@';

/// "web*", "called web*": the part before the star.
fn starred<'a>(cursor: &Cursor<'a>, at: usize) -> Option<(usize, &'a str)> {
    let token = cursor.token(at).filter(|token| !token.quoted)?;
    let prefix = token.text.strip_suffix('*')?;
    (!prefix.contains('*')).then_some((1, prefix))
}

/// Lists of names, each prefix of the list being one too.
fn names(cursor: &Cursor, at: usize, open: bool, word: bool) -> Vec<(usize, Selector)> {
    let noun = name::noun(cursor, at);
    let mut found = Vec::new();
    if noun > 0 {
        found.extend(name_list(cursor, at + noun, true, open).into_iter().map(|(count, names)| (noun + count, names)));
    }
    let pointer = word && cursor.token(at).is_some_and(|token| !token.quoted);
    // "la 24", "la téléphonie": the pronoun is an article where a name follows.
    let article = pointer && cursor.skip(at, Class::Article) == 1;
    if !pointer || article {
        let names = name_list(cursor, at, open, open).into_iter();
        found.extend(names.filter(|(count, _)| !pointer || *count > 1));
    }
    found.into_iter().map(|(count, names)| (count, Selector::Names(names))).collect()
}

/// Names with commas or "and" between. `open`: an unknown word may be one; `loose`: even after a comma alone, where in running
/// text something else begins: "the machine web1, keep its disks".
fn name_list(cursor: &Cursor, at: usize, open: bool, loose: bool) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let Some(token) = cursor.token(at) else {
        return found;
    };
    if token.text.ends_with('*') && !token.quoted {
        return found;
    }
    let first = name::names(cursor, at, Of::Machine, open);
    for (count, name) in &first {
        found.push((*count, vec![name.clone()]));
    }
    let Some((count, name)) = first.into_iter().max_by_key(|(count, _)| *count) else {
        return found;
    };
    let (mut end, mut list) = (at + count, vec![name]);
    loop {
        let and = cursor.skip(end, Class::And);
        let noun = name::noun(cursor, end + and);
        let next = end + and + noun;
        let comma = comma_before(cursor.text, cursor.tokens, end);
        let open = if and > 0 { open } else { comma && loose };
        // A verb begins the next request rather than naming the next machine: "stop web1 and wait".
        let verb = cursor.skip(next, Class::Verb) > 0;
        let names = name::names(cursor, next, Of::Machine, !verb && (open || noun > 0 && (and > 0 || comma)));
        // "web1 web2" are two; a piece of a name goes on only after a comma or an "and".
        let whole = |name: &String| and > 0 || comma || cursor.cx.known.has(Of::Machine, name).is_some();
        let Some((count, name)) = names.into_iter().filter(|(_, name)| whole(name)).max_by_key(|(count, _)| *count)
        else {
            return found;
        };
        end = next + count;
        list.push(name);
        found.push((end - at, list.clone()));
    }
}
