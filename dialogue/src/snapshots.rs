//! What stands where a machine's name would be and is none: "snapshot v16.5-pre", "revert v4.1", "delete old". Said to a machine it is the
//! name of one of its snapshots, or of one to be.

use grammar::frame::Part;
use grammar::kind::{Kind, Of};
use grammar::known::squeeze;
use grammar::lexicon::Class;
use grammar::selector::Selector;
use grammar::token::fold;
use grammar::value::Value;

use crate::machine::Turn;
use crate::naming::{is_quoted, is_small};
use crate::session::Call;
use crate::spec::{Danger, Scope, Slot, TARGET};

/// What deletes a snapshot, and what deletes other things by name.
const DELETE: &str = "snapshot.delete";
const REVERT: &str = "snapshot.revert";
const DELETES: [&str; 4] = ["vm.delete", "disk.delete", "volume.delete", "pool.delete"];
/// So alike are two spellings of one name.
const ALIKE: f64 = 0.5;
/// A piece of a name has so many letters at least.
const LEAST: usize = 2;

impl Turn<'_> {
    /// "vire before-upgrade", "restore v17": a verb that is used of snapshots, and one of them.
    pub(crate) fn snapshot_alone(&self, text: &str) -> Option<Call> {
        let cx = self.context();
        let all = cx.tokens(text);
        let verb = all.first().filter(|_| cx.lexicon.longest(&all, Class::Verb) == Some(1))?;
        // "delete pre-patch of db1"
        let machine = all.last().and_then(|last| cx.known.has(Of::Machine, last.text)).filter(|_| all.len() > 3);
        let placed = |at: usize| cx.lexicon.longest(&all[at..], Class::Where) == Some(1);
        let machine = machine.filter(|_| placed(all.len() - 2));
        let end = if machine.is_some() { all.len() - 3 } else { all.len() - 1 };
        let rest = &text[all.get(1)?.span.start..all.get(end)?.span.end];
        let skill = [DELETE, REVERT].into_iter().find(|id| self.heard.vocabulary(id).commands(verb))?;
        let name = self.snapshot_called(rest)?;
        let exists = self.around.known.has(Of::Machine, rest).is_some();
        let mut call = Call { skill: skill.to_owned(), args: [("name".to_owned(), Value::Name(name))].into() };
        call.args.extend(machine.map(|name| (TARGET.to_owned(), Value::Machines(Selector::Names(vec![name])))));
        (!exists).then_some(call)
    }

    /// Has what is no machine's name be a snapshot's; `new` if it may be one to be.
    pub(crate) fn name_a_snapshot(&self, call: &mut Call, new: bool) {
        self.name_by_a_piece(call);
        self.delete_what_was_spoken_of(call);
        self.of_the_last(call);
        if self.around.scope != Scope::Machine {
            self.of_whom_it_names(call);
            self.name_quoted_among(call);
            return;
        }
        let Some(Value::Machines(Selector::Names(names))) = call.args.get(TARGET) else { return };
        let [said] = names.as_slice() else { return };
        let said = said.clone();
        if self.around.known.has(Of::Machine, &said).is_some() {
            return;
        }
        if DELETES.contains(&call.skill.as_str()) {
            self.delete_instead(call, &said);
            return;
        }
        let free = |of: Kind| {
            let slot = self.spec(call)?.slots.iter().find(|slot| slot.kind == of)?;
            (!call.args.contains_key(slot.name)).then_some(slot.name)
        };
        let own = free(Kind::Name(Of::Snapshot));
        let Some(slot) = own.or_else(|| free(Kind::NewName(Of::Snapshot)).filter(|_| new)) else { return };
        let exists = own.and_then(|_| self.snapshot_called(&said));
        // "a snapshot of vda"
        if exists.is_some() || new && self.may_name(&said) && !is_small(&said, &self.context()) {
            call.args.remove(TARGET);
            call.args.insert(slot.to_owned(), Value::Name(exists.unwrap_or(said)));
        }
    }

    /// "take a snapshot web1", said to a host: of web1, rather than one called so.
    fn of_whom_it_names(&self, call: &mut Call) {
        let Some(spec) = self.spec(call) else { return };
        let Some(slot) = spec.slots.iter().find(|slot| slot.kind == Kind::NewName(Of::Snapshot)) else { return };
        let machine = match call.args.get(slot.name) {
            Some(Value::Name(name)) if !call.args.contains_key(TARGET) => self.around.known.has(Of::Machine, name),
            _ => None,
        };
        if let Some(name) = machine {
            call.args.remove(slot.name);
            call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(vec![name])));
        }
    }

    /// "a snapshot of web2, "before-x"": what is quoted beside machines that exist, and is none, is the name to be given.
    fn name_quoted_among(&self, call: &mut Call) {
        let new = |slot: &&Slot| slot.kind == Kind::NewName(Of::Snapshot) && !call.args.contains_key(slot.name);
        let Some(slot) = self.spec(call).and_then(|spec| spec.slots.iter().find(new)) else { return };
        let Some(Value::Machines(Selector::Names(names))) = call.args.get(TARGET) else { return };
        let known = |name: &&String| self.around.known.has(Of::Machine, name).is_some();
        let (machines, strange): (Vec<&String>, Vec<&String>) = names.iter().partition(known);
        let quoted = |name: &&&String| is_quoted(name, &self.session.trace.text, &self.context());
        let ([name], false) = (strange.as_slice(), machines.is_empty()) else { return };
        if Some(name).filter(quoted).is_some() {
            let (name, machines) = ((*name).clone(), machines.into_iter().cloned().collect());
            call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(machines)));
            call.args.insert(slot.name.to_owned(), Value::Name(name));
        }
    }

    /// "delete the oldest" after its snapshots were listed: those of that machine. What is to go is shown, and its name typed.
    fn of_the_last(&self, call: &mut Call) {
        let chooses = |slot: &Slot| slot.kind == Kind::Name(Of::Snapshot);
        let spec = self.spec(call).filter(|spec| spec.danger == Danger::Destructive && spec.slots.iter().any(chooses));
        if spec.is_some()
            && self.around.scope != Scope::Machine
            && !call.args.contains_key(TARGET)
            && let Some([name]) = self.last_about().as_deref()
        {
            call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(vec![name.clone()])));
        }
    }

    /// "revert to v16" for v16.5-pre.
    fn name_by_a_piece(&self, call: &mut Call) {
        let Some(spec) = self.spec(call) else { return };
        let Some(slot) = spec.slots.iter().find(|slot| slot.kind == Kind::Name(Of::Snapshot)) else { return };
        if let Some(Value::Name(said)) = call.args.get(slot.name)
            && let Some(name) = self.snapshot_called(said)
        {
            call.args.insert(slot.name.to_owned(), Value::Name(name));
        }
    }

    /// Whether what may name a snapshot may as well be something else: "new snapshot yet?", "snapshot nas".
    pub(crate) fn hardly_names(&self, part: &Part, call: &Call) -> bool {
        const ALONE: usize = 2;
        let Some(spec) = self.spec(call) else { return false };
        let slot = spec.slots.iter().find(|slot| slot.kind == Kind::NewName(Of::Snapshot));
        let Some(Value::Name(name)) = slot.and_then(|slot| call.args.get(slot.name)) else { return false };
        let word = name.chars().all(char::is_alphabetic);
        // "snapshot web1, name it gold" says so.
        let here = part.text.contains(name.as_str());
        part.question || word && here && self.context().tokens(&part.text).len() <= ALONE
    }

    /// "delete it", after a machine's snapshots were spoken of: one of those, rather than the machine.
    fn delete_what_was_spoken_of(&self, call: &mut Call) {
        let last = self.session.last.as_ref().and_then(|last| last.calls.last());
        let spoken = last.is_some_and(|last| last.skill.starts_with("snapshot.") && last.skill != DELETE);
        let points = call.args.values().all(|value| matches!(value, Value::Machines(Selector::It)));
        if spoken && points && DELETES.contains(&call.skill.as_str()) {
            *call = Call { skill: DELETE.to_owned(), ..Call::default() };
        }
    }

    fn delete_instead(&self, call: &mut Call, said: &str) {
        if let Some(name) = self.snapshot_called(said) {
            let args = [("name".to_owned(), Value::Name(name))].into();
            *call = Call { skill: DELETE.to_owned(), args };
        }
    }

    /// The snapshot that is called so, or the only one with that in its name.
    pub(crate) fn snapshot_called(&self, said: &str) -> Option<String> {
        let known = self.around.known;
        let sound = squeeze(said);
        known.has(Of::Snapshot, said).or_else(|| known.sounds(Of::Snapshot, &sound)).or_else(|| {
            let begins = |piece: &str| squeeze(piece).starts_with(&sound);
            let fits = |name: &String| begins(name) || name.split(['-', '_', '.', ' ']).any(begins);
            let names = known.names(Of::Snapshot);
            let mut fitting = names.iter().filter(|name| fits(name)).cloned();
            fitting.next().filter(|_| sound.chars().count() >= LEAST && fitting.next().is_none())
        })
    }

    /// Whether a word may be a name to be given: no word of the language ("snapshot taken"), and no mistyped name of a machine.
    fn may_name(&self, said: &str) -> bool {
        let said = said.to_lowercase();
        let word = self.heard.lexicon.contains(&fold(&said));
        let near = |name: &String| strsim::normalized_damerau_levenshtein(&said, &name.to_lowercase()) >= ALIKE;
        !word && !self.around.known.names(Of::Machine).iter().any(near)
    }
}
