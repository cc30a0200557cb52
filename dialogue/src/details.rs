//! What is said of a wish behind it: "a new disk please: 25 gigs, qcow2", "snapshot web1. call it lent", "as easter. No, sorry, as lent",
//! "shut down web1, it is slow".

use std::collections::BTreeMap;

use grammar::answer::{Answer, answer};
use grammar::clause::{clauses, spans};
use grammar::condition::topics;
use grammar::follow::named_first;
use grammar::frame::{Part, Stance, begins_with_verb, frame, is_plain};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read::{self, Context};
use grammar::selector::{Selector, State};
use grammar::token::{Token, fold, gap};
use grammar::value::Value;

use crate::amend::is_among;
use crate::controls::CONTROLS;
use crate::inside::TROUBLE;
use crate::leftover::{TURNS, left_over};
use crate::machine::Turn;
use crate::naming::{PUT_OFF, is_quoted, is_small};
use crate::policy::Path;
use crate::reply::Phrase;
use crate::session::Call;
use crate::several::weighs;
use crate::slots::{extract_where, missing, points, unknown_names};
use crate::spec::{Danger, Scope, Slot, Spec, TARGET};

/// Marks between a wish and what is told behind it.
const MARKS: [char; 6] = [',', ';', '(', '.', '\u{2013}', '\u{2014}'];

/// Words by which what follows is more than told, besides those that take back or change: it may go on.
const HEAVY: [Class; 8] = [
    Class::Conditional,
    Class::If,
    Class::Then,
    Class::Calling,
    Class::Called,
    Class::Stays,
    Class::Other,
    Class::Also,
];
/// So many words tell something; fewer may be a value.
const TELLS: usize = 3;

/// A command, and what is only told behind it.
pub(crate) struct Told {
    /// The command as a part of its own.
    pub part: Part,
    /// What it says.
    pub call: Call,
    /// What is told, if it may matter.
    pub beside: Option<Phrase>,
}

impl Turn<'_> {
    /// Puts to the calls before it what a part says of them: values that they lack, or others than they have. None when the part says
    /// anything else; else whether something is otherwise now.
    pub(crate) fn detail(&self, part: &Part, calls: &[Call]) -> Option<(Vec<Call>, bool)> {
        let last = calls.last()?;
        let spec = self.spec(last).filter(|spec| !spec.planned && spec.danger > Danger::Read)?;
        if part.raw.contains('?') || !self.commands(&part.text).is_empty() {
            return None;
        }
        if let Some(picked) = self.only_some(&part.raw, calls).or_else(|| self.with_first(&part.raw, calls)) {
            return Some((picked, true));
        }
        // "and then add a disk called spool" is a wish of its own.
        let cx = self.context();
        let calls_it = cx.lexicon.longest(&cx.tokens(&part.text), Class::Calling).is_some();
        if !calls_it && self.other_deed(part, last).is_some() {
            return None;
        }
        let (text, corrects) = match answer(&part.raw, &cx) {
            Answer::Correction(rest) => (rest, true),
            Answer::Other => (part.raw.clone(), false),
            _ => return None,
        };
        if let Some(names) = self.more_of(last, &text).filter(|_| !corrects) {
            let mut calls = calls.to_vec();
            let last = calls.last_mut()?;
            last.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
            return Some((calls, false));
        }
        // "shut down web1. no, web2"
        if corrects
            && let Some(Value::Machines(Selector::Names(names))) = read::parse(Kind::Machines, &text, &cx)
            && names.iter().all(|name| cx.known.has(Of::Machine, name).is_some())
            && !self.machines_of(last).is_empty()
        {
            let mut calls = calls.to_vec();
            calls.last_mut()?.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
            return Some((calls, true));
        }
        // "no, make it 30"
        let said = self.without_leads(&text);
        let typed = || spec.typed().find_map(|slot| Some((slot.name.to_owned(), read::parse(slot.kind, said, &cx)?)));
        let typed = if corrects { typed() } else { None };
        let values = typed.map(|value| [value].into()).or_else(|| self.values_of(spec, &text)).or_else(|| {
            let name = self.name_behind(spec, &text).filter(|_| corrects)?;
            Some([name].into())
        });
        // "a 200 GB disk, qcow2, name it photos": several that it lacks.
        let several = || {
            let missing = missing(spec, last, self.around.scope);
            let (values, unread) = self.filled_by_clauses(spec, &missing, &last.args, &text)?;
            unread.is_empty().then(|| values.into_iter().collect::<BTreeMap<_, _>>())
        };
        let values = values.or_else(several)?;
        if !corrects && values.keys().any(|slot| last.args.contains_key(slot)) {
            return None;
        }
        let mut calls = calls.to_vec();
        // "snapshot web1, snapshot web2. call them lent"
        let same = calls.iter_mut().rev().take_while(|call| call.skill == spec.id);
        same.for_each(|call| call.args.extend(values.clone()));
        Some((calls, corrects))
    }

    /// "shut down web1, then web2": with those that a text names, if it says nothing else.
    fn more_of(&self, call: &Call, text: &str) -> Option<Vec<String>> {
        let cx = self.context();
        // "bring web1 up and mail too"
        let all = cx.tokens(text);
        let also = cx.lexicon.longest_before(&all, Class::Also).filter(|count| *count < all.len()).unwrap_or(0);
        let text = all.get(all.len().saturating_sub(also + 1)).map_or(text, |last| &text[..last.span.end]);
        let mut names = self.machines_of(call);
        // "stop yourself, and web2", said to a machine.
        let own = matches!(call.args.get(TARGET), None | Some(Value::Machines(Selector::Myself)));
        if names.is_empty() && own && self.around.scope == Scope::Machine {
            names.push(self.around.entity.to_owned());
        }
        let Some(Value::Machines(Selector::Names(more))) = read::parse(Kind::Machines, text, &cx) else { return None };
        let exist = more.iter().all(|name| cx.known.has(Of::Machine, name).is_some());
        let new: Vec<String> = more.into_iter().filter(|name| !is_among(name, &names)).collect();
        let adds = exist && !names.is_empty() && !new.is_empty();
        names.extend(new);
        adds.then_some(names)
    }

    /// The values of a text that has nothing else to say, and names no machine.
    fn values_of(&self, spec: &Spec, text: &str) -> Option<BTreeMap<String, Value>> {
        let cx = self.context();
        if let Some(name) = self.called(spec, text) {
            return Some([name].into());
        }
        let (args, taken) = extract_where(spec, text, &[], &cx);
        let whole = left_over(self.book, self.heard, spec, text, &taken, &cx).words.is_empty();
        // "snapshot web1, dry run" names nothing.
        let gives = cx.lexicon.longest_of(&cx.tokens(text), &[Class::Calling, Class::Called]).is_some();
        let names = |slot: &String| spec.slot(slot).is_some_and(|slot| matches!(slot.kind, Kind::NewName(_)));
        let bare = args.len() == 1 && args.keys().all(names) && !gives;
        let read = whole && !bare && !self.drops(spec, text, &taken);
        (read && !args.is_empty() && !args.contains_key(TARGET)).then_some(args)
    }

    /// "call it vendor-visit", "« vendor-visit »": the name alone that it gives.
    pub(crate) fn called(&self, spec: &Spec, text: &str) -> Option<(String, Value)> {
        const BEFORE: [Class; 6] = [Class::And, Class::But, Class::No, Class::Polite, Class::Slack, Class::Aside];
        let slot = spec.new_name()?;
        let cx = self.context();
        let all = cx.tokens(text);
        // "snapshot web1, "before""
        if let [token] = all.as_slice()
            && token.quoted
        {
            return Some((slot.name.to_owned(), read::parse(slot.kind, text, &cx)?));
        }
        let long = |at: usize, classes: &[Class]| cx.lexicon.longest_of(&all[at..], classes).unwrap_or(0);
        let mut at = 0;
        while at < all.len() && long(at, &[Class::Calling]) == 0 && long(at, &BEFORE) > 0 {
            // "don't call it nightly", but "no, call it nightly".
            let denies = long(at, &[Class::No]) == long(at, &BEFORE);
            at += long(at, &BEFORE);
            let once_more = at < all.len() && long(at, &[Class::No]) > 0;
            if denies
                && !once_more
                && at < all.len()
                && !gap(text, &all, at).contains([',', '.', ';', '!', ':', '…', '-'])
            {
                return None;
            }
        }
        let count = Some(long(at, &[Class::Calling])).filter(|count| *count > 0)?;
        let end = all.len() - cx.lexicon.longest_before(&all[at + count..], Class::Polite).unwrap_or(0);
        // "call it lent for both"
        const ALL: [Class; 6] =
            [Class::Both, Class::AllOfThem, Class::All, Class::Article, Class::Machines, Class::Number];
        let for_all = |at: &usize| {
            let mut whom = at + long(*at, &[Class::Filler, Class::At]);
            let led = whom > *at && whom < end;
            while whom < end && long(whom, &ALL) > 0 {
                whom += long(whom, &ALL);
            }
            led && whom == end
        };
        let end = (at + count + 1..end).find(for_all).unwrap_or(end);
        let (first, last) = (all.get(at + count)?, all.get(end.checked_sub(1)?)?);
        let value = read::parse(slot.kind, text.get(first.span.start..last.span.end)?, &cx)?;
        Some((slot.name.to_owned(), value))
    }

    /// "no, call it before update": a name of several words, as one; where it is shown before anything is done.
    pub(crate) fn called_in_words(&self, spec: &Spec, text: &str) -> Option<(String, Value)> {
        const MOST: usize = 4;
        let cx = self.context();
        let said = self.without_leads(text);
        if let Some(found) = self.called(spec, said) {
            return Some(found);
        }
        let all = cx.tokens(said);
        let count = cx.lexicon.longest(&all, Class::Calling)?;
        let end = all.len() - cx.lexicon.longest_before(&all[count..], Class::Polite).unwrap_or(0);
        let words = all.get(count..end).filter(|words| (2..=MOST).contains(&words.len()))?;
        let plain = |token: &Token<'_>| {
            let turns = [Class::And, Class::But, Class::Not];
            !token.quoted
                && !cx.lexicon.holds(std::slice::from_ref(token), &turns)
                && token.text.chars().all(char::is_alphanumeric)
        };
        let marked = (count + 1..end).any(|at| !gap(said, &all, at).trim().is_empty());
        let name = words.iter().map(|token| token.text).collect::<Vec<_>>().join("-");
        let slot = spec.new_name()?;
        let value = read::parse(slot.kind, &name, &cx)?;
        (!marked && words.iter().all(plain)).then(|| (slot.name.to_owned(), value))
    }

    /// "call it data2, no, data3": the name that is said last, behind a change of mind; it, where there is one.
    pub(crate) fn renamed(&self, spec: &Spec, text: &str, values: &mut [(String, Value)]) -> Option<String> {
        let cx = self.context();
        let slot = spec.new_name()?;
        let (_, value) = values.iter_mut().find(|(name, _)| name == slot.name)?;
        let mut last = None;
        let (mut named, mut turned) = (false, false);
        for clause in clauses(text, &[Class::And, Class::But], &cx) {
            let all = cx.tokens(clause);
            turned |= named && cx.lexicon.holds(&all, &[Class::No, Class::Recants, Class::Stop]);
            named |= fold(clause).contains(&fold(&value.to_string()));
            let said = self.without_leads(clause);
            // "non, plutôt 30" and "no, raw" are of other slots.
            let value_of = |slot: &Slot| read::parse(slot.kind, said, &cx).is_some();
            let word = cx.tokens(said).len() == 1 && !cx.lexicon.contains(&fold(said)) && !spec.typed().any(value_of);
            if let Some(new) = read::parse(slot.kind, said, &cx).filter(|_| turned && word) {
                *value = new;
                last = Some(said.to_owned());
            }
        }
        last
    }

    /// "qcow2, no, raw": of several values of one choice, the last behind a change of mind.
    pub(crate) fn last_of_choices(&self, spec: &Spec, text: &str, values: &mut [(String, Value)]) {
        const TURNS: [Class; 4] = [Class::No, Class::Recants, Class::Meant, Class::Stop];
        let cx = self.context();
        for (name, value) in values {
            let Some(kind @ Kind::Choice([_, _, ..])) = spec.slot(name).map(|slot| slot.kind) else { continue };
            let found = read::find(kind, text, &cx);
            let [.., before, last] = found.as_slice() else { continue };
            let between = text.get(before.span.end..last.span.start).unwrap_or_default();
            let turns = cx.lexicon.holds(&cx.tokens(between), &TURNS);
            let denied = cx.lexicon.holds(&cx.tokens(between), &[Class::Denied, Class::Not]);
            let taken_back = cx.lexicon.holds(&cx.tokens(text.get(last.span.end..).unwrap_or_default()), &TURNS);
            if turns && !denied && !taken_back {
                value.clone_from(&last.value);
            }
        }
    }

    /// "oops", "later": no name to be given, unless it is quoted or "called" so.
    pub(crate) fn without_small_names(&self, spec: &Spec, text: &str, values: &mut Vec<(String, Value)>) {
        let cx = self.context();
        let Some(slot) = spec.new_name() else { return };
        // "20G raw, name it later"
        let put_off = |value: &Value| {
            let Value::Name(name) = value else { return false };
            let all = cx.tokens(name);
            !is_quoted(name, text, &cx) && cx.lexicon.longest_of(&all, &PUT_OFF) == Some(all.len())
        };
        values.retain(|(name, value)| name != slot.name || !put_off(value));
        let called = cx.lexicon.holds(&cx.tokens(text), &[Class::Called, Class::Calling])
            || text.contains(['"', '“', '«', '`', '„']);
        // "20 GB, on hv1", "20 GB for web1": where or for whom it is to be is no name.
        let all = cx.tokens(text);
        let elsewhere = |name: &str| {
            let at = all.iter().position(|token| token.text == name);
            let placed = |at: usize| cx.lexicon.longest_before(&all[..at], Class::Where).is_some();
            let exists = [Of::Machine, Of::Hypervisor].iter().any(|of| cx.known.has(*of, name).is_some());
            all.len() > 1 && at.is_some_and(|at| placed(at) || exists)
        };
        let small = |value: &Value| matches!(value, Value::Name(name) if is_small(name, &cx) || elsewhere(name));
        values.retain(|(name, value)| name != slot.name || called || !small(value));
    }

    /// "a snapshot called a1, no wait, call it b1": the wish, with the name that is said last.
    pub(crate) fn renamed_wish(&self, part: &Part) -> Option<Call> {
        let cx = self.context();
        let text = part.raw.as_str();
        let spans = spans(text, &[], &cx);
        let turns = |clause: &str| {
            cx.lexicon.longest_of(&cx.tokens(clause), &[Class::No, Class::Recants, Class::Stop]).is_some()
        };
        let at = (1..spans.len()).find(|at| turns(&text[spans[*at].clone()]))?;
        let (head, tail) = (&text[..spans[at - 1].end], &text[spans[at].start..]);
        let mut parts = frame(head, &cx).parts.into_iter();
        let (wish, None) = (parts.next()?, parts.next()) else { return None };
        let [(call, Path::Command)] = &self.commands(&wish.text)[..] else { return None };
        let spec = self.spec(call)?;
        let slot = spec.new_name().filter(|slot| call.args.contains_key(slot.name))?;
        let said = self.without_leads(tail);
        // "name logs. no, make it 30": of another slot.
        let values = || spec.typed().find_map(|slot| Some((slot, read::parse(slot.kind, said, &cx)?)));
        if let Some((slot, value)) = values().filter(|_| wish.stance == Stance::Request) {
            let mut call = call.clone();
            call.args.insert(slot.name.to_owned(), value);
            return Some(call);
        }
        let word = || {
            let alone = cx.tokens(said).len() == 1 && !cx.lexicon.contains(&fold(said));
            alone.then(|| read::parse(slot.kind, said, &cx)).flatten()
        };
        let name = self.called(spec, said).map(|(_, name)| name).or_else(word)?;
        let mut call = call.clone();
        call.args.insert(slot.name.to_owned(), name);
        (wish.stance == Stance::Request).then_some(call)
    }

    /// "as lent": words of the command, and a name to be given.
    fn name_behind(&self, spec: &Spec, text: &str) -> Option<(String, Value)> {
        let slot = spec.new_name()?;
        let cx = self.context();
        let all = cx.tokens(text);
        let small = |at: &usize| {
            self.heard.vocabulary(spec.id).commands(&all[*at])
                || cx.lexicon.longest_of(&all[*at..], &[Class::Aside, Class::Filler, Class::Meant]).is_some()
        };
        let at = (0..all.len()).find(|at| !small(at)).filter(|at| at + 1 == all.len())?;
        let name = &text[all[at].span.start..];
        let value = read::parse(slot.kind, name, &cx).filter(|_| !is_small(name, &cx))?;
        Some((slot.name.to_owned(), value))
    }

    /// The command at the beginning of a part that is none as a whole, if what follows it only tells something.
    pub(crate) fn told_behind(&self, part: &Part) -> Option<Told> {
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        let marked = |at: &usize| gap(&part.raw, &all, *at).contains(MARKS);
        let because = |at: &usize| cx.lexicon.longest(&all[*at..], Class::Because).is_some();
        // "reboot web1 please it is slow"
        let asked = |at: &usize| cx.lexicon.longest_before(&all[..*at], Class::Polite).is_some_and(|count| count < *at);
        // "start db1, web1 and mail for my class" is one list.
        let named = |at: usize| cx.known.has(Of::Machine, all[at].text).is_some();
        let lists = |at: &usize| named(*at) && named(at - 1);
        (1..all.len()).filter(|at| !lists(at) && (marked(at) || because(at) || asked(at))).find_map(|at| {
            let (head, tail) = (&part.raw[..all[at - 1].span.end], &part.raw[all[at].span.start..]);
            let mut parts = frame(head, &cx).parts.into_iter();
            let (wish, None) = (parts.next()?, parts.next()) else { return None };
            // "take a snapshot please, called x, because last time all of it broke": why is no part of what is wished for.
            if because(&at) && self.is_only_why(tail) {
                let whole = match &self.commands(&wish.text)[..] {
                    [(call, Path::Command)] => Told { part: wish.clone(), call: call.clone(), beside: None },
                    _ => self.told_behind(&wish)?,
                };
                let spec = self.spec(&whole.call).filter(|spec| spec.danger > Danger::Read && !spec.planned)?;
                let known = unknown_names(spec, &whole.call, self.around.known) == 0;
                let plain = spec.danger == Danger::Reversible && self.only_tells(tail) && is_plain(tail, &cx);
                let said = || Phrase::not_followed(tail.trim_end_matches(['.', '!', ' ', ')']));
                let beside = whole.beside.or_else(|| (!plain).then(said));
                let wished = whole.part.stance == Stance::Request && !CONTROLS.contains(&spec.id) && known;
                return wished.then_some(Told { beside, ..whole });
            }
            let [(call, Path::Command)] = &self.commands(&wish.text)[..] else { return None };
            let spec = self.spec(call).filter(|spec| spec.danger > Danger::Read && !spec.planned)?;
            let strange = unknown_names(spec, call, self.around.known) > 0;
            if wish.stance != Stance::Request || CONTROLS.contains(&spec.id) || strange {
                return None;
            }
            // "snapshot, call it lent"
            if let Some((calls, false)) = self.detail(
                &Part { text: tail.to_owned(), raw: tail.to_owned(), ..wish.clone() },
                std::slice::from_ref(call),
            ) {
                return Some(Told { part: wish, call: calls.into_iter().next()?, beside: None });
            }
            let reports = || {
                const GOES_ON: [Class; 8] = [
                    Class::And,
                    Class::But,
                    Class::No,
                    Class::Not,
                    Class::Denied,
                    Class::Spare,
                    Class::Untouched,
                    Class::Only,
                ];
                let told = frame(tail, &cx).parts.iter().all(|part| part.stance == Stance::Report);
                let own = self.named_in(tail).iter().all(|name| is_among(name, &self.machines_of(call)));
                let first = cx.lexicon.longest_of(&cx.tokens(tail), &GOES_ON).is_none();
                marked(&at) && told && own && first && self.is_only_why(tail)
            };
            if !self.only_tells(tail) {
                let words = tail.trim_end_matches(['.', '!', ' ', ')']);
                let told = || Told { part: wish, call: call.clone(), beside: Some(Phrase::not_followed(words)) };
                return reports().then(told);
            }
            // "start web1, on the backup host" may say more than why.
            let told = because(&at) || frame(tail, &cx).parts.iter().all(|part| part.stance == Stance::Report);
            if spec.danger == Danger::Reversible && !told {
                return None;
            }
            let matters = spec.danger > Danger::Reversible || !is_plain(tail, &cx);
            let words = tail.trim_end_matches(['.', '!', ' ', ')']);
            let beside = matters.then(|| Phrase::common("left_over").with("words", words));
            Some(Told { part: wish, call: call.clone(), beside })
        })
    }

    /// Whether what begins with "because" says why, up to its end: it wishes for nothing and supposes nothing.
    fn is_only_why(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let wishes = |part: &Part| part.polite || part.wish || !self.commands(&part.text).is_empty();
        let goes_on = spans(text, &[Class::And, Class::Then], &cx).into_iter().any(|span| {
            let clause = self.without_leads(&text[span]);
            begins_with_verb(clause, &cx) || self.holds_command(clause)
        });
        !text.contains('?')
            && !goes_on
            && !cx.lexicon.holds(&all, &[Class::If, Class::Except, Class::Cancel, Class::Recants])
            && !frame(text, &cx).parts.iter().any(wishes)
    }

    /// "pour web1 par contre, redémarre-la", "hr, timesheet: shut down": a command behind whom it is about.
    pub(crate) fn behind_a_topic(&self, part: &Part) -> Option<Told> {
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        let marked = |at: &usize| gap(&part.raw, &all, *at).contains([',', ':', '\u{2013}', '\u{2014}']);
        (1..all.len()).filter(marked).find_map(|at| {
            let (before, rest) = (&part.raw[..all[at - 1].span.end], &part.raw[all[at].span.start..]);
            let names = topics(before, &cx)?;
            let mut parts = frame(rest, &cx).parts.into_iter();
            let (wish, None) = (parts.next()?, parts.next()) else { return None };
            let mut told = match &self.commands(&wish.text)[..] {
                [(call, Path::Command)] => Told { part: wish, call: call.clone(), beside: None },
                _ => self.told_behind(&wish)?,
            };
            let spec = self.spec(&told.call).filter(|spec| !spec.planned && spec.has_target())?;
            let asks = told.part.stance == Stance::Request || spec.danger == Danger::Read;
            let free = told.call.args.get(TARGET).is_none_or(points);
            told.call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
            (asks && free && !CONTROLS.contains(&spec.id)).then_some(told)
        })
    }

    /// "web1 off, db1 on": states that are wished for, one after the other; who "stays" is left as it is.
    pub(crate) fn made_so_each(&self, part: &Part) -> Option<Vec<Call>> {
        let cx = self.context();
        let text = part.raw.trim();
        let clauses: Vec<String> = clauses(text, &[Class::And], &cx).map(str::to_owned).collect();
        let stays = |clause: &str| {
            let rest = named_first(clause, &cx).map(|(_, rest)| cx.tokens(rest));
            rest.is_some_and(|rest| cx.lexicon.longest(&rest, Class::Stays) == Some(rest.len()) && !rest.is_empty())
        };
        if clauses.len() < 2 || text.ends_with('?') {
            return None;
        }
        let wished = clauses.iter().filter(|clause| !stays(clause));
        let as_wish = |clause: &String| {
            let said =
                Part { text: clause.clone(), raw: clause.clone(), polite: true, question: false, ..part.clone() };
            self.made_so(&said)
        };
        let calls: Vec<Call> = wished.map(as_wish).collect::<Option<_>>()?;
        (!calls.is_empty()).then_some(calls)
    }

    /// "web1 off please", "db1 up now": a state that is wished for.
    pub(crate) fn made_so(&self, part: &Part) -> Option<Call> {
        let cx = self.context();
        let (names, rest) = named_first(&part.text, &cx)?;
        let known = names.iter().all(|name| cx.known.has(Of::Machine, name).is_some());
        let all = cx.tokens(rest);
        let (count, state) = cx.lexicon.all(&all, Class::State).max_by_key(|(count, _)| *count)?;
        let now = cx.lexicon.longest(&all[count..], Class::Now) == Some(all.len() - count) && count < all.len();
        let skill = match State::named(state)? {
            State::Running => "vm.start",
            State::Off => "vm.shutdown",
            State::Paused => "vm.pause",
            State::Saved => "vm.save",
            State::Crashed | State::Resting => return None,
        };
        let asks = part.question || part.raw.trim_end().ends_with('?');
        // "pos1 frozen. reboot pos1" tells what ails it.
        if !read::find(Kind::Choice(&[TROUBLE]), rest, &cx).is_empty() {
            return None;
        }
        let wished = now || part.polite && count == all.len();
        let machines = Value::Machines(Selector::Names(names));
        (known && wished && !asks)
            .then(|| Call { skill: skill.to_owned(), args: [(TARGET.to_owned(), machines)].into() })
    }

    /// Whether a text tells something, and neither asks, wishes, leaves out, supposes nor names a machine.
    pub(crate) fn only_tells(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let names = read::find(Kind::Name(Of::Machine), text, &cx).into_iter();
        let named = names
            .filter(|found| matches!(&found.value, Value::Name(name) if cx.known.has(Of::Machine, name).is_some()));
        // In any language: people mix them.
        let heavy = self.book.lexicons().any(|lexicon| {
            let cx = Context { lexicon, ..self.context() };
            let own = std::ptr::eq(lexicon, &self.heard.lexicon);
            let all: Vec<_> =
                all.iter().filter(|token| own || !self.heard.lexicon.contains(&token.folded)).cloned().collect();
            lexicon.holds(&all, &TURNS) || lexicon.holds(&all, &HEAVY) || own && weighs(text, &cx)
        });
        let tells = |part: &Part| {
            let wishes =
                part.wish || part.polite || part.stance == Stance::Negated || begins_with_verb(&part.text, &cx);
            !part.question && !wishes && self.commands(&part.text).is_empty()
        };
        let goes_on = cx.lexicon.longest(&all, Class::And).is_some();
        named.count() == 0 && !heavy && !goes_on && !text.contains('?') && all.len() >= TELLS && {
            let parts = frame(text, &cx).parts;
            !parts.is_empty() && parts.iter().all(tells)
        }
    }
}
