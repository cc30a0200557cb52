//! Values of several slots, picked out of an answer as people give it: "the format should be raw", "then qcow2, and the name is
//! homework", "nonante gigas, et tu l'appelles archives", "no wait not raw qcow2". Whatever comes of it is shown before it is done.

use crate::{
    MAX_TEXT,
    kind::{Kind, Of},
    lexicon::Class,
    name, number,
    read::{self, Context, Cursor},
    token,
    value::Value,
};

/// A slot that an answer may fill.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// What it is called in the language, folded.
    pub word: String,
}

/// Words that say nothing of their own in an answer.
pub(crate) const EMPTY: [Class; 17] = [
    Class::Filler,
    Class::Polite,
    Class::Thanks,
    Class::Greeting,
    Class::Wrap,
    Class::Called,
    Class::Article,
    Class::And,
    Class::Then,
    Class::By,
    Class::To,
    Class::It,
    Class::Yes,
    Class::No,
    Class::Stop,
    Class::Repeat,
    Class::Hedge,
];

/// What an answer fills, the surest slots first in `wanted`; what is said again otherwise is corrected. `None` when nothing is
/// certain: no value, two for one slot, a machine's name, a condition, an exception or a number that nobody has read.
///
/// ```
/// use grammar::{gather::{Wanted, gather}, kind::Kind, known::Nothing, lexicon::Lexicon, read::Context, value::Value};
/// let lexicon = Lexicon::parse("unit GiB: gigs\ndenied: not\nwrap: be\narticle: the\nhedge: i think").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// let kind = Kind::Choice(&["qcow2", "raw"]);
/// let wanted = [Wanted { name: "format".into(), kind, word: "format".into() }];
/// let raw = vec![("format".to_owned(), Value::Choice("raw".into()))];
/// assert_eq!(gather(&wanted, "the format should be raw", &cx), Some(raw.clone()));
/// assert_eq!(gather(&wanted, "not qcow2, raw I think", &cx), Some(raw));
/// assert_eq!(gather(&wanted, "not qcow2", &cx), None);
/// ```
pub fn gather(wanted: &[Wanted], text: &str, cx: &Context) -> Option<Vec<(String, Value)>> {
    if text.chars().count() > MAX_TEXT {
        return None;
    }
    let all = cx.tokens(text);
    let mut reading =
        Reading { cursor: Cursor { text, tokens: &all, cx }, wanted, found: Vec::new(), corrected: false };
    let mut at = 0;
    let (mut aim, mut negated, mut unread) = (None, false, false);
    while at < all.len() {
        let gap = token::gap(text, &all, at);
        if gap.contains([',', ';', '.', '!', '\n', '…']) {
            (aim, negated) = (None, false);
        }
        if let Some((slot, value, count)) = reading.value(at, aim) {
            if !reading.take(slot, value, negated) {
                return None;
            }
            (at, aim, negated) = (at + count, None, false);
            continue;
        }
        if let Some((slot, count)) = reading.named(at) {
            (at, aim) = (at + count, Some(slot));
            continue;
        }
        let not = reading.cursor.skip(at, Class::Denied);
        if not > 0 {
            (at, negated, reading.corrected) = (at + not, true, true);
            continue;
        }
        if reading.stops(at) {
            return None;
        }
        unread |= reading.is_number(at);
        reading.corrected |= [Class::No, Class::Repeat, Class::Stop, Class::Meant]
            .iter()
            .any(|class| reading.cursor.skip(at, *class) > 0);
        at += EMPTY.iter().map(|class| reading.cursor.skip(at, *class)).max().unwrap_or(0).max(1);
    }
    let found: Vec<(String, Value)> =
        reading.found.into_iter().map(|(slot, value)| (wanted[slot].name.clone(), value)).collect();
    match found.is_empty() {
        true => bare(wanted, &Cursor { text, tokens: &all, cx }),
        false => Some(found).filter(|_| !unread),
    }
}

struct Reading<'a> {
    cursor: Cursor<'a>,
    wanted: &'a [Wanted],
    found: Vec<(usize, Value)>,
    /// Something was taken back since the last value.
    corrected: bool,
}

impl Reading<'_> {
    /// The value at that token, and its slot: of the slot it is said to be of, else of any that can't be mistaken.
    fn value(&self, at: usize, aim: Option<usize>) -> Option<(usize, Value, usize)> {
        let named = |kind: Kind| matches!(kind, Kind::NewName(_));
        if let Some(slot) = aim {
            let kind = self.wanted[slot].kind;
            let empty = !self.cursor.tokens[at].quoted
                && EMPTY.iter().any(|class| self.cursor.skip(at, *class) > 0)
                && !self.is_known(at);
            let found = self.cursor.at(kind, at, !(named(kind) && empty)).into_iter().next();
            return found.map(|(count, value)| (slot, value, count));
        }
        self.wanted.iter().enumerate().find_map(|(slot, wanted)| {
            let sure = matches!(
                wanted.kind,
                Kind::Size | Kind::SizeChange | Kind::Percent | Kind::Duration | Kind::Choice(_) | Kind::Jid
            );
            let found = if sure { self.cursor.at(wanted.kind, at, false).into_iter().next() } else { None };
            found.map(|(count, value)| (slot, value, count))
        })
    }

    /// Keeps a value; false when it contradicts one that nobody took back.
    fn take(&mut self, slot: usize, value: Value, negated: bool) -> bool {
        if negated {
            self.found.retain(|known| *known != (slot, value.clone()));
            return true;
        }
        let known = self.found.iter().position(|(known, _)| *known == slot);
        match known {
            Some(at) if self.found[at].1 == value => {}
            Some(at) if self.corrected => self.found[at].1 = value,
            Some(_) => return false,
            None => self.found.push((slot, value)),
        }
        self.corrected = false;
        true
    }

    /// The slot that is named here: "the format", "call it".
    fn named(&self, at: usize) -> Option<(usize, usize)> {
        let token = self.cursor.token(at)?;
        let by_word = self.wanted.iter().position(|wanted| wanted.word == token.folded);
        let calling = self.cursor.skip(at, Class::Calling).max(self.cursor.skip(at, Class::Called));
        let name = self.wanted.iter().position(|wanted| matches!(wanted.kind, Kind::NewName(_)));
        match by_word {
            Some(slot) if calling <= 1 => Some((slot, 1)),
            _ if calling > 0 => Some((name?, calling)),
            _ => None,
        }
    }

    fn is_known(&self, at: usize) -> bool {
        [Of::Machine, Of::Hypervisor].iter().any(|of| !name::known(&self.cursor, at, *of).is_empty())
    }

    /// A number that is no value of a slot.
    fn is_number(&self, at: usize) -> bool {
        let filler = EMPTY.iter().any(|class| self.cursor.skip(at, *class) > 0);
        !filler && number::count_at(&self.cursor, at).into_iter().next().is_some()
    }

    /// What makes it something else than values.
    fn stops(&self, at: usize) -> bool {
        let word = self.cursor.tokens[at].folded.as_str();
        let machine = self.is_known(at) && !self.cursor.cx.lexicon.contains(word);
        // "should be" is no condition.
        let empty = EMPTY.iter().map(|class| self.cursor.skip(at, *class)).max().unwrap_or(0);
        machine || [Class::Except, Class::Conditional].iter().any(|class| self.cursor.skip(at, *class) > empty)
    }
}

/// "hmm, sorry, 25 I guess": a bare value among words that say nothing.
fn bare(wanted: &[Wanted], cursor: &Cursor) -> Option<Vec<(String, Value)>> {
    let (mut start, mut end) = (0, cursor.tokens.len());
    let spoken = |at: usize| EMPTY.iter().map(|class| cursor.skip(at, *class)).max().unwrap_or(0);
    while start < end && spoken(start) > 0 {
        start += spoken(start);
    }
    while let Some(count) = cursor.cx.lexicon.longest_before_of(&cursor.tokens[..end], &EMPTY)
        && end > start + count
    {
        end -= count;
    }
    let number = end.checked_sub(start).filter(|count| *count == 1)?;
    number::count_at(cursor, start).into_iter().find(|(count, _)| *count == number)?;
    let said = cursor.said(start, number);
    let sized = wanted.iter().find(|wanted| matches!(wanted.kind, Kind::Size | Kind::Count))?;
    Some(vec![(sized.name.clone(), read::parse(sized.kind, &said, cursor.cx)?)])
}

/// How many words at the beginning say nothing of their own in an answer: "sorry", "the one on", "I mean".
pub fn says_nothing(rest: &[token::Token], cx: &Context) -> usize {
    const ALSO: [Class; 9] = [
        Class::Aside,
        Class::Agrees,
        Class::Meant,
        Class::Item,
        Class::Machine,
        Class::Machines,
        Class::Host,
        Class::At,
        Class::Noname,
    ];
    EMPTY.iter().chain(&ALSO).filter_map(|class| cx.lexicon.longest(rest, *class)).max().unwrap_or(0)
}
