//! Slots: what a text fills, what is missing, what "it" stands for, and how a missing value is asked for.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use grammar::answer::{Answer, answer};
use grammar::kind::{Kind, Of};
use grammar::known::Known;
use grammar::lexicon::Class;
use grammar::read::{self, Context, Found};
use grammar::selector::{AT, LAST, Selector, exceptions};
use grammar::token::fold;
use grammar::value::Value;

use crate::book::Words;
use crate::machine::{Action, Planning, Span, Stage, Turn};
use crate::meant::{is_compared, is_kept, is_no_name, is_origin, says_which_of_all, without_whom_it_tells_of};
use crate::naming::{is_called, is_machine, is_small, may_be_named};
use crate::reply::{Choice, Phrase, Reply};
use crate::session::{About, Call, Decision, FOCUS_DEPTH, Session};
use crate::spec::{Danger, Need, Scope, Slot, Spec, TARGET};

impl Session {
    /// "it" is these machines now.
    pub fn focus_on(&mut self, machines: Vec<String>) {
        if machines.is_empty() {
            return;
        }
        self.focus.retain(|known| *known != machines);
        self.focus.insert(0, machines);
        self.focus.truncate(FOCUS_DEPTH);
    }

    /// "it" may also be this thing: a disk, a snapshot.
    pub fn focus_on_thing(&mut self, of: Of, name: String) {
        self.things.retain(|known| *known != (of, name.clone()));
        self.things.insert(0, (of, name));
        self.things.truncate(FOCUS_DEPTH);
    }
}

/// Kinds whose values can't be mistaken for a name are read first.
pub(crate) fn reading_order(slot: &Slot) -> u8 {
    match slot.kind {
        Kind::Jid | Kind::Address | Kind::When | Kind::Recurrence => 0,
        Kind::Size | Kind::SizeChange | Kind::Percent | Kind::Duration | Kind::Choice(_) => 1,
        Kind::Machines => 2,
        // "called data" is a name to be given before it is one of something that exists.
        Kind::NewName(_) => 3,
        Kind::Name(_) => 4,
        Kind::Count => 5,
        Kind::Topic | Kind::Text => 6,
    }
}

/// What a running text fills of a skill's slots. Spans don't overlap; the surer kinds are read first. Of several values that
/// a slot might hold, the one that stands where its value usually does (`likely`) is meant; there, what nobody has heard of may be a name.
pub fn extract(spec: &Spec, text: &str, likely: &[Span], cx: &Context<'_>) -> BTreeMap<String, Value> {
    extract_where(spec, text, likely, cx).0
}

/// The same, and where each stands.
pub(crate) fn extract_where(
    spec: &Spec,
    text: &str,
    likely: &[Span],
    cx: &Context<'_>,
) -> (BTreeMap<String, Value>, Vec<Taken>) {
    let mut taken: Vec<Range<usize>> = Vec::new();
    let mut places: Vec<Taken> = Vec::new();
    let mut values = BTreeMap::new();
    let mut slots: Vec<&Slot> = spec.slots.iter().collect();
    slots.sort_by_key(|slot| reading_order(slot));
    for slot in slots {
        let mut found = match slot.kind {
            Kind::Topic | Kind::Text => Vec::new(),
            kind => read::find(kind, text, cx),
        };
        found.retain(|found| taken.iter().all(|span| !overlap(span, &found.span)));
        // "y en a-t-il une en pause": a word that points is of no set.
        found.retain(|found| slot.name == TARGET || !points(&found.value));
        let excepted = if slot.kind == Kind::Machines { exceptions(text, cx) } else { Vec::new() };
        // "except db1, reboot all": who is left out is not who is meant. What reads the exception with the rest stays.
        found.retain(|found| {
            !excepted.iter().any(|(span, _)| span.start <= found.span.start && found.span.end <= span.end)
        });
        // "un snapshot « avant-patch »": a name to be given is no machine's.
        // "delete nightly, keep lent"
        let keeps = matches!(slot.kind, Kind::Name(Of::Snapshot | Of::Disk | Of::Volume));
        let goes = |span: &Range<usize>| !(keeps && is_kept(span, text, cx));
        found.retain(|found| goes(&found.span));
        // "from archive to ssd": where it is taken from is not where it goes.
        let comes = |span: &Range<usize>| {
            !spec.has_origin(slot.kind) || is_origin(span, text, cx) == (slot.need == Need::Origin)
        };
        found.retain(|found| comes(&found.span));
        // "a disk like the one on web2": who is compared to is not meant.
        if slot.name == TARGET && slot.need == Need::Target {
            found.retain(|found| points(&found.value) || !is_compared(&found.span, text, cx));
        }
        let gives = slot.kind == Kind::Machines && spec.slots.iter().any(|slot| matches!(slot.kind, Kind::NewName(_)));
        let given = |span: &Range<usize>| !is_machine(span, text, cx) && is_called(span, text, cx);
        if gives {
            found.retain(|found| !given(&found.span));
        }
        // "a snapshot of db1 like web1": nobody calls a snapshot as a machine without saying so.
        let may_name = |span: &Range<usize>| {
            let word = text.get(span.clone()).filter(|_| matches!(slot.kind, Kind::NewName(_))).unwrap_or_default();
            if is_small(word, cx) && !is_called(span, text, cx) {
                return false;
            }
            if !word.is_empty() && (is_no_name(span, text, cx) || says_which_of_all(span, text, cx)) {
                return false;
            }
            slot.kind != Kind::NewName(Of::Snapshot) || !is_machine(span, text, cx) || is_called(span, text, cx)
        };
        // "name it as you like"
        let pronoun = |value: &Value| matches!(value, Value::Name(name) if cx.lexicon.is(&fold(name), Class::It));
        let is_new = matches!(slot.kind, Kind::NewName(_));
        found.retain(|found| may_name(&found.span) && !(is_new && pronoun(&found.value)));
        let excepts = |span: &Range<usize>| excepted.iter().any(|(out, _)| overlap(out, span)) || gives && given(span);
        let spans = likely
            .iter()
            .filter(|(span, name)| name == slot.name && taken.iter().all(|t| !overlap(t, span)) && !excepts(span));
        let spans: Vec<Range<usize>> =
            spans.map(|(span, _)| span.clone()).filter(may_name).filter(comes).filter(goes).collect();
        if let Some(mut found) = choose(slot.kind, found, &spans, text, cx) {
            if slot.name == TARGET {
                without_whom_it_tells_of(&mut found, text, cx);
            }
            for (span, names) in excepted.iter().filter(|(span, _)| !overlap(span, &found.span)) {
                if let Value::Machines(selector) = &mut found.value
                    && selector.leave_out(names)
                {
                    taken.push(span.clone());
                    places.push((slot.name.to_owned(), span.clone()));
                }
            }
            taken.push(found.span.clone());
            places.push((slot.name.to_owned(), found.span));
            values.insert(slot.name.to_owned(), found.value);
        } else if slot.need == Need::Optional && !excepted.is_empty() {
            // "memory in total except web1": of all of them.
            let mut all = Selector::All;
            for (span, names) in &excepted {
                all.leave_out(names);
                taken.push(span.clone());
                places.push((slot.name.to_owned(), span.clone()));
            }
            values.insert(slot.name.to_owned(), Value::Machines(all));
        }
    }
    (values, places)
}

/// A slot, and where in the text its value stands.
pub(crate) type Taken = (String, Range<usize>);

/// Whether a value only points at machines: "it", "yourself", "the second".
pub fn points(value: &Value) -> bool {
    matches!(value, Value::Machines(Selector::It | Selector::Same | Selector::Myself | Selector::Nth(_)))
}

pub(crate) fn overlap(left: &Range<usize>, right: &Range<usize>) -> bool {
    left.start < right.end && right.start < left.end
}

/// Of what was found, what is meant: what is known where a value is likely, what is known elsewhere, what an unknown word there may
/// name, and last what only points ("it", "yourself").
fn choose(kind: Kind, found: Vec<Found>, likely: &[Range<usize>], text: &str, cx: &Context<'_>) -> Option<Found> {
    let read = |span: &Range<usize>| {
        let span = &if matches!(kind, Kind::NewName(_)) { whole(text, span) } else { span.clone() };
        let value = read::parse(kind, text.get(span.clone())?, cx)?;
        Some(Found { span: span.clone(), value })
    };
    let named = |found: &&Found| !points(&found.value);
    let there = |found: &&Found| likely.iter().any(|span| overlap(span, &found.span));
    let all = list(kind, likely).and_then(|(span, count)| {
        let names =
            |found: &Found| matches!(&found.value, Value::Machines(Selector::Names(names)) if names.len() == count);
        read(&span).filter(names)
    });
    all.or_else(|| found.iter().filter(named).find(there).cloned())
        .or_else(|| found.iter().find(named).filter(|_| matches!(kind, Kind::Machines | Kind::Name(_))).cloned())
        .or_else(|| likely.iter().filter(|span| kind != Kind::Machines || may_be_named(span, text, cx)).find_map(read))
        .or_else(|| found.into_iter().next())
}

/// A likely place, to where its words begin and end: nobody means a piece of a name.
fn whole(text: &str, span: &Range<usize>) -> Range<usize> {
    let parts = |c: char| c.is_whitespace() || ",;:!?.".contains(c);
    let start = text.get(..span.start).map_or(span.start, |before| {
        before.char_indices().rev().find(|(_, c)| parts(*c)).map_or(0, |(at, c)| at + c.len_utf8())
    });
    let end = text.get(span.end..).map_or(span.end, |after| after.find(parts).map_or(text.len(), |at| span.end + at));
    start..end
}

/// From the first to the last machine, and how many there are, where there are several.
fn list(kind: Kind, likely: &[Range<usize>]) -> Option<(Range<usize>, usize)> {
    match likely {
        [first, .., last] if kind == Kind::Machines => Some((first.start..last.end, likely.len())),
        _ => None,
    }
}

/// How many existing things a call names that don't exist here: the fewer, the likelier the reading.
pub fn unknown_names(spec: &Spec, call: &Call, known: &dyn Known) -> usize {
    call.args
        .iter()
        .filter(|(name, value)| match (spec.slot(name).map(|slot| slot.kind), value) {
            (Some(Kind::Machines), Value::Machines(Selector::Names(names))) => {
                names.iter().any(|name| known.has(Of::Machine, name).is_none())
            }
            (Some(Kind::Name(of)), Value::Name(name)) => known.has(of, name).is_none(),
            _ => false,
        })
        .count()
}

/// What an answer fills: all of it must be used up, or it is no answer.
pub struct Filled {
    /// Values by slot.
    pub values: Vec<(String, Value)>,
}

/// Reads an answer to a question about `missing` slots; `filled` ones may be corrected in it ("no, make that 30").
pub fn read_answer(
    spec: &Spec,
    missing: &[String],
    filled: &BTreeMap<String, Value>,
    text: &str,
    cx: &Context<'_>,
) -> Option<Filled> {
    let mut values: Vec<(String, Value)> = Vec::new();
    for sentence in sentences(text) {
        let open: Vec<&Slot> = missing
            .iter()
            .filter(|name| !values.iter().any(|(filled, _)| filled == *name))
            .filter_map(|name| spec.slot(name))
            .collect();
        if let Answer::Correction(rest) = answer(sentence, cx) {
            // What is said in place of something may as well be what is still missing: the surest slot takes it.
            let known: Vec<&str> = values
                .iter()
                .map(|(name, _)| name.as_str())
                .chain(missing.iter().map(String::as_str))
                .chain(filled.keys().map(String::as_str))
                .collect();
            // "archive, 50 GB, raw please"
            match correction(spec, &known, &rest, cx) {
                Some(value) => values.push(value),
                None => values.extend(fill(&open, &rest, cx)?),
            }
            continue;
        }
        values.extend(fill(&open, sentence, cx)?);
    }
    if values.is_empty() { None } else { Some(Filled { values }) }
}

/// "no, 30": the slot already filled whose kind reads it, the surest kind first.
pub fn correction(spec: &Spec, filled: &[&str], text: &str, cx: &Context<'_>) -> Option<(String, Value)> {
    let mut slots: Vec<&Slot> = spec.slots.iter().filter(|slot| filled.contains(&slot.name)).collect();
    slots.sort_by_key(|slot| reading_order(slot));
    // "call it kern" names no other machine.
    let strange = |value: &Value| match value {
        Value::Machines(Selector::Names(names)) => {
            names.iter().any(|name| !name.starts_with(AT) && cx.known.has(Of::Machine, name).is_none())
        }
        value => points(value),
    };
    // "yes, not raw" names nothing.
    let answers = answer(text, cx) != Answer::Other;
    let parsed = |slot: &Slot| {
        let named = matches!(slot.kind, Kind::NewName(_));
        read::parse(slot.kind, text, cx).filter(|value| !(strange(value) || named && answers))
    };
    slots.into_iter().find_map(|slot| parsed(slot).map(|value| (slot.name.to_owned(), value)))
}

/// Fills slots from one sentence: as one value, piece by piece between commas, or typed values first and a name from what is left.
fn fill(open: &[&Slot], sentence: &str, cx: &Context<'_>) -> Option<Vec<(String, Value)>> {
    let mut by_surety = open.to_vec();
    by_surety.sort_by_key(|slot| reading_order(slot));
    if let Some(found) = by_surety
        .iter()
        .find_map(|slot| read::parse(slot.kind, sentence, cx).map(|value| vec![(slot.name.to_owned(), value)]))
    {
        return Some(found);
    }
    // "raw please"
    let bare = cx.lexicon.without_fillers(sentence);
    let typed = by_surety.iter().filter(|slot| matches!(slot.kind, Kind::Size | Kind::Count | Kind::Choice(_)));
    if let Some((slot, value)) = typed.into_iter().find_map(|slot| Some((slot, read::parse(slot.kind, &bare, cx)?))) {
        return Some(vec![(slot.name.to_owned(), value)]);
    }
    let pieces: Vec<&str> = sentence.split(',').map(str::trim).filter(|piece| !piece.is_empty()).collect();
    if pieces.len() > 1 {
        let mut values = Vec::new();
        for piece in &pieces {
            let left: Vec<&Slot> = by_surety
                .iter()
                .copied()
                .filter(|slot| !values.iter().any(|(name, _): &(String, Value)| name == slot.name))
                .collect();
            values.extend(fill(&left, piece, cx)?);
        }
        return Some(values);
    }
    let mut rest = sentence.to_owned();
    let mut values = Vec::new();
    for slot in by_surety.iter().filter(|slot| !matches!(slot.kind, Kind::NewName(_) | Kind::Topic | Kind::Text)) {
        let Some(found) = read::find(slot.kind, &rest, cx).into_iter().next() else { continue };
        rest.replace_range(found.span, " ");
        values.push((slot.name.to_owned(), found.value));
    }
    if values.is_empty() {
        return None;
    }
    let rest = cx.lexicon.without_fillers(&rest);
    if rest.is_empty() {
        return Some(values);
    }
    // "20 GB and then stop": a word of the language beside a value is no name.
    let name = by_surety.iter().find(|slot| matches!(slot.kind, Kind::NewName(_)))?;
    let value = read::parse(name.kind, &rest, cx).filter(|_| !cx.lexicon.contains(&fold(&rest)))?;
    values.push((name.name.to_owned(), value));
    Some(values)
}

/// Cuts at full stops that end a sentence: "20 gigs, call it data. No, make that 30."
fn sentences(text: &str) -> Vec<&str> {
    let mut list = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let ends = matches!(byte, b'.' | b';' | b'!' | b'?' | b'\n')
            && bytes.get(at + 1).is_none_or(|next| next.is_ascii_whitespace());
        if ends {
            list.push(text[start..at].trim());
            start = at + 1;
        }
    }
    list.push(text[start..].trim());
    list.retain(|sentence| !sentence.is_empty());
    list
}

impl Turn<'_> {
    /// Puts defaults and "it" in place; asks for what is missing, or has it planned.
    pub(crate) fn complete(&mut self, mut planning: Planning) {
        for at in 0..planning.calls.len() {
            let mut call = planning.calls[at].clone();
            let Some(spec) = self.spec(&call) else { continue };
            planning.doubtful |= self.is_only_pointed_at(spec, &call);
            let pointed = call.args.contains_key(TARGET);
            self.resolve(spec, &mut call);
            // Who was pointed at and is not found is nobody else.
            if let Some(name) = self.goes_unsaid(spec, &call, &planning).filter(|_| !pointed) {
                call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(vec![name])));
                planning.doubtful = true;
            }
            let missing = missing(spec, &call, self.around.scope);
            planning.calls[at] = call;
            if !missing.is_empty() {
                self.ask_slots(planning, at, missing, None);
                return;
            }
        }
        self.session.trace.args = planning.calls.first().map(|call| call.args.clone()).unwrap_or_default();
        self.actions.push(Action::Plan(planning.calls.clone()));
        self.session.stage = Stage::Planning(Box::new(planning));
    }

    /// "the one on hv2", of a name that was spoken of: that machine.
    pub(crate) fn placed(&self, before: Option<&String>, name: &str) -> Option<String> {
        let host = name.strip_prefix(AT)?;
        let own = before.map(|before| before.split_once(" (").map_or(before.as_str(), |(own, _)| own))?;
        self.around.known.has(Of::Machine, &format!("{own}{AT}{host}"))
    }

    /// Asks for slots: with a question of its own for that very set, for the one, or with their names in a row.
    pub(crate) fn ask_slots(&mut self, planning: Planning, at: usize, missing: Vec<String>, question: Option<Reply>) {
        let Planning { calls, path, doubtful, preface, back_to, .. } = planning;
        let skill = calls[at].skill.clone();
        let mut reply = question.unwrap_or_else(|| Reply::say(self.question(&skill, &missing)));
        if reply.choices.is_empty() {
            let choices = missing.first().map(|slot| self.choices_for(&skill, slot, &calls[at])).unwrap_or_default();
            reply = if missing.len() == 1 { reply.buttons(choices) } else { reply };
        }
        self.session.trace.decision = Decision::AskSlot;
        self.session.trace.args = calls[at].args.clone();
        self.session.last = Some(crate::session::Last {
            calls: calls.clone(),
            before: back_to.clone().map(Box::new),
            applied: false,
            doubtful,
        });
        self.ask_after(preface, About::Slots { calls, at, missing, path, doubtful }, reply);
    }

    fn question(&self, skill: &str, missing: &[String]) -> Phrase {
        let set = format!("{skill}/ask_{}", missing.join("_"));
        if self.words.phrases.wants(&set).is_some() {
            return Phrase::new(set);
        }
        let names = missing.iter().map(|slot| self.slot_word(skill, slot)).collect::<Vec<_>>();
        match missing {
            [slot] => match Words::question_key(skill, slot) {
                key if self.words.phrases.wants(&key).is_some() => Phrase::new(key),
                _ if slot == TARGET => match self.pointed_at() {
                    Some(names) => Phrase::common("which_of_these").with("names", names),
                    None => Phrase::common("which_machine"),
                },
                _ => Phrase::common("ask_slots").with("slots", names),
            },
            _ => Phrase::common("ask_slots").with("slots", names),
        }
    }

    fn slot_word(&self, skill: &str, slot: &str) -> String {
        self.word_of(self.words, skill, slot)
    }

    /// What a slot is called in the language that is heard.
    pub(crate) fn heard_word(&self, skill: &str, slot: &str) -> String {
        self.word_of(self.heard, skill, slot)
    }

    fn word_of(&self, words: &Words, skill: &str, slot: &str) -> String {
        let keys = [format!("{skill}/slot_{slot}"), format!("phrases/slot_{slot}")];
        let key = keys.into_iter().find(|key| words.phrases.wants(key).is_some());
        key.map_or_else(|| slot.to_owned(), |key| words.phrases.phrase(&Phrase::new(key), self.around.now))
    }

    /// What may be picked for a slot: the values of a choice, or the names that exist, when few.
    fn choices_for(&self, skill: &str, slot: &str, _call: &Call) -> Vec<Choice> {
        const MOST_BUTTONS: usize = 6;
        let names = match self.book.spec(skill).and_then(|spec| spec.slot(slot)).map(|slot| slot.kind) {
            Some(Kind::Choice(values)) => values.iter().map(|value| (*value).to_owned()).collect(),
            Some(Kind::Machines) => self.pointed_at().unwrap_or_else(|| self.around.known.names(Of::Machine).to_vec()),
            Some(Kind::Name(of)) => self.around.known.names(of).to_vec(),
            _ => Vec::new(),
        };
        if names.len() > MOST_BUTTONS {
            return Vec::new();
        }
        names.into_iter().map(|name| Choice { label: name.as_str().into(), says: name }).collect()
    }

    /// Defaults, "it", "the same", and the canonical spelling of names that exist.
    pub(crate) fn resolve(&self, spec: &Spec, call: &mut Call) {
        let cx = self.context();
        for slot in spec.slots {
            match call.args.get(slot.name) {
                // "go back to that", right after a snapshot was taken.
                None if slot.kind == Kind::Name(Of::Snapshot) && spec.danger > Danger::Read => {
                    if let Some(name) = self.just_made(slot, call) {
                        call.args.insert(slot.name.to_owned(), Value::Name(name));
                    }
                }
                None => {
                    if let Need::Default(words) = slot.need
                        && let Some(value) = read::parse(slot.kind, words, &cx)
                    {
                        call.args.insert(slot.name.to_owned(), value);
                    }
                }
                Some(Value::Machines(Selector::It | Selector::Same)) => {
                    let machines = self.all_listed().or_else(|| self.session.focus.first().cloned());
                    // "reboot it" after two were spoken of: which? And "them" after one and another: both.
                    let many = self.means_many(&self.session.trace.text);
                    let changes = spec.danger > Danger::Read;
                    let machines = match machines {
                        Some(names) if changes && many && names.len() == 1 => self.last_two(),
                        Some(names) if changes && !many && names.len() > 1 => None,
                        machines => machines,
                    };
                    match machines {
                        Some(names) => call.args.insert(slot.name.to_owned(), Value::Machines(Selector::Names(names))),
                        None => call.args.remove(slot.name),
                    };
                }
                // "stop all of them", right after some were spoken of: those.
                Some(Value::Machines(Selector::All)) if spec.danger > Danger::Read && self.of_those() => {
                    if let Some(names) = self.spoken_together() {
                        call.args.insert(slot.name.to_owned(), Value::Machines(Selector::Names(names)));
                    }
                }
                // "you" is the host here, which answers for itself.
                Some(Value::Machines(Selector::Myself))
                    if slot.need == Need::Subject && self.around.scope != Scope::Machine =>
                {
                    call.args.remove(slot.name);
                }
                Some(Value::Machines(Selector::Others(count))) => {
                    match self.others_than(self.session.focus.first().map_or(&[][..], Vec::as_slice), *count) {
                        Some(others) => call.args.insert(slot.name.to_owned(), others),
                        // Said to a machine, the others are not that one.
                        None if self.around.scope == Scope::Machine => None,
                        None => call.args.remove(slot.name),
                    };
                }
                Some(Value::Machines(Selector::Nth(numbers))) => {
                    // Where nothing was listed, those that were spoken of, in that order.
                    let spoken = || {
                        let mut spoken: Vec<String> = Vec::new();
                        for name in self.session.focus.iter().rev().flatten() {
                            if !spoken.contains(name) {
                                spoken.push(name.clone());
                            }
                        }
                        spoken
                    };
                    let all = cx.tokens(&self.session.trace.text);
                    let both = cx.lexicon.holds(&all, &[Class::Both]) && !cx.lexicon.holds(&all, &[Class::Ordinal]);
                    // Of two that were spoken of one after the other, rather than of a list before that.
                    let singles = self.session.focus.iter().take(2).filter(|names| names.len() == 1).count() == 2;
                    let two = self.last_two().filter(|_| both && singles && self.spoken_together().is_none());
                    let listed = &match two {
                        Some(two) => two,
                        None if self.session.listed.is_empty() => spoken(),
                        None => self.session.listed.clone(),
                    };
                    let nth = |number: &usize| {
                        if *number == LAST {
                            listed.last()
                        } else {
                            number.checked_sub(1).and_then(|at| listed.get(at))
                        }
                    };
                    // "both", where two were spoken of and no two are listed.
                    let spoken = self.session.focus.first().filter(|names| names.len() == 2 && listed.len() != 2);
                    let names: Option<Vec<String>> = match spoken.filter(|_| *numbers == [1, 2]) {
                        Some(names) => Some(names.clone()),
                        // Both of more than two are nobody.
                        None if both && listed.len() != 2 => None,
                        None => numbers.iter().map(|number| nth(number).cloned()).collect(),
                    };
                    match names {
                        Some(names) => call.args.insert(slot.name.to_owned(), Value::Machines(Selector::Names(names))),
                        None if self.around.scope == Scope::Machine => None,
                        None => call.args.remove(slot.name),
                    };
                }
                Some(Value::Machines(Selector::Names(names))) => {
                    let before = self.session.focus.first().and_then(|names| names.first());
                    let mut names: Vec<String> = names
                        .iter()
                        .map(|name| self.placed(before, name).unwrap_or_else(|| name.clone()))
                        .map(|name| self.around.known.has(Of::Machine, &name).unwrap_or(name))
                        .collect();
                    let mut seen = HashSet::new();
                    names.retain(|name| seen.insert(name.clone()));
                    call.args.insert(slot.name.to_owned(), Value::Machines(Selector::Names(names)));
                }
                Some(Value::Name(name)) if matches!(slot.kind, Kind::Name(_)) => {
                    let Kind::Name(of) = slot.kind else { continue };
                    let resolved = self.around.known.has(of, name).or_else(|| {
                        let thing =
                            self.session.things.iter().find(|(kind, _)| *kind == of).map(|(_, name)| name.clone());
                        let machine = || match self.session.focus.first().map(Vec::as_slice) {
                            Some([name]) if of == Of::Machine => Some(name.clone()),
                            _ => None,
                        };
                        thing.or_else(machine).filter(|_| self.is_pronoun(name))
                    });
                    if let Some(resolved) = resolved {
                        call.args.insert(slot.name.to_owned(), Value::Name(resolved));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Slots that must be asked for, in the order of the Spec. A machine knows which machine is meant.
pub fn missing(spec: &Spec, call: &Call, scope: Scope) -> Vec<String> {
    spec.slots
        .iter()
        .filter(|slot| !call.args.contains_key(slot.name))
        .filter(|slot| match slot.need {
            Need::Required => true,
            Need::Target => scope != Scope::Machine,
            Need::Optional | Need::Origin | Need::Default(_) | Need::Subject => false,
        })
        .map(|slot| slot.name.to_owned())
        .collect()
}
