//! What goes on from the last exchange: "and web2?", "and its disks?", "web2, is it up?", "why?". Only questions go on so;
//! nothing that may change anything is ever put together from what was said before.

use grammar::corrected::{named, piece_first};
use grammar::follow::{led, named_first, says_you};
use grammar::frame::{Part, Stance};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read::{self, Found};
use grammar::selector::Selector;
use grammar::token::fold;
use grammar::value::Value;

use crate::machine::Turn;
use crate::policy::Path;
use crate::session::Call;
use crate::slots::points;
use crate::spec::{Danger, Need, Scope, Slot, Spec, TARGET};
use crate::topics;

/// A question of so few words names no other thing than the last one.
const FEW: usize = 3;
/// The state of a machine: what a name alone asks for.
pub(crate) const STATE: &str = "vm.status";
/// What was done and what happened.
const LOG: &str = "audit.log";
/// The same of a host.
const HOST_STATE: &str = "host.status";

pub(crate) fn state_of(names: &[String]) -> Call {
    let machines = Value::Machines(Selector::Names(names.to_vec()));
    Call { skill: STATE.to_owned(), args: [(TARGET.to_owned(), machines)].into() }
}

/// What machine a slot is about, whatever it does with it.
pub(crate) fn is_about(slot: &Slot) -> bool {
    slot.name == TARGET && slot.kind == Kind::Machines || slot.kind == Kind::Name(Of::Machine)
}

impl Turn<'_> {
    /// The question that a text asks which is none by itself, but goes on from the last exchange.
    pub(crate) fn goes_on(&self, part: &Part) -> Option<Call> {
        if matches!(part.stance, Stance::Negated | Stance::AboutOthers) || part.wish {
            return None;
        }
        let cx = self.context();
        let (led, rest) = led(part.raw.trim(), &cx);
        if let Some((names, after)) = named_first(rest, &cx).or_else(|| piece_first(rest, &cx)) {
            let left = self.heard.lexicon.without_nouns(after);
            // "db1 same" asks the same.
            let again = cx.tokens(&left);
            if cx.lexicon.longest_of(&again, &[Class::Also, Class::Same]).is_some_and(|count| count == again.len()) {
                return Some(self.same_of(&names));
            }
            if !left.is_empty() {
                // "web1 down, web2 up" is about both.
                let others = named(after, &[], &cx).iter().any(|name| !names.contains(name));
                return if others { None } else { self.asked_of(&names, after) };
            }
            let asks = led || part.question || part.raw.trim_end().ends_with('?');
            return asks.then(|| self.same_of(&names));
        }
        if led && let Some(call) = self.read_command(rest) {
            return Some(call);
        }
        if led || topics::words(rest).len() <= FEW { self.same_but(rest) } else { None }
    }

    /// "and cpus?" after a question about all machines: that one again, though it would be a question by itself.
    pub(crate) fn goes_on_of_all(&self, part: &Part) -> Option<Call> {
        let cx = self.context();
        let (true, rest) = led(part.raw.trim(), &cx) else { return None };
        let last = self.last_read()?;
        let of_one = self.spec(&last)?.slots.iter().any(is_about);
        if of_one { None } else { self.same_but(rest) }
    }

    /// "and the ram, but only of those that run": a question of the same kind as the last keeps what it says not otherwise.
    pub(crate) fn like_the_last(&self, call: &mut Call, part: &Part) {
        let last = self.last_read().filter(|last| last.skill == call.skill && led(part.raw.trim(), &self.context()).0);
        let Some((last, spec)) = last.zip(self.spec(call)) else { return };
        for (name, value) in last.args {
            if spec.slot(&name).is_some_and(|slot| !matches!(slot.kind, Kind::Choice([_]))) {
                call.args.entry(name).or_insert(value);
            }
        }
    }

    /// "what runs on hv1 and hv2": a question about one host for each that is named.
    pub(crate) fn of_each_host(&self, calls: Vec<Call>) -> Vec<Call> {
        let cx = self.context();
        let [call] = calls.as_slice() else { return calls };
        let of_host = |slot: &Slot| slot.kind == Kind::Name(Of::Hypervisor);
        let Some(slot) = self
            .spec(call)
            .filter(|_| self.only_reads(call))
            .and_then(|spec| spec.slots.iter().find(|slot| of_host(slot)))
        else {
            return calls;
        };
        let Some(Value::Name(first)) = call.args.get(slot.name) else { return calls };
        let tokens = cx.tokens(&self.session.trace.text);
        let mut hosts: Vec<String> =
            tokens.iter().filter_map(|token| cx.known.has(Of::Hypervisor, token.text)).collect();
        hosts.dedup();
        if hosts.len() < 2 || !hosts.contains(first) {
            return calls;
        }
        let of = |host: String| {
            let mut call = call.clone();
            call.args.insert(slot.name.to_owned(), Value::Name(host));
            call
        };
        hosts.into_iter().map(of).collect()
    }

    /// "web2, is it up": that question, about these.
    fn asked_of(&self, names: &[String], question: &str) -> Option<Call> {
        let mut call = self.read_command(led(question, &self.context()).1)?;
        self.put(&mut call, names).then_some(call)
    }

    /// "is db1 ok?" in words that are for hosts as well: of a machine that exists the machine's state is asked. False if what else
    /// was understood takes a machine for a host.
    pub(crate) fn of_a_machine(&self, call: &mut Call) -> bool {
        let known = self.around.known;
        let Some(spec) = self.spec(call) else { return true };
        let machine = call.args.iter().find_map(|(slot, value)| match (spec.slot(slot)?.kind, value) {
            (Kind::Name(Of::Hypervisor), Value::Name(name)) if known.has(Of::Hypervisor, name).is_none() => {
                known.has(Of::Machine, name)
            }
            _ => None,
        });
        if let Some(name) = machine {
            let asks = call.skill == HOST_STATE;
            *call = state_of(&[name]);
            return asks;
        }
        true
    }

    /// Whether a call is about a machine that exists and was named, or about the one spoken to by name of it.
    pub(crate) fn names_a_machine(&self, call: &Call) -> bool {
        let exists = |name: &String| self.around.known.has(Of::Machine, name).is_some();
        call.args.values().any(|value| match value {
            Value::Machines(Selector::Names(names)) => names.iter().all(exists),
            Value::Machines(Selector::Myself) => self.around.scope == Scope::Machine,
            _ => false,
        })
    }

    /// "and web2?": what was asked last, about these; else how they are.
    fn same_of(&self, names: &[String]) -> Call {
        let again = self.last_read().and_then(|mut call| {
            let slot = self.spec(&call)?.slots.iter().find(|slot| is_about(slot))?;
            call.args.remove(slot.name);
            self.put(&mut call, names).then_some(call)
        });
        again.unwrap_or_else(|| state_of(names))
    }

    /// "and the least?", "only those that are off": what was asked last, with what is new.
    fn same_but(&self, text: &str) -> Option<Call> {
        let mut call = self.last_read()?;
        let spec = self.spec(&call)?;
        let cx = self.context();
        // What says only how the last question was put ("all of them?", "the next") is not asked again.
        call.args.retain(|name, _| spec.slot(name).is_some_and(|slot| !matches!(slot.kind, Kind::Choice([_]))));
        // The longest first: "which one comes after that" is no "which". Then what the last question had too.
        let open = |slot: &&Slot| matches!(slot.kind, Kind::Topic | Kind::Text | Kind::NewName(_));
        let readable = spec.slots.iter().filter(|slot| !open(slot) && (is_about(slot) || slot.kind != Kind::Machines));
        let values =
            readable.flat_map(|slot| read::find(slot.kind, text, &cx).into_iter().map(move |found| (slot, found)));
        let mut values: Vec<(&Slot, Found)> = values.filter(|(_, found)| !points(&found.value)).collect();
        values.sort_by_key(|(slot, found)| {
            (std::cmp::Reverse(found.span.len()), !call.args.contains_key(slot.name), found.span.start)
        });
        let mut left = text.to_owned();
        let mut news: Vec<(String, Value)> = Vec::new();
        for (slot, found) in values {
            let free = left.get(found.span.clone()).is_some_and(|piece| !piece.contains('\0'));
            if free && !news.iter().any(|(name, _)| name == slot.name) {
                left.replace_range(found.span.clone(), &"\0".repeat(found.span.len()));
                news.push((slot.name.to_owned(), found.value));
            }
        }
        let left = left.replace('\0', " ");
        let all_read = self.heard.lexicon.without_nouns(&left).chars().all(|c| !c.is_alphanumeric());
        (all_read && !news.is_empty()).then(|| {
            call.args.extend(news);
            call
        })
    }

    /// A question that says not which machine it is about is about the one spoken of last, if it goes on from there: in the same message
    /// ("is web1 up? since when?"), else before.
    pub(crate) fn about_the_last(&self, call: &mut Call, part: &Part, before: &[Call]) {
        // "is web2 up? and how are you?", said to a machine
        let other = self.around.scope == Scope::Machine && says_you(&part.text, &self.context());
        let said =
            before.last().filter(|_| !other).map(|call| self.machines_of(call)).filter(|names| !names.is_empty());
        let spoken = || self.last_about().filter(|_| self.around.scope != Scope::Machine);
        let reads = self.spec(call).filter(|spec| spec.danger == Danger::Read);
        let Some((spec, names)) = reads.zip(said.or_else(spoken)) else { return };
        // Whoever is named, if only by a piece of the name, is not who was spoken of last.
        let known = |name: &String| names.contains(name);
        if !named(&part.raw, &[], &self.context()).iter().all(known) {
            return;
        }
        let Some(slot) = spec.slots.iter().find(|slot| is_about(slot)) else { return };
        let cx = self.context();
        // "what changed today?" is about everybody.
        let few = call.skill != LOG && topics::words(&part.text).len() <= FEW;
        let back =
            call.args.get(slot.name).is_some_and(|value| matches!(value, Value::Name(name) if self.is_pronoun(name)));
        if back || slot.need == Need::Target || (few || led(part.raw.trim(), &cx).0) && !says_you(&part.text, &cx) {
            self.put(call, &names);
        }
    }

    /// "the snapshots of web1 and its disks": a question that names nobody is about whom the same message spoke of, rather than the last.
    pub(crate) fn of_the_same_message(&self, call: &mut Call, part: &Part, before: &[Call]) {
        let cx = self.context();
        let names = before.last().map(|call| self.machines_of(call)).unwrap_or_default();
        let about = self.spec(call).and_then(|spec| spec.slots.iter().find(|slot| is_about(slot)));
        let said = fold(&part.raw);
        let own = self.machines_of(call).iter().any(|name| said.contains(&fold(name)));
        let points = self.around.scope != Scope::Machine && !own && named(&part.raw, &[], &cx).is_empty();
        let one = |value: &Value| matches!(value, Value::Machines(Selector::Names(_)) | Value::Name(_));
        if let Some(slot) = about
            && points
            && !names.is_empty()
            && call.args.get(slot.name).is_some_and(one)
        {
            call.args.remove(slot.name);
            self.put(call, &names);
        }
    }

    /// "how much memory has web1? and web2?": the question before it in the same message, about these.
    pub(crate) fn same_as_before(&self, part: &Part, before: &[Call]) -> Option<Call> {
        let cx = self.context();
        let mut call = before.last().filter(|call| self.only_reads(call))?.clone();
        let (true, rest) = led(part.raw.trim(), &cx) else { return None };
        let (names, after) = named_first(rest, &cx).or_else(|| piece_first(rest, &cx))?;
        let whole = self.heard.lexicon.without_nouns(after).chars().all(|c| !c.is_alphanumeric());
        let slot = self.spec(&call)?.slots.iter().find(|slot| is_about(slot)).filter(|_| whole)?;
        call.args.remove(slot.name);
        self.put(&mut call, &names).then_some(call)
    }

    /// Puts machines where a call lacks them; false if there are none, or no place for them.
    pub(crate) fn put(&self, call: &mut Call, names: &[String]) -> bool {
        if names.is_empty() {
            return false;
        }
        let Some(slot) = self.spec(call).and_then(|spec| spec.slots.iter().find(|slot| is_about(slot))) else {
            return false;
        };
        if call.args.get(slot.name).is_some_and(|value| !self.points_back(value)) {
            return false;
        }
        let value = match (slot.kind, names) {
            (Kind::Machines, _) => Value::Machines(Selector::Names(names.to_vec())),
            (_, [name]) => Value::Name(name.clone()),
            _ => return false,
        };
        call.args.insert(slot.name.to_owned(), value);
        true
    }

    fn points_back(&self, value: &Value) -> bool {
        points(value) || matches!(value, Value::Name(name) if self.is_pronoun(name))
    }

    /// A text that is a question to the letter, and nothing else.
    fn read_command(&self, text: &str) -> Option<Call> {
        match self.commands(text).as_slice() {
            [(call, Path::Command)] if self.only_reads(call) => Some(call.clone()),
            _ => None,
        }
    }

    fn only_reads(&self, call: &Call) -> bool {
        let reads = |spec: &Spec| spec.danger == Danger::Read && !spec.planned && spec.fits(self.around.scope);
        !crate::CONTROLS.contains(&call.skill.as_str()) && self.spec(call).is_some_and(reads)
    }

    /// What was asked last, if it was one question.
    pub(crate) fn last_read(&self) -> Option<Call> {
        match self.session.last.as_ref()?.calls.as_slice() {
            [call] if self.only_reads(call) => Some(call.clone()),
            _ => None,
        }
    }

    /// Which machines the last exchange was about, if it was about any.
    pub(crate) fn last_about(&self) -> Option<Vec<String>> {
        let call = self.session.last.as_ref()?.calls.last()?;
        let names = Some(self.machines_of(call)).filter(|names| !names.is_empty())?;
        Some(self.session.focus.first().cloned().unwrap_or(names))
    }
}
