//! What a text is as a command, and what of a message was set aside before it was read so.

use grammar::follow::led;
use grammar::frame::Part;
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read::Context;
use grammar::selector::Selector;
use grammar::token::{Token, fold};
use grammar::value::Value;

use crate::leftover::is_device;
use crate::machine::Turn;
use crate::naming;
use crate::policy::Path;
use crate::session::Call;
use crate::slots;
use crate::spec::{Danger, TARGET};
use crate::understand::Understanding;

/// Whether a token is the name of a machine or host.
fn named_as(token: &Token<'_>, cx: &Context<'_>) -> bool {
    [Of::Machine, Of::Hypervisor].iter().any(|of| cx.known.has(*of, token.text).is_some())
}

impl Turn<'_> {
    /// Command readings of a text that fit this entity: several only when they mean different things.
    pub(crate) fn commands(&self, text: &str) -> Vec<(Call, Path)> {
        let mut list: Vec<(Call, Path)> = Vec::new();
        for reading in self.readings(text).iter() {
            let spec = self.book.specs()[reading.tag];
            let path = if reading.mended.is_empty() { Path::Command } else { Path::Understood };
            let call = Call { skill: spec.id.to_owned(), args: reading.values.clone() };
            if !list.iter().any(|(known, _)| *known == call) {
                list.push((call, path));
            }
        }
        list.retain(|(call, _)| !self.names_by_a_small_word(call, text) && !self.lists_a_small_word(call));
        list.retain_mut(|(call, _)| {
            self.name_a_snapshot(call, !text.contains('?'));
            self.of_a_machine(call)
        });
        let fitting: Vec<_> = list
            .iter()
            .filter(|(call, _)| self.spec(call).is_some_and(|spec| spec.fits(self.around.scope)))
            .cloned()
            .collect();
        let list = if fitting.is_empty() { list } else { fitting };
        let built = |(call, _): &(Call, Path)| self.spec(call).is_some_and(|spec| !spec.planned);
        // "and planning?", where a machine is called so.
        let said = led(text, &self.context()).1.trim_matches(|c: char| !c.is_alphanumeric());
        if !list.iter().any(built) && self.around.known.has(Of::Machine, said).is_some() {
            return Vec::new();
        }
        if !list.iter().any(built)
            && let Some(call) = self.snapshot_alone(text)
        {
            return vec![(call, Path::Command)];
        }
        self.prefer_known(self.prefer_those(list))
    }

    /// "a snapshot of web1 and one of web2", "remettez également web1 en route": beside a machine that exists such a word is no other.
    fn lists_a_small_word(&self, call: &Call) -> bool {
        const SMALL: [Class; 4] = [Class::Slack, Class::Also, Class::Number, Class::One];
        let Some(Value::Machines(Selector::Names(names))) = call.args.get(TARGET) else { return false };
        let cx = self.context();
        let known = |name: &String| cx.known.has(Of::Machine, name).is_some();
        let small = |name: &String| !known(name) && cx.lexicon.longest_of(&cx.tokens(name), &SMALL) == Some(1);
        names.iter().any(known) && names.iter().any(small)
    }

    /// "take a snapshot first": a word that says when or how is no name to be given, unless it is quoted or "called" stands before it.
    fn names_by_a_small_word(&self, call: &Call, text: &str) -> bool {
        let cx = self.context();
        let given = |(slot, value): (&String, &Value)| {
            let new = self.spec(call)?.slot(slot).is_some_and(|slot| matches!(slot.kind, Kind::NewName(_)));
            let Value::Name(name) = value else { return None };
            let at = text.rfind(name.as_str()).filter(|_| new)?;
            let machine = cx.known.has(Of::Machine, name).is_some();
            let small = machine || naming::is_small(name, &cx);
            // "as first"
            let before = cx.tokens(&text[..at]);
            let as_such = before.last().is_some_and(|last| {
                cx.lexicon.is(&last.folded, Class::Noname) && !cx.lexicon.is(&last.folded, Class::Article)
            });
            // "of vda", "name it as you like"
            if is_device(&fold(name)) || cx.lexicon.is(&fold(name), Class::It) {
                return Some(true);
            }
            Some(small && !as_such && !naming::is_called(&(at..at + name.len()), text, &cx))
        };
        call.args.iter().filter_map(given).any(|small| small)
    }

    /// "arrête-les toutes" is all of those that were spoken of before it is all that there are.
    fn prefer_those(&self, mut list: Vec<(Call, Path)>) -> Vec<(Call, Path)> {
        let of = |list: &[(Call, Path)], selector: Selector| {
            let machines = Value::Machines(selector);
            list.iter().position(|(call, _)| call.args.get(TARGET) == Some(&machines))
        };
        if list.len() == 2
            && let (Some(those), Some(all)) = (of(&list, Selector::It), of(&list, Selector::All))
            && list[those].0.skill == list[all].0.skill
        {
            list.remove(if self.spoken_together().is_some() { all } else { those });
        }
        list
    }

    /// Of readings of one skill, those that name what exists win over those that take words for names.
    fn prefer_known(&self, mut list: Vec<(Call, Path)>) -> Vec<(Call, Path)> {
        // "delete the nightly snapshot", where one is called so, is no schedule.
        let built = |(call, _): &(Call, Path)| self.spec(call).is_some_and(|spec| !spec.planned);
        let names = |(call, _): &(Call, Path)| {
            let exists = |(slot, value): (&String, &Value)| {
                let kind = self.spec(call).and_then(|spec| spec.slot(slot)).map(|slot| slot.kind);
                match (kind, value) {
                    (Some(Kind::Name(of)), Value::Name(name)) => self.around.known.has(of, name).is_some(),
                    _ => false,
                }
            };
            call.args.iter().any(exists)
        };
        if list.iter().any(|reading| built(reading) && names(reading)) {
            list.retain(built);
        }
        if list.len() < 2 {
            return list;
        }
        let unknown =
            |call: &Call| self.spec(call).map_or(0, |spec| slots::unknown_names(spec, call, self.around.known));
        // At equal footing the reading that takes the most words for keywords wins: the one with the fewest values.
        // "do the running machines have" says a state before it says a set.
        let sets = |call: &Call| {
            call.args.iter().filter(|(slot, value)| *slot != TARGET && matches!(value, Value::Machines(_))).count()
        };
        let weight = |call: &Call| (unknown(call), call.args.len(), sets(call));
        let least = list.iter().map(|(call, _)| weight(call)).min().unwrap_or_default();
        list.into_iter().filter(|(call, _)| weight(call) == least).collect()
    }

    /// What was taken off the beginning of a part and may change what it wishes: a time, a name, a negation, a condition.
    pub(crate) fn set_aside_before(&self, part: &Part, understanding: &Understanding) -> Option<String> {
        const WEIGHTY: [Class; 6] = [Class::Moment, Class::Offset, Class::Day, Class::Month, Class::In, Class::Ago];
        const TURNING: [Class; 6] =
            [Class::If, Class::Denied, Class::Except, Class::Cancel, Class::All, Class::Everything];
        const LIGHT: [Class; 4] = [Class::Aside, Class::Greeting, Class::Polite, Class::Filler];
        // A condition that was read is no leftover.
        if understanding.condition.is_some() {
            return None;
        }
        let cx = self.context();
        // Of the first part, all that stands before it in the message.
        let alone = understanding.calls.is_empty() && understanding.beside.is_empty() && !understanding.cut;
        let whole = if alone { understanding.text.as_str() } else { part.raw.as_str() };
        let before = whole.get(..whole.find(part.text.as_str())?)?;
        let all = cx.tokens(before);
        let said_to = |name: &String| understanding.addressee.as_ref() == Some(name);
        let named = |text: &str| {
            let machine = cx.known.has(Of::Machine, text).filter(|name| !said_to(name));
            machine.or_else(|| cx.known.has(Of::Hypervisor, text).filter(|host| host != self.around.entity)).is_some()
        };
        let weighs = |at: usize| {
            let token = &all[at];
            let own = named(token.text) || token.folded.chars().any(|c| c.is_ascii_digit()) && !named_as(token, &cx);
            let light = cx.lexicon.longest_of(&all[at..], &LIGHT).unwrap_or(0);
            let heavy = cx.lexicon.longest_of(&all[at..], &WEIGHTY).unwrap_or(0);
            let turning = cx.lexicon.longest_of(&all[at..], &TURNING).unwrap_or(0);
            own || heavy > light || turning > 0 && turning >= light
        };
        // "note: shut down web1"
        const OPENING: [Class; 5] = [Class::Yes, Class::Greeting, Class::Polite, Class::Thanks, Class::Then];
        // "ok here goes: stop web1", but "note: stop web1"
        const ASIDE: [Class; 2] = [Class::Aside, Class::Opens];
        let mut end = 0;
        let opens = |rest: &[Token<'_>]| {
            cx.lexicon
                .longest_of(rest, &OPENING)
                .or_else(|| cx.lexicon.longest_of(rest, &ASIDE).filter(|_| all.len() > 1))
        };
        while let Some(count) = all.get(end..).and_then(opens) {
            end += count;
        }
        let opening = end >= all.len();
        let labelled = before.trim_end().ends_with(':')
            && !opening
            && understanding.addressee.is_none()
            && !all.iter().any(|token| named_as(token, &cx) || token.text.eq_ignore_ascii_case(self.around.entity));
        (labelled || (0..all.len()).any(weighs)).then(|| before.trim_end_matches([',', ':', ' ']).to_owned())
    }

    /// Whether readings are all of one skill that only reads, or of one that can't be used yet.
    pub(crate) fn is_one_question(&self, readings: &[(Call, Path)]) -> bool {
        let skill = readings.first().map(|(call, _)| call.skill.as_str());
        let spec =
            skill.and_then(|skill| self.book.spec(skill)).filter(|spec| spec.planned || spec.danger == Danger::Read);
        let machines = |call: &Call| self.machines_of(call);
        let first = readings.first().map(|(call, _)| machines(call));
        spec.is_some()
            && readings.iter().all(|(call, _)| Some(call.skill.as_str()) == skill && Some(machines(call)) == first)
    }

    /// Of readings of one question, the one that asks for the most of something: "the most CPUs" rather than "more CPUs" than nobody said.
    pub(crate) fn rather(&self, readings: &[(Call, Path)]) -> Option<Call> {
        const BARE: [&str; 2] = ["more", "less"];
        let bare = |call: &Call| {
            let values = || call.args.values().map(Value::to_string);
            values().any(|value| BARE.contains(&value.as_str()))
                && !values().any(|value| value.contains(|c: char| c.is_ascii_digit()))
        };
        readings.iter().map(|(call, _)| call).find(|call| !bare(call)).cloned()
    }
}
