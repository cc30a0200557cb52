//! What is said of a plan or a form in several clauses, each of which may be a yes, a change, a value, one more wish or only a reason:
//! "hmm, make it 60 to be safe, and go ahead", "yes. and mail too, please", "not front2, somebody is on it. the other two".
//!
//! Whatever comes of it is shown and asked anew, with the clauses that nobody followed.

use std::collections::BTreeMap;

use grammar::answer::{Answer, agreed, answer, asks_something};
use grammar::clause::{clauses, spans};
use grammar::frame::{Stance, begins_with_verb, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read;
use grammar::selector::Selector;
use grammar::value::Value;

use crate::amend::is_among;
use crate::controls::CONTROLS;
use crate::machine::Turn;
use crate::picked::wants_machines;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::session::{Call, PlanRef};
use crate::slots;
use crate::spec::{Scope, Slot, Spec, TARGET};

/// What joins two clauses.
const JOINS: [Class; 3] = [Class::And, Class::But, Class::Then];
/// Words before what a clause says, which say nothing of it.
const LEADS: [Class; 9] = [
    Class::Aside,
    Class::Filler,
    Class::Hedge,
    Class::Yes,
    Class::No,
    Class::Stop,
    Class::Recants,
    Class::Polite,
    Class::Greeting,
];

/// A slot, and the value that is given for it.
type Given = (String, Value);

/// How a clause goes on from what is before it.
#[derive(Clone, Copy)]
struct Joined {
    /// The first thing said beside the plan, behind an "and".
    too: bool,
    /// Somebody agrees to the plan, and refuses nothing.
    agrees: bool,
    /// It begins with a yes, whatever follows.
    yes: bool,
}

impl Turn<'_> {
    /// The calls of a plan, changed by each clause of a text, and what of it was not followed. `None` where nothing is changed, or a
    /// clause makes it depend on something.
    pub(crate) fn changed_by_clauses(&self, plan: &PlanRef, text: &str) -> Option<(Vec<Call>, Vec<Phrase>)> {
        let cx = self.context();
        // "could you make it 80 instead, and qcow2?" asks for it.
        let asked = frame(text, &cx).parts;
        let text = match asked.as_slice() {
            [part] if part.polite && text.contains('?') => part.text.as_str(),
            _ => text,
        };
        if text.contains('?') || cx.lexicon.holds(&cx.tokens(text), &[Class::If, Class::Conditional]) {
            return None;
        }
        // A new clear wish goes first, unless it is joined to a yes.
        let yes = agreed(text, &cx).is_some();
        let agrees = yes && !cx.lexicon.holds(&cx.tokens(text), &[Class::No, Class::Cancel]);
        if cx.lexicon.holds(&cx.tokens(text), &[Class::Another]) {
            return None;
        }
        let whole = agreed(text, &cx).is_some_and(|rest| !self.commands(&rest).is_empty());
        if whole || !agrees && self.holds_command(text) {
            return None;
        }
        let (mut plan, mut changed, mut removed, mut unread) = (plan.clone(), false, false, Vec::new());
        let mut first = agrees || cx.lexicon.longest(&cx.tokens(text), Class::And).is_some();
        for span in spans(text, &JOINS, &cx) {
            let clause = &text[span.clone()];
            let said = self.without_leads(clause);
            if said.is_empty() || self.says_nothing_but_yes(clause) {
                continue;
            }
            // "web1 stays and web2 too": kept as well.
            if removed && cx.lexicon.holds(&cx.tokens(clause), &[Class::Also]) {
                return None;
            }
            let behind = cx.lexicon.longest_before(&cx.tokens(&text[..span.start]), Class::And).is_some();
            let too = behind && std::mem::take(&mut first);
            match self.changed_by(&plan, clause, said, Joined { too, agrees, yes }) {
                Some(calls) => {
                    // "keep web2 running and cache too": kept as well, or added? Nobody knows.
                    let names = self.machines_of_all(&calls);
                    let adds = names.iter().any(|name| !is_among(name, &plan.subjects));
                    let removes = plan.subjects.iter().any(|name| !is_among(name, &names));
                    if adds && removed {
                        return None;
                    }
                    removed |= removes;
                    changed |= calls != plan.calls;
                    plan.subjects = self.machines_of_all(&calls);
                    plan.subjects.dedup();
                    plan.calls = calls;
                }
                None if self.is_a_reason(&plan, said) || self.tells_of(&plan, clause) => {}
                // Another wish is heard as a whole.
                None if begins_with_verb(clause, &cx) || begins_with_verb(said, &cx) || self.holds_command(said) => {
                    return None;
                }
                None => unread.push(Phrase::not_followed(clause)),
            }
        }
        // Of several clauses that nobody followed the one that was may be only half of what is meant.
        (changed && unread.len() < 2).then_some((plan.calls, unread))
    }

    /// The calls of a plan as one clause changes them.
    fn changed_by(&self, plan: &PlanRef, clause: &str, said: &str, joined: Joined) -> Option<Vec<Call>> {
        // "yes, but wait for mail1" is about no other machine.
        let fits = |calls: &Vec<Call>| {
            !joined.yes || self.machines_of_all(calls).iter().all(|name| is_among(name, &plan.subjects))
        };
        let of_machines = || {
            let calls = self
                .with_first(clause, &plan.calls)
                .or_else(|| self.with_other_machines(plan, clause))
                .or_else(|| self.only_some(clause, &plan.calls));
            calls.filter(fits)
        };
        // "surtout pas raw" gives no value.
        let tells = self.tells_of(plan, clause);
        let values = |said: &str| self.with_other_values(plan, said).filter(|_| !tells);
        of_machines()
            .or_else(|| values(clause))
            .or_else(|| values(said))
            .or_else(|| match answer(clause, &self.context()) {
                // Of the values that there are: "pas 10 Go" names no pool.
                Answer::Correction(rest) => self.corrected(plan, &rest).filter(|calls| {
                    fits(calls) && calls.iter().zip(&plan.calls).all(|(new, old)| new.args.len() == old.args.len())
                }),
                _ => None,
            })
            .or_else(|| self.with_these_too(plan, said).filter(|_| joined.too))
            .or_else(|| self.with_one_more(plan, said).filter(|_| joined.agrees))
    }

    /// "and web3": the one call of a plan with those too.
    fn with_these_too(&self, plan: &PlanRef, said: &str) -> Option<Vec<Call>> {
        let cx = self.context();
        let [call] = plan.calls.as_slice() else { return None };
        let Some(Value::Machines(Selector::Names(more))) = read::parse(Kind::Machines, said, &cx) else { return None };
        let known = more.iter().all(|name| cx.known.has(Of::Machine, name).is_some());
        let mut names = plan.subjects.clone();
        let new: Vec<String> = more.into_iter().filter(|name| !is_among(name, &names)).collect();
        let adds = known && !new.is_empty() && call.args.contains_key(TARGET);
        names.extend(new);
        let mut call = call.clone();
        call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
        adds.then(|| vec![call])
    }

    /// A plan with one more wish behind it, for whom the plan is about if it names nobody.
    fn with_one_more(&self, plan: &PlanRef, said: &str) -> Option<Vec<Call>> {
        let mut parts = frame(said, &self.context()).parts.into_iter();
        let (part, None) = (parts.next()?, parts.next()) else { return None };
        let [(call, Path::Command)] = &self.commands(&part.text)[..] else { return None };
        let spec = self.spec(call).filter(|spec| !spec.planned)?;
        if part.stance != Stance::Request || CONTROLS.contains(&spec.id) || !self.may_change(call) {
            return None;
        }
        let mut call = call.clone();
        if spec.has_target() && self.around.scope != Scope::Machine {
            let whom = || Value::Machines(Selector::Names(plan.subjects.clone()));
            call.args.entry(TARGET.to_owned()).or_insert_with(whom);
        }
        let mut said = call.clone();
        self.resolve(spec, &mut said);
        let known = plan.calls.contains(&said);
        // "yes but reboot web2": in place of what was to be done with it, perhaps.
        if !known && self.stands_against(&self.session.trace.text, plan, &said) {
            return None;
        }
        Some([plan.calls.as_slice(), if known { &[] } else { std::slice::from_ref(&call) }].concat())
    }

    /// Values for missing slots in the clauses of an answer, and what of it was not followed. `None` where there is none.
    pub(crate) fn filled_by_clauses(
        &self,
        spec: &Spec,
        missing: &[String],
        args: &BTreeMap<String, Value>,
        text: &str,
    ) -> Option<(Vec<Given>, Vec<Phrase>)> {
        let cx = self.context();
        let all = cx.tokens(text);
        // "no, I don't need it any more, 20 gigs are enough" is no value.
        let refuses = cx.lexicon.longest_of(&all, &[Class::No, Class::Stop]).is_some();
        let built = |(call, _): &(Call, Path)| self.spec(call).is_some_and(|spec| !spec.planned);
        let commands = self.commands(text).iter().any(built);
        // "what is the difference between raw and qcow2?" gives none.
        let parts = frame(text, &cx).parts;
        let asks = text.contains('?') && asks_something(text, &cx) && !parts.iter().any(|part| part.polite);
        if asks || refuses || commands || cx.lexicon.holds(&all, &[Class::If, Class::Conditional, Class::Cancel]) {
            return None;
        }
        // Which machine is meant is answered as a whole.
        if wants_machines(spec, missing) {
            return None;
        }
        let named = |slot: &Slot| matches!(slot.kind, Kind::NewName(_));
        let mut values: Vec<Given> = Vec::new();
        let mut unread = Vec::new();
        for clause in clauses(text, &JOINS, &cx) {
            let said = self.without_leads(clause);
            if self.tells_of_values(spec, clause) {
                continue;
            }
            let left: Vec<String> =
                missing.iter().filter(|slot| !values.iter().any(|(known, _)| known == *slot)).cloned().collect();
            // Only one word alone, or what is "called" so, is a name here.
            let alone = cx.tokens(said).len() == 1
                && !cx.lexicon.contains(&cx.tokens(said)[0].folded)
                && said.contains(char::is_alphabetic);
            let open: Vec<String> =
                left.iter().filter(|slot| alone || !spec.slot(slot).is_some_and(named)).cloned().collect();
            // "the usual, and make it 80"
            if answer(said, &cx) == Answer::Skip
                && let Some(usual) = self.skip(spec, &left)
            {
                values.extend(usual);
                continue;
            }
            let read = || {
                let filled = slots::read_answer(spec, &open, args, said, &cx)?;
                Some(filled.values).filter(|values| values.iter().all(|(slot, _)| open.contains(slot)))
            };
            let called = || {
                self.called(spec, clause)
                    .or_else(|| self.called_in_words(spec, clause))
                    .filter(|(slot, _)| left.contains(slot))
                    .map(|one| vec![one])
            };
            let plain = args.keys().filter(|slot| !spec.slot(slot).is_some_and(named));
            let all: Vec<&str> = open.iter().chain(plain).map(String::as_str).collect();
            let among = || self.gathered(spec, &all, said);
            if said.is_empty() {
                continue;
            }
            match called().or_else(read).or_else(among) {
                Some(found) if !found.is_empty() => values.extend(found),
                _ if !text.contains('?') && self.tells_something(said) => {}
                _ => unread.push(Phrase::not_followed(clause)),
            }
        }
        (!values.is_empty() && unread.len() < 2).then_some((values, unread))
    }

    /// A clause without the small words around what it says: "no wait, hmm, raw I guess".
    pub(crate) fn without_leads<'t>(&self, clause: &'t str) -> &'t str {
        const TAILS: [Class; 4] = [Class::Hedge, Class::Polite, Class::Thanks, Class::Aside];
        let cx = self.context();
        let all = cx.tokens(clause);
        let mut at = 0;
        while let Some(count) = all.get(at..).and_then(|rest| cx.lexicon.longest_of(rest, &LEADS)) {
            at += count;
        }
        let mut end = all.len();
        let tail = |end: usize| cx.lexicon.longest_before_of(&all[at.min(end)..end], &TAILS);
        while let Some(count) = tail(end).filter(|count| end > at + count) {
            end -= count;
        }
        match (all.get(at), all.get(end.saturating_sub(1))) {
            (Some(first), Some(last)) if at < end => &clause[first.span.start..last.span.end],
            _ => "",
        }
    }

    fn says_nothing_but_yes(&self, clause: &str) -> bool {
        matches!(answer(clause, &self.context()), Answer::Yes)
    }

    /// "not qcow2", beside "raw": whether values in a clause are denied, told or compared, of what a plan does.
    fn tells_of(&self, plan: &PlanRef, clause: &str) -> bool {
        plan.calls.iter().filter_map(|call| self.spec(call)).any(|spec| self.tells_of_values(spec, clause))
    }

    /// Whether a clause only says why: it wishes for nothing, changes nothing, and names nobody else.
    fn is_a_reason(&self, plan: &PlanRef, said: &str) -> bool {
        let others = self.named_in(said).into_iter().filter(|name| !is_among(name, &plan.subjects)).count();
        others == 0 && self.tells_something(said)
    }

    fn tells_something(&self, said: &str) -> bool {
        const HEAVY: [Class; 9] = [
            Class::Weighs,
            Class::Except,
            Class::Spare,
            Class::Denied,
            Class::Moment,
            Class::Offset,
            Class::Day,
            Class::Number,
            Class::Only,
        ];
        let cx = self.context();
        let all = cx.tokens(said);
        let verb = cx.lexicon.longest(&all, Class::Verb).is_some();
        !verb
            && !cx.lexicon.holds(&all, &HEAVY)
            && !said.contains(|c: char| c.is_ascii_digit())
            && self.commands(said).is_empty()
    }
}
