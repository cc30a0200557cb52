//! Whole-utterance matching of all patterns at once.
//!
//! A pattern is only tried when one of its rarest keywords was said and every keyword it can't do without is there;
//! so an utterance costs a few hash look-ups and the work of the few patterns that are left. A step limit
//! bounds the worst case.

use rustc_hash::FxHashMap;
use std::{collections::BTreeMap, rc::Rc};

use crate::{
    MAX_TEXT,
    kind::{Kind, Of},
    mend::Mender,
    pattern::{Node, Pattern},
    read::{Context, Cursor},
    selector::Selector,
    token::{Token, fold, tokens},
    value::Value,
};

/// Most steps for one utterance, over all patterns. An ordinary one takes a few hundred.
const STEPS: u32 = 50_000;
/// Most readings of one utterance; more would be no question to anybody.
const READINGS: usize = 64;

/// What is wrong with a list of patterns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternsError {
    /// A pattern has a slot that its skill doesn't have.
    #[error("the pattern \"{pattern}\" has a slot <{slot}> that its skill does not have")]
    UnknownSlot {
        /// The pattern, as written.
        pattern: String,
        /// The slot.
        slot: String,
    },
}

/// One way to understand an utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<T> {
    /// Whose pattern it is.
    pub tag: T,
    /// What the slots hold.
    pub values: BTreeMap<String, Value>,
    /// Keywords that were mistyped: as said, and as meant.
    pub mended: Vec<(String, String)>,
    /// Which pattern matched, as an index into the list given to [`Patterns::new`].
    pub pattern: usize,
}

/// All patterns of all skills, compiled together.
///
/// ```
/// use grammar::{kind::Kind, known::Nothing, lexicon::Lexicon, pattern::{Pattern, Patterns}, read::Context, value::*};
/// let pattern = Pattern::parse("create a <size> (disk|drive) [called <name>]").unwrap();
/// let kinds = |_: &&str, slot: &str| match slot {
///     "size" => Some(Kind::Size),
///     _ => Some(Kind::NewName(grammar::kind::Of::Disk)),
/// };
/// let patterns = Patterns::new(vec![(pattern, "disk.create")], kinds).unwrap();
/// let lexicon = Lexicon::parse("unit GiB: gigs").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// let readings = patterns.matches("Create a 20 gigs drvie called data!", &cx);
/// assert_eq!(readings.len(), 1);
/// assert_eq!(readings[0].values["size"], Value::Size(Bytes::gib(20)));
/// assert_eq!(readings[0].mended, [("drvie".to_owned(), "drive".to_owned())]);
/// ```
#[derive(Debug)]
pub struct Patterns<T> {
    patterns: Vec<Compiled<T>>,
    words: FxHashMap<String, u32>,
    mender: Mender,
    spelled: Vec<String>,
    by_word: FxHashMap<u32, Vec<u32>>,
    always: Vec<u32>,
}

#[derive(Debug)]
struct Compiled<T> {
    tag: T,
    code: Code,
    slots: Vec<(String, Kind)>,
    /// Of each of these sets one keyword must be there.
    needs: Vec<Vec<u32>>,
    shortest: usize,
}

/// A pattern with words and slots as numbers.
#[derive(Debug)]
enum Code {
    Word(u32),
    Slot(usize),
    Sequence(Vec<Code>),
    Choice(Vec<Code>),
    Optional(Box<Code>),
    Unordered(Vec<Code>),
}

impl<T: Clone + Eq> Patterns<T> {
    /// Compiles patterns. `kinds` says what a slot of a skill holds.
    pub fn new(list: Vec<(Pattern, T)>, kinds: impl Fn(&T, &str) -> Option<Kind>) -> Result<Self, PatternsError> {
        let mut words: FxHashMap<String, u32> = FxHashMap::default();
        let mut patterns = Vec::with_capacity(list.len());
        for (pattern, tag) in list {
            let mut slots = Vec::new();
            for slot in pattern.slots() {
                let Some(kind) = kinds(&tag, &slot) else {
                    return Err(PatternsError::UnknownSlot { pattern: pattern.source().to_owned(), slot });
                };
                slots.push((slot, kind));
            }
            let code = compile(&pattern.node, &mut words, &slots);
            let (needs, shortest) = (needs(&code), shortest(&code));
            patterns.push(Compiled { tag, code, slots, needs, shortest });
        }
        let mut uses: FxHashMap<u32, usize> = FxHashMap::default();
        for word in patterns.iter().flat_map(|pattern| pattern.needs.iter().flatten()) {
            *uses.entry(*word).or_default() += 1;
        }
        let (mut by_word, mut always): (FxHashMap<u32, Vec<u32>>, Vec<u32>) = Default::default();
        for (index, pattern) in (0u32..).zip(&patterns) {
            let rarest = pattern.needs.iter().min_by_key(|set| set.iter().map(|word| uses[word]).sum::<usize>());
            match rarest {
                Some(set) => set.iter().for_each(|word| by_word.entry(*word).or_default().push(index)),
                None => always.push(index),
            }
        }
        let mut spelled = vec![String::new(); words.len()];
        for (word, id) in &words {
            spelled[*id as usize].clone_from(word);
        }
        Ok(Patterns { patterns, words, mender: Mender::new(spelled.clone()), spelled, by_word, always })
    }

    /// All different readings of the whole text, those of the earlier patterns first.
    ///
    /// If it can be read as it stands, mended readings are not given. A reading that takes a word for an unknown
    /// name, or for free text, is not given when another one knows the word: "boot order" starts no machine "order".
    pub fn matches(&self, text: &str, cx: &Context) -> Vec<Reading<T>> {
        if text.chars().count() > MAX_TEXT {
            return Vec::new();
        }
        let all = cx.tokens(text);
        if all.is_empty() {
            return Vec::new();
        }
        let exact: Vec<Exact> = (0..all.len()).map(|at| self.exact(&all, at)).collect();
        let cursor = Cursor { text, tokens: &all, cx };
        let mut slots = FxHashMap::default();
        let mut run = Run { cursor, exact: &exact, mended: None, slots: &mut slots, steps: STEPS };
        let found = self.run(&mut run, |_| None);
        if !found.is_empty() {
            return found;
        }
        let mended: Vec<Option<u32>> = (0..all.len())
            .map(|at| if exact[at].one.is_none() { self.mender.mend(&all[at], cx) } else { None })
            .collect();
        if mended.iter().all(Option::is_none) {
            return Vec::new();
        }
        let mut run = Run { cursor, exact: &exact, mended: Some(&mended), slots: &mut slots, steps: STEPS };
        self.run(&mut run, |at| mended[at])
    }

    /// The keywords that stand at a token.
    fn exact(&self, all: &[Token], at: usize) -> Exact {
        let token = &all[at];
        if token.quoted {
            return Exact::default();
        }
        let one = self.words.get(&token.folded).copied().or_else(|| {
            // "re-boot"
            let plain = token.folded.contains('-').then(|| token.folded.replace('-', ""))?;
            self.words.get(&plain).copied()
        });
        // "what's" is also "whats".
        let two = all.get(at + 1).filter(|next| next.clitic && !next.quoted);
        let two = two.and_then(|next| self.words.get(&(token.folded.clone() + &next.folded)).copied());
        Exact { one, two }
    }

    fn run(&self, run: &mut Run<'_, '_>, also: impl Fn(usize) -> Option<u32>) -> Vec<Reading<T>> {
        let count = run.cursor.tokens.len();
        let mut said = vec![false; self.spelled.len()];
        let mut candidates = self.always.clone();
        for at in 0..count {
            for word in [run.exact[at].one, run.exact[at].two, also(at)].into_iter().flatten() {
                if !said[word as usize] {
                    said[word as usize] = true;
                    candidates.extend(self.by_word.get(&word).into_iter().flatten());
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let mut readings: Vec<(u32, Reading<T>)> = Vec::new();
        for index in candidates {
            let pattern = &self.patterns[index as usize];
            let there = |set: &Vec<u32>| set.iter().any(|word| said[*word as usize]);
            if pattern.shortest > count || !pattern.needs.iter().all(there) {
                continue;
            }
            let mut partial = Partial { values: vec![None; pattern.slots.len()], mended: Vec::new(), cost: 0 };
            let mut ways = Vec::new();
            walk(run, pattern, &pattern.code, 0, &mut partial, &mut |_, at, partial| {
                if at == count && ways.len() < READINGS {
                    ways.push((partial.cost, partial.values.clone(), partial.mended.clone()));
                }
            });
            for (cost, values, mended) in ways {
                let values: BTreeMap<String, Value> = pattern
                    .slots
                    .iter()
                    .zip(values)
                    .filter_map(|((name, _), value)| Some((name.clone(), value?)))
                    .collect();
                let mended = mended
                    .into_iter()
                    .map(|at| {
                        let word = also(at).map_or("", |word| &self.spelled[word as usize]);
                        (run.cursor.tokens[at].text.to_owned(), word.to_owned())
                    })
                    .collect();
                let reading = Reading { tag: pattern.tag.clone(), values, mended, pattern: index as usize };
                let same = |(_, other): &(u32, Reading<T>)| other.tag == reading.tag && other.values == reading.values;
                match readings.iter().position(same) {
                    Some(at) if cost < readings[at].0 => readings[at] = (cost, reading),
                    Some(_) => {}
                    None if readings.len() < READINGS => readings.push((cost, reading)),
                    None => {}
                }
            }
        }
        let least = readings.iter().map(|(cost, _)| *cost).min().unwrap_or(0);
        readings.into_iter().filter(|(cost, _)| *cost == least).map(|(_, reading)| reading).collect()
    }
}

/// The keyword that is this token, and the one that is this and the next.
#[derive(Clone, Copy, Debug, Default)]
struct Exact {
    one: Option<u32>,
    two: Option<u32>,
}

/// Readings of a slot at a token: number of tokens, how loosely it was read, the value.
type SlotReadings = Rc<Vec<(usize, u32, Value)>>;

struct Run<'c, 'r> {
    cursor: Cursor<'c>,
    exact: &'r [Exact],
    mended: Option<&'r [Option<u32>]>,
    slots: &'r mut FxHashMap<(Kind, usize), SlotReadings>,
    steps: u32,
}

impl Run<'_, '_> {
    fn slot(&mut self, kind: Kind, at: usize) -> SlotReadings {
        let cursor = self.cursor;
        let read = || {
            let readings = cursor.at(kind, at, true).into_iter();
            Rc::new(
                readings.map(|(count, value)| (count, looseness(&cursor, kind, at, count, &value), value)).collect(),
            )
        };
        Rc::clone(self.slots.entry((kind, at)).or_insert_with(read))
    }
}

/// How loosely a value was read: 0 for what can be nothing else, more for unknown names, most for free text.
fn looseness(cursor: &Cursor, kind: Kind, at: usize, count: usize, value: &Value) -> u32 {
    let said = &cursor.tokens[at..at + count];
    let unknown = |of: Of, name: &str| u32::from(cursor.cx.known.has(of, name).is_none()) * 2;
    if said.iter().all(|token| token.quoted) {
        return 0;
    }
    match (kind, value) {
        (Kind::Topic | Kind::Text, _) => 4 * u32::try_from(count).unwrap_or(250),
        (Kind::Name(of) | Kind::NewName(of), Value::Name(name)) => unknown(of, name),
        (Kind::Machines, Value::Machines(Selector::Names(names))) => {
            names.iter().map(|name| unknown(Of::Machine, name)).sum()
        }
        // "vm 42" is the one called so, where there is one, before it is the 42nd.
        (Kind::Machines, Value::Machines(Selector::Nth(_))) => 1,
        (Kind::Size | Kind::SizeChange, _) if count == 1 => {
            u32::from(said[0].folded.bytes().all(|byte| byte.is_ascii_digit()))
        }
        _ => 0,
    }
}

struct Partial {
    values: Vec<Option<Value>>,
    mended: Vec<usize>,
    cost: u32,
}

/// Tries `code` at token `at` and calls `next` for every place where it can end.
fn walk<'c, 'r, T>(
    run: &mut Run<'c, 'r>,
    pattern: &Compiled<T>,
    code: &Code,
    at: usize,
    partial: &mut Partial,
    next: &mut dyn FnMut(&mut Run<'c, 'r>, usize, &mut Partial),
) {
    if run.steps == 0 {
        return;
    }
    run.steps -= 1;
    match code {
        Code::Word(word) => {
            let Some(exact) = run.exact.get(at) else {
                return;
            };
            if exact.one == Some(*word) {
                next(run, at + 1, partial);
            } else if run.mended.is_some_and(|mended| mended[at] == Some(*word)) {
                partial.mended.push(at);
                next(run, at + 1, partial);
                partial.mended.pop();
            }
            if exact.two == Some(*word) {
                next(run, at + 2, partial);
            }
        }
        Code::Slot(slot) => {
            if partial.values[*slot].is_some() || at >= run.cursor.tokens.len() {
                return;
            }
            let readings = run.slot(pattern.slots[*slot].1, at);
            for (count, cost, value) in readings.iter() {
                partial.values[*slot] = Some(value.clone());
                partial.cost += cost;
                next(run, at + count, partial);
                partial.cost -= cost;
                partial.values[*slot] = None;
            }
        }
        Code::Sequence(all) => sequence(run, pattern, all, at, partial, next),
        Code::Choice(all) => {
            for code in all {
                walk(run, pattern, code, at, partial, next);
            }
        }
        Code::Optional(code) => {
            walk(run, pattern, code, at, partial, next);
            next(run, at, partial);
        }
        Code::Unordered(all) => unordered(run, pattern, all, 0, at, partial, next),
    }
}

fn sequence<'c, 'r, T>(
    run: &mut Run<'c, 'r>,
    pattern: &Compiled<T>,
    all: &[Code],
    at: usize,
    partial: &mut Partial,
    next: &mut dyn FnMut(&mut Run<'c, 'r>, usize, &mut Partial),
) {
    match all {
        [] => next(run, at, partial),
        [first, rest @ ..] => walk(run, pattern, first, at, partial, &mut |run, at, partial| {
            sequence(run, pattern, rest, at, partial, next);
        }),
    }
}

/// Elements in any order, each once; `done` has a bit for each that was said. A bracketed one may be left out.
fn unordered<'c, 'r, T>(
    run: &mut Run<'c, 'r>,
    pattern: &Compiled<T>,
    all: &[Code],
    done: u64,
    at: usize,
    partial: &mut Partial,
    next: &mut dyn FnMut(&mut Run<'c, 'r>, usize, &mut Partial),
) {
    for (index, code) in all.iter().enumerate().take(64) {
        if done & 1 << index != 0 {
            continue;
        }
        let code = if let Code::Optional(inner) = code { inner } else { code };
        walk(run, pattern, code, at, partial, &mut |run, end, partial| {
            if end > at {
                unordered(run, pattern, all, done | 1 << index, end, partial, next);
            }
        });
    }
    let missing = |(index, code): (usize, &Code)| done & 1 << index == 0 && !matches!(code, Code::Optional(_));
    if !all.iter().enumerate().take(64).any(missing) {
        next(run, at, partial);
    }
}

fn compile(node: &Node, words: &mut FxHashMap<String, u32>, slots: &[(String, Kind)]) -> Code {
    let mut id = |word: String| {
        let next = u32::try_from(words.len()).unwrap_or(u32::MAX);
        Code::Word(*words.entry(word).or_insert(next))
    };
    // "éteins-toi" is two words where the language says so, and is also typed as two.
    let joined = |word: &str, id: &mut dyn FnMut(String) -> Code| {
        let apart: Vec<&str> = word.split('-').filter(|part| !part.is_empty()).collect();
        match apart.as_slice() {
            [] | [_] => id(word.to_owned()),
            parts => {
                let whole = id(word.to_owned());
                Code::Choice(vec![whole, Code::Sequence(parts.iter().map(|part| id((*part).to_owned())).collect())])
            }
        }
    };
    match node {
        Node::Word(word) => {
            let all = tokens(word);
            let mut parts: Vec<Code> = all.iter().map(|token| joined(&token.folded, &mut id)).collect();
            if all.iter().any(|token| token.clitic) {
                let whole = fold(word).replace(['\'', '’', 'ʼ'], "");
                return Code::Choice(vec![id(whole), Code::Sequence(parts)]);
            }
            if parts.len() == 1 { parts.remove(0) } else { Code::Sequence(parts) }
        }
        Node::Slot(name) => {
            let slot = slots.iter().position(|(slot, _)| slot == name);
            Code::Slot(slot.expect("slots are collected from this very pattern"))
        }
        Node::Sequence(all) => Code::Sequence(all.iter().map(|node| compile(node, words, slots)).collect()),
        Node::Choice(all) => Code::Choice(all.iter().map(|node| compile(node, words, slots)).collect()),
        Node::Unordered(all) => Code::Unordered(all.iter().map(|node| compile(node, words, slots)).collect()),
        Node::Optional(node) => Code::Optional(Box::new(compile(node, words, slots))),
    }
}

/// Sets of keywords, of each of which one must be there.
fn needs(code: &Code) -> Vec<Vec<u32>> {
    match code {
        Code::Word(word) => vec![vec![*word]],
        Code::Slot(_) | Code::Optional(_) => Vec::new(),
        Code::Sequence(all) | Code::Unordered(all) => all.iter().flat_map(needs).collect(),
        Code::Choice(all) => {
            // One set that covers every branch: the smallest of each.
            let mut set = Vec::new();
            for branch in all {
                match needs(branch).into_iter().min_by_key(Vec::len) {
                    Some(words) => set.extend(words),
                    None => return Vec::new(),
                }
            }
            set.sort_unstable();
            set.dedup();
            vec![set]
        }
    }
}

/// The least number of tokens an utterance must have.
fn shortest(code: &Code) -> usize {
    match code {
        Code::Word(_) | Code::Slot(_) => 1,
        Code::Optional(_) => 0,
        Code::Sequence(all) | Code::Unordered(all) => all.iter().map(shortest).sum(),
        Code::Choice(all) => all.iter().map(shortest).min().unwrap_or(0),
    }
}
