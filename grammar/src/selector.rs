//! Which machines: one by name, several, "it", "yourself", "all vms that are off", "the second one".

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    kind::Of,
    lexicon::Class,
    name, number,
    read::{Context, Cursor},
    time,
    token::{comma_before, fold},
    value::Value,
};

/// State of a machine, as people tell machines apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Shut off.
    Off,
    /// Running.
    Running,
    /// Paused.
    Paused,
    /// Crashed.
    Crashed,
}

impl State {
    /// The state a lexicon names.
    pub fn named(name: &str) -> Option<State> {
        Some(match name {
            "off" => State::Off,
            "running" => State::Running,
            "paused" => State::Paused,
            "crashed" => State::Crashed,
            _ => return None,
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Off => "off",
            State::Running => "running",
            State::Paused => "paused",
            State::Crashed => "crashed",
        })
    }
}

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
        /// But not these names.
        except: Vec<String>,
    },
    /// From the last list, counted from 1; [`LAST`] is the last.
    Nth(Vec<usize>),
}

impl Selector {
    /// Takes these out of a set; false where there is none to take them out of.
    pub fn leave_out(&mut self, names: &[String]) -> bool {
        match self {
            Selector::All => {
                let except = names.to_vec();
                *self = Selector::Where { state: None, tag: None, os: None, prefix: None, except };
                true
            }
            Selector::Where { except, .. } => {
                except.extend(names.iter().filter(|name| !except.contains(name)).cloned().collect::<Vec<_>>());
                true
            }
            Selector::Names(_) | Selector::It | Selector::Myself | Selector::Same | Selector::Nth(_) => false,
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
            Selector::Nth(numbers) => {
                let words: Vec<String> = numbers
                    .iter()
                    .map(|number| if *number == LAST { "last".into() } else { format!("number {number}") })
                    .collect();
                write!(f, "the {}", words.join(" and "))
            }
            Selector::Where { state, tag, os, prefix, except } => {
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
            if noun > 0 && selector == Selector::Same {
                found.push((count + noun, selector));
            }
        }
    }
    found.extend(ordinals(cursor, at));
    found.extend(filtered(cursor, at));
    let word = found.iter().any(|(count, _)| *count == 1);
    found.extend(names(cursor, at, open && !word, word));
    found.into_iter().map(|(count, selector)| (count, Value::Machines(selector))).collect()
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
    let mut found = Vec::new();
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

/// What has been read of a [`Selector::Where`] so far.
#[derive(Clone, Default, PartialEq)]
struct Filter {
    state: Option<State>,
    tag: Option<String>,
    os: Option<String>,
    prefix: Option<String>,
    except: Vec<String>,
}

/// "all vms that are off", "everything tagged test", "the stopped machines", "web*".
fn filtered(cursor: &Cursor, start: usize) -> Vec<(usize, Selector)> {
    let mut found = Vec::new();
    let mut filter = Filter::default();
    let (mut at, mut whole, mut noun) = (start, false, false);
    let mut narrowed = false;
    loop {
        let here = at;
        if let Some(more) = word(cursor, at, Class::All) {
            (at, whole) = (at + more, true);
        } else if let Some(more) = word(cursor, at, Class::Everything) {
            (at, whole, noun) = (at + more, true, true);
        } else if let Some(more) = word(cursor, at, Class::Machines) {
            (at, noun) = (at + more, true);
        } else if let Some(more) = word(cursor, at, Class::Machine).filter(|_| whole || narrowed) {
            // "every vm", "the debian machine"
            (at, noun) = (at + more, true);
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
        } else if let Some(more) = word(cursor, at, Class::Except).filter(|_| whole || noun) {
            // "except web1, it is busy": a word of the language is nobody's name.
            let is_name = |name: &String| {
                cursor.cx.known.has(Of::Machine, name).is_some() || !cursor.cx.lexicon.contains(&fold(name))
            };
            let mut lists = name_list(cursor, at + more, true, true).into_iter();
            let Some((count, names)) = lists.rfind(|(_, names)| names.iter().all(is_name)) else {
                break;
            };
            filter.except = names;
            at += more + count;
            found.push((at - start, selector(&filter)));
            break;
        } else if let Some(prefix) = family(cursor, at).filter(|_| whole && !noun && filter.prefix.is_none()) {
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
        // "all", "all vms", "stopped vms"; "vms" alone or "all stopped" is no set yet.
        let said = if narrowed { noun } else { whole };
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
    let Filter { state, tag, os, prefix, except } = filter.clone();
    Selector::Where { state, tag, os, prefix, except }
}

/// Names that a text leaves out, wherever in it: "except db1, reboot all". Where it says so, and which.
pub fn exceptions(text: &str, cx: &Context) -> Vec<(Range<usize>, Vec<String>)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let mut found = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let count = cursor.skip(at, Class::Except);
        let named = (count > 0).then(|| names(&cursor, at + count, false, false)).into_iter().flatten();
        match named.max_by_key(|(more, _)| *more) {
            Some((more, Selector::Names(names))) => {
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

/// "all the probes" where there are probe-1 and probe-2: what their names begin with.
fn family(cursor: &Cursor, at: usize) -> Option<String> {
    let token = cursor.token(at).filter(|token| !token.quoted && !cursor.cx.lexicon.contains(&token.folded))?;
    let stem = token.folded.trim_end_matches(['s', 'x']);
    let names = cursor.cx.known.names(Of::Machine);
    let of_it = names.iter().filter(|name| fold(name).starts_with(stem)).count();
    (stem.chars().count() > 1 && of_it > 1).then(|| stem.to_owned())
}

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
    if !(word && cursor.token(at).is_some_and(|token| !token.quoted)) {
        found.extend(name_list(cursor, at, open, open));
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
        let Some((count, name)) = names.into_iter().max_by_key(|(count, _)| *count) else {
            return found;
        };
        end = next + count;
        list.push(name);
        found.push((end - at, list.clone()));
    }
}
