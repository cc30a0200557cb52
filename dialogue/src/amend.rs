//! What is said otherwise about a plan that waits for a yes, or about what is half put together: another value, another machine,
//! one machine less, or no more of it. What comes of it is shown and asked.

use std::collections::BTreeMap;

use grammar::answer::refused;
use grammar::gather::{Wanted, gather, machines};
use grammar::kind::Kind;
use grammar::selector::Selector;
use grammar::token::fold;
use grammar::value::Value;

use crate::machine::Turn;
use crate::reply::Phrase;
use crate::session::{Call, PlanRef};
use crate::slots;
use crate::spec::{Slot, Spec, TARGET};
use crate::topics;

impl Turn<'_> {
    /// Values for these slots among what somebody says, unless it asks something or is a command of its own.
    pub(crate) fn gathered(&self, spec: &Spec, slots: &[&str], text: &str) -> Option<Vec<(String, Value)>> {
        let cx = self.context();
        if grammar::answer::asks_something(text, &cx) || self.commands(text).iter().any(|(call, _)| self.built(call)) {
            return None;
        }
        let mut sorted: Vec<_> = spec.slots.iter().filter(|slot| slots.contains(&slot.name)).collect();
        sorted.sort_by_key(|slot| slots::reading_order(slot));
        let wanted: Vec<Wanted> = sorted
            .into_iter()
            .filter(|slot| !matches!(slot.kind, Kind::Machines | Kind::Topic | Kind::Text))
            .map(|slot| Wanted {
                name: slot.name.to_owned(),
                kind: slot.kind,
                word: fold(&self.heard_word(spec.id, slot.name)),
            })
            .collect();
        gather(&wanted, text, &cx)
    }

    /// Whether a text names a slot: "the format should be raw".
    pub(crate) fn names_slot(&self, spec: &Spec, text: &str) -> bool {
        let words = topics::words(text);
        let plain = |slot: &&Slot| !matches!(slot.kind, Kind::Machines | Kind::Topic | Kind::Text);
        spec.slots.iter().filter(plain).any(|slot| words.contains(&fold(&self.heard_word(spec.id, slot.name))))
    }

    fn built(&self, call: &Call) -> bool {
        self.spec(call).is_some_and(|spec| !spec.planned)
    }

    /// The calls of a plan as amended by what is said; `None` when nothing of it is said otherwise.
    pub(crate) fn amended(&self, plan: &PlanRef, text: &str) -> Option<Vec<Call>> {
        self.with_other_values(plan, text).or_else(|| self.with_other_machines(plan, text))
    }

    fn with_other_values(&self, plan: &PlanRef, text: &str) -> Option<Vec<Call>> {
        let mut calls = plan.calls.clone();
        for call in calls.iter_mut().rev() {
            let Some(spec) = self.book.spec(&call.skill) else { continue };
            let filled: Vec<&str> = call.args.keys().map(String::as_str).collect();
            let Some(values) = self.gathered(spec, &filled, text) else { continue };
            let new: BTreeMap<_, _> =
                values.into_iter().filter(|(slot, value)| call.args.get(slot) != Some(value)).collect();
            if !new.is_empty() {
                call.args.extend(new);
                return Some(calls);
            }
        }
        None
    }

    /// "no, I meant lab-2", "leave student02 out": the same for other machines, or for fewer.
    fn with_other_machines(&self, plan: &PlanRef, text: &str) -> Option<Vec<Call>> {
        let cx = self.context();
        let [call] = plan.calls.as_slice() else { return None };
        // "no, status of db1" is another wish.
        let besides = refused(text, &cx).unwrap_or_default();
        if !call.args.contains_key(TARGET) || [text, &besides].iter().any(|text| !self.commands(text).is_empty()) {
            return None;
        }
        let said = machines(text, &cx)?;
        let is = |names: &[String], name: &String| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let names: Vec<String> = if said.meant.is_empty() {
            // Less than was shown: only what was to be done may be left out.
            let left: Vec<String> = plan.subjects.iter().filter(|name| !is(&said.spared, name)).cloned().collect();
            let all_there = said.spared.iter().all(|name| is(&plan.subjects, name));
            if !all_there || left.is_empty() { None } else { Some(left) }
        } else {
            Some(said.meant)
        }?;
        let mut call = call.clone();
        call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
        Some(vec![call])
    }

    /// "no, my boss says not today", "never mind the disk. Is web1 up?": the question is dropped, and what is said besides is heard.
    pub(crate) fn refuse(&mut self, text: &str) -> bool {
        let Some(rest) = refused(text, &self.context()) else { return false };
        self.session.open = None;
        if rest.is_empty() {
            self.say_common("nothing_changed");
            return true;
        }
        self.session.refused = true;
        self.understand(&rest, false, vec![Phrase::common("all_right")], None);
        true
    }
}
