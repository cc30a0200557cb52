//! "if web2 is off, start it", "start it unless it runs", "is web2 up? if not, start it": what has to be so before something is done.
//!
//! States of machines are read, whether they have snapshots, and how much they have of memory, processors and disks. Any other condition is
//! left in the text, where it is asked about like every word that nobody can place.

use serde::{Deserialize, Serialize};

use crate::{
    kind::Of,
    lexicon::Class,
    name, number,
    read::{Context, Cursor},
    selector::State,
    size::{self, Bytes},
    token::gap,
    value::Value,
};

/// Words that may stand between a machine and its state: "is", "still", "est toujours".
const BETWEEN: [Class; 6] = [Class::Noname, Class::Filler, Class::It, Class::Which, Class::Has, Class::Still];
/// Words that may stand before "tell me if".
const LEADING: [Class; 5] = [Class::And, Class::Then, Class::Opens, Class::Slack, Class::Polite];
/// Most of them.
const MOST_BETWEEN: usize = 6;
/// Words beside a condition that ask for nothing.
const SMALL: [Class; 11] = [
    Class::Polite,
    Class::Filler,
    Class::And,
    Class::But,
    Class::Follow,
    Class::Opens,
    Class::Aside,
    Class::Greeting,
    Class::Hedge,
    Class::Slack,
    Class::Yes,
];

/// What has to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Of which machine; `None` is the one that something is to be done to.
    pub machine: Option<String>,
    /// What has to be so of it.
    pub fact: Fact,
    /// Or must not be so.
    pub negated: bool,
}

/// What may be so of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// It is in that state.
    State(State),
    /// It has so much of that.
    Has(What, How, u64),
}

/// What a machine has an amount of: bytes of memory, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Memory.
    Memory,
    /// Processors.
    Cpus,
    /// Disks.
    Disks,
    /// Snapshots.
    Snapshots,
}

/// How an amount has to compare with the one that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// More.
    Above,
    /// Less.
    Below,
    /// As much, or more.
    AtLeast,
    /// As much, or less.
    AtMost,
    /// Just as much.
    Exactly,
}

impl What {
    /// All of them, with the words of the lexicon's choices.
    pub const NAMED: [(&str, What); 4] =
        [("memory", What::Memory), ("cpu", What::Cpus), ("disk", What::Disks), ("snapshot", What::Snapshots)];

    /// What a choice names.
    pub fn named(name: &str) -> Option<What> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
    }
}

impl How {
    /// All of them, with the words of the lexicon's choices.
    pub const NAMED: [(&str, How); 5] = [
        ("above", How::Above),
        ("below", How::Below),
        ("at-least", How::AtLeast),
        ("at-most", How::AtMost),
        ("exactly", How::Exactly),
    ];

    /// What a choice names.
    pub fn named(name: &str) -> Option<How> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, how)| *how)
    }

    /// Whether an amount is so.
    pub fn holds(self, amount: u64, said: u64) -> bool {
        match self {
            How::Above => amount > said,
            How::Below => amount < said,
            How::AtLeast => amount >= said,
            How::AtMost => amount <= said,
            How::Exactly => amount == said,
        }
    }
}

/// A text with a condition taken out: the condition, and what is to be done if it holds.
///
/// ```
/// use grammar::{condition::{Fact, condition}, known::Nothing, lexicon::Lexicon, read::Context, selector::State};
/// let lexicon = Lexicon::parse("if : if\nif not: unless\nstate off: off\nnoname: is\nit: it\nthen: then").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// let (found, rest) = condition("start it unless it is off", &cx, |_| false).unwrap();
/// assert_eq!((found.fact, found.negated, rest.as_str()), (Fact::State(State::Off), true, "start it"));
/// ```
///
/// `aside` says whether words before it ask for nothing: "I have a demo, if web2 is off start it".
pub fn condition(text: &str, cx: &Context, aside: impl Fn(&str) -> bool) -> Option<(Condition, String)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    // "if it is off" begins as "if it is" does, which says something else.
    let conditional = |at: usize| {
        let words = cx.lexicon.all(&all[at..], Class::If).filter_map(|(count, what)| match what {
            "" => Some((at, count, false)),
            "not" => Some((at, count, true)),
            _ => None,
        });
        let premise = || Some((at, cx.lexicon.longest(&all[at..], Class::Premise)?, false));
        words.max_by_key(|(_, count, _)| *count).or_else(premise)
    };
    let (at, count, negated) = (0..all.len()).find_map(conditional)?;
    let (end, mut condition) = stated(&cursor, at + count)?;
    if goes_on(&cursor, end) {
        return None;
    }
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
        // "hey, if web2 is off, start it", "stop it if it runs, please": small words are no wish of their own.
        (false, false) if small(before, cx) => after.to_owned(),
        // "web2 is slow, if it is up reboot it"
        (false, false) if aside(before) => {
            condition.machine = condition.machine.or_else(|| only_named(before, cx));
            after.to_owned()
        }
        (false, false) if small(after, cx) => before.to_owned(),
        // "and db2, if it is off, start it": what it is about is said before.
        (false, false) if condition.machine.is_none() => {
            condition.machine = Some(topic(before, cx)?);
            after.to_owned()
        }
        _ => return None,
    };
    Some((condition, rest))
}

/// "if web1 is up and web2 is off", "if it is off or paused": more has to be so than what was read.
fn goes_on(cursor: &Cursor, end: usize) -> bool {
    let joint = cursor.skip(end, Class::And).max(cursor.skip(end, Class::Or));
    joint > 0 && stated(cursor, end + joint).is_some()
}

/// The machine that a text names, and nothing else.
fn topic(text: &str, cx: &Context) -> Option<String> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let named =
        |at: usize| name::names(&cursor, at, Of::Machine, false).into_iter().find(|(count, _)| at + count == all.len());
    let (at, (_, name)) = (0..all.len()).find_map(|at| Some((at, named(at)?)))?;
    let before = all.get(at).map_or("", |first| text[..first.span.start].trim());
    small(before, cx).then_some(name)
}

/// The machines that a text names, if it says nothing else: "pour web1 par contre", "hr, timesheet".
pub fn topics(text: &str, cx: &Context) -> Option<Vec<String>> {
    const ALSO: [Class; 3] = [Class::Noname, Class::Article, Class::Machine];
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let (mut at, mut names) = (0, Vec::new());
    while at < all.len() {
        let named = name::names(&cursor, at, Of::Machine, false).into_iter().max_by_key(|(count, _)| *count);
        let small = cx.lexicon.longest_of(&all[at..], &SMALL).or(cx.lexicon.longest_of(&all[at..], &ALSO));
        match (named, small) {
            (Some((count, name)), _) => {
                names.push(name);
                at += count;
            }
            (None, Some(count)) if count > 0 => at += count,
            _ => return None,
        }
    }
    (!names.is_empty()).then_some(names)
}

/// The only machine that a text names.
fn only_named(text: &str, cx: &Context) -> Option<String> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let named = |at: usize| name::known(&cursor, at, Of::Machine).into_iter().map(|(_, name)| name);
    let mut names: Vec<String> = (0..all.len()).flat_map(named).collect();
    names.dedup();
    names.pop().filter(|_| names.is_empty())
}

/// Whether a text is nothing but small words.
fn small(text: &str, cx: &Context) -> bool {
    let all = cx.tokens(text);
    let mut at = 0;
    while at < all.len() {
        match cx.lexicon.longest_of(&all[at..], &SMALL) {
            Some(count) if count > 0 => at += count,
            _ => return false,
        }
    }
    true
}

/// "is web2 running?": which machine is asked about, and which state.
///
/// Said to a machine, `here`, "are you on?" is about that one.
pub fn asked(text: &str, here: Option<&str>, cx: &Context) -> Option<Condition> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    (0..all.len()).find_map(|at| {
        let you = |at: usize| cursor.skip(at, Class::You).max(cursor.skip(at, Class::Myself)) > 0;
        let (_, condition) = stated(&cursor, at)?;
        let machine = condition.machine.or_else(|| here.filter(|_| (0..=at).any(you)).map(str::to_owned))?;
        Some(Condition { machine: Some(machine), ..condition })
    })
}

/// "tell me if web2 is running": what is asked, as it would be said alone.
pub fn whether<'t>(text: &'t str, cx: &Context) -> Option<(&'t str, Option<Condition>)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let mut at = 0;
    while let Some(count) = LEADING.iter().map(|class| cursor.skip(at, *class)).max().filter(|count| *count > 0) {
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

/// "if it runs bounce it, otherwise start it": what depends on a condition, and what is to be done where it does not hold.
pub fn otherwise<'t>(text: &'t str, cx: &Context) -> Option<(&'t str, &'t str)> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let begins = |at: &usize| {
        // "otherwise leave it" asks for nothing.
        let nothing = at + cursor.skip(*at, Class::Else) == all.len();
        !nothing && cursor.word(*at, Class::If).is_some_and(|(count, what)| what == "else" && at + count < all.len())
    };
    let at = (1..all.len()).find(begins)?;
    Some((text[..all[at - 1].span.end].trim(), &text[all[at].span.start..]))
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

/// "web2 is off", "it isn't running", "it has a snapshot": what is said of a machine, and where that ends.
fn stated(cursor: &Cursor, at: usize) -> Option<(usize, Condition)> {
    let named = (0..=name::noun(cursor, at).max(cursor.skip(at, Class::Article))).rev().find_map(|skipped| {
        let (count, name) = name::names(cursor, at + skipped, Of::Machine, false).into_iter().next()?;
        Some((skipped + count, name))
    });
    let (mut end, machine) = match named {
        Some((count, name)) => (at + count, Some(name)),
        None => (at, None),
    };
    let mut negated = false;
    for _ in 0..MOST_BETWEEN {
        // A clause ends with its comma; "la 24, elle est en pause" has one before its pronoun.
        let parts = end > at && gap(cursor.text, cursor.tokens, end).contains([',', ';', '.', '?', '!', ':']);
        if parts && !(machine.is_some() && cursor.skip(end, Class::It) > 0) {
            return None;
        }
        if let Some((count, fact, not)) = figure(cursor, end) {
            // "n'a aucun snapshot" says it twice, and once.
            return Some((end + count, Condition { machine, fact, negated: negated || not }));
        }
        // "not running" is paused, off or crashed.
        let denied = cursor.skip(end, Class::Not);
        if let Some((count, "running")) = (denied > 0).then(|| cursor.word(end + denied, Class::State)).flatten() {
            let fact = Fact::State(State::Running);
            return Some((end + denied + count, Condition { machine, fact, negated: true }));
        }
        if let Some((count, state)) = cursor.word(end, Class::State) {
            let after = end + count;
            // "runs with more than 2 processors" says more than that it runs.
            let with = cursor.skip(after, Class::Has);
            if let Some((more, fact, not)) = (with > 0).then(|| figure(cursor, after + with)).flatten() {
                return Some((after + with + more, Condition { machine, fact, negated: negated ^ not }));
            }
            // "tourne pas"
            let not = cursor.skip(after, Class::Not);
            let fact = Fact::State(State::named(state)?);
            return Some((after + not, Condition { machine, fact, negated: negated || not > 0 }));
        }
        // "if all are running", "if it is the only one up" say more than what is looked up.
        const MANY: [Class; 5] = [Class::All, Class::Everything, Class::Both, Class::Only, Class::Number];
        if MANY.iter().any(|class| cursor.skip(end, *class) > 0) {
            return None;
        }
        let not = cursor.skip(end, Class::Not);
        let small = BETWEEN.iter().map(|class| cursor.skip(end, *class)).max().unwrap_or(0);
        // "n'est pas" says it twice, and once.
        negated |= not > 0;
        match not.max(small) {
            0 => return None,
            count => end += count,
        }
    }
    None
}

/// An amount with its unit; a number alone is none.
fn sized_at(cursor: &Cursor, at: usize) -> Option<(usize, Bytes)> {
    let number = number::count_at(cursor, at).iter().map(|(count, _)| *count).max();
    size::at(cursor, at, false).into_iter().find(|(count, _)| number != Some(*count))
}

/// "< 6 GiB"
fn sign(between: &str) -> Option<How> {
    Some(match between.trim() {
        "<" => How::Below,
        ">" => How::Above,
        "<=" | "≤" => How::AtMost,
        ">=" | "≥" => How::AtLeast,
        _ => return None,
    })
}

/// "more than 16 GB of memory", "at least two disks", "a snapshot", "no snapshots": what a machine has, and whether it has it not.
fn figure(cursor: &Cursor, at: usize) -> Option<(usize, Fact, bool)> {
    const MOST: usize = 8;
    let said = |at: usize, values: &[&str]| {
        let found = if at < cursor.tokens.len() { name::choice(cursor, at, values) } else { Vec::new() };
        found.into_iter().max_by_key(|(count, _)| *count)
    };
    if let Some((count, _)) = said(at, &["snapshots"]) {
        return Some((count, Fact::Has(What::Snapshots, How::AtLeast, 1), false));
    }
    if let Some((count, _)) = said(at, &["no-snapshots"]) {
        return Some((count, Fact::Has(What::Snapshots, How::AtLeast, 1), true));
    }
    let named = |at: usize, values: &[&str]| match said(at, values) {
        Some((count, Value::Choice(name))) => Some((count, name)),
        _ => None,
    };
    let (whats, hows) = (What::NAMED.map(|(name, _)| name), How::NAMED.map(|(name, _)| name));
    let (mut end, mut how, mut what, mut amount, mut sized) = (at, None, None, None, false);
    while end < at + MOST {
        if end > at
            && let Some(sign) = sign(gap(cursor.text, cursor.tokens, end))
        {
            how = Some(sign);
        }
        if let Some((count, name)) = named(end, &hows).filter(|_| how.is_none()) {
            (end, how) = (end + count, How::named(&name));
        } else if let Some((count, bytes)) = sized_at(cursor, end).filter(|_| amount.is_none()) {
            (end, amount, sized) = (end + count, Some(bytes.0), true);
        } else if let Some((count, number)) =
            number::count_at(cursor, end).into_iter().next().filter(|_| amount.is_none())
        {
            (end, amount) = (end + count, Some(number));
        } else if let Some((count, name)) = named(end, &whats).filter(|_| what.is_none()) {
            (end, what) = (end + count, What::named(&name));
        } else if let Some(count) = Some(cursor.skip(end, Class::Article)).filter(|count| *count > 0 && end > at) {
            end += count;
        } else {
            break;
        }
    }
    match (what, amount) {
        // "aucun instantané"
        (Some(what), Some(0)) if !sized && how.is_none() => Some((end - at, Fact::Has(what, How::AtLeast, 1), true)),
        // "a snapshot", "déjà un snapshot"
        (Some(What::Snapshots), None | Some(1)) if how.is_none() => {
            Some((end - at, Fact::Has(What::Snapshots, How::AtLeast, 1), false))
        }
        (None | Some(What::Memory), Some(amount)) if sized => {
            Some((end - at, Fact::Has(What::Memory, how.unwrap_or(How::Exactly), amount), false))
        }
        (Some(what), Some(amount)) if !sized && what != What::Memory => {
            Some((end - at, Fact::Has(what, how.unwrap_or(How::Exactly), amount), false))
        }
        _ => None,
    }
}
