//! Which machines are meant: by name, by a title or a piece of either, by what they have in common, but those that are left out.

use std::sync::Arc;

use dialogue::reply::Phrase;
use dialogue::spec::TARGET;
use grammar::condition::{Fact, What};
use grammar::kind::Of;
use grammar::known::is_piece;
use grammar::selector::{self, Selector};
use grammar::size::Bytes;

use super::Planner;
use crate::host::{Machine, State};
use crate::refusal::{self, at_host};
use crate::skill::Refusal;

impl Planner<'_> {
    pub(super) fn named(&self, name: &str) -> Result<Arc<Machine>, Refusal> {
        // "web1 (hv2)" is how one of several of a name is offered, below.
        if let Some((own, hypervisor)) = name.strip_suffix(')').and_then(|name| name.rsplit_once(" (")) {
            let there = |machine: &&Arc<Machine>| machine.name == own && machine.id.hypervisor == hypervisor;
            if let Some(machine) = self.reach().iter().find(there) {
                return Ok(Arc::clone(machine));
            }
            if self.remembered(own).iter().any(|(id, _)| id.hypervisor == hypervisor)
                && let Some(refusal) = self.unreachable(hypervisor, own)
            {
                return Err(refusal);
            }
        }
        // "the one on hv2", where nothing was spoken of before.
        if let Some(host) = name.strip_prefix(selector::AT) {
            let mut there = self.reach();
            there.retain(|machine| machine.id.hypervisor.eq_ignore_ascii_case(host));
            let [only] = there.as_slice() else { return Err(Refusal::WhichMachine) };
            return Ok(Arc::clone(only));
        }
        let mut near = self.host.named(name);
        near.retain(|machine| self.is_here(&machine.id.hypervisor));
        let remembered = self.remembered(name);
        match (near.as_slice(), remembered.as_slice()) {
            (_, []) => {}
            ([], [(id, name)]) => {
                let since = None;
                let (host, name) = (id.hypervisor.clone(), name.clone());
                return Err(self.unreachable(&host, &name).unwrap_or(Refusal::Unreachable { host, name, since }));
            }
            // One of them can't be seen, and may be the one that is meant.
            (near, remembered) => {
                let near = near.iter().map(|machine| (&machine.id, &machine.name));
                let all = near.chain(remembered.iter().map(|(id, name)| (id, name)));
                let candidates = all.map(|(id, name)| at_host(id, name)).collect();
                return Err(Refusal::Ambiguous { slot: TARGET, candidates });
            }
        }
        if near.iter().any(|machine| machine.name == name) {
            near.retain(|machine| machine.name == name);
        }
        if near.is_empty() {
            near = self.host.also_called(name);
            near.retain(|machine| self.is_here(&machine.id.hypervisor));
        }
        match near.as_slice() {
            [machine] => Ok(Arc::clone(machine)),
            [] => {
                let names: Vec<String> = self.reach().iter().map(|machine| machine.name.clone()).collect();
                let mut candidates = refusal::begun(name, &names);
                if candidates.is_empty() {
                    candidates = self.titled(name);
                }
                match candidates.as_slice() {
                    [] => {
                        let close = refusal::close(name, names.into_iter());
                        Err(Refusal::NotFound { kind: Of::Machine, said: name.to_owned(), close })
                    }
                    // One candidate is no question; which it is, is said, and asked before anything is changed.
                    [only] => self.named(only),
                    _ => Err(Refusal::Ambiguous { slot: TARGET, candidates }),
                }
            }
            several => {
                // Of a title, names tell them apart; of a name, their hosts do.
                let twins = several.iter().any(|one| several.iter().filter(|two| one.name == two.name).count() > 1);
                let offer = |machine: &Arc<Machine>| {
                    if twins { at_host(&machine.id, &machine.name) } else { machine.name.clone() }
                };
                Err(Refusal::Ambiguous { slot: TARGET, candidates: several.iter().map(offer).collect() })
            }
        }
    }

    /// How many have that very name.
    pub(super) fn reach_named(&self, name: &str) -> usize {
        let near = self.host.named(name);
        near.iter().filter(|machine| machine.name == name && self.is_here(&machine.id.hypervisor)).count()
    }

    /// Machines with that piece in a title.
    fn titled(&self, said: &str) -> Vec<String> {
        let mut titled = self.reach();
        titled.retain(|machine| machine.also_called().any(|title| is_piece(said, title)));
        titled.iter().map(|machine| machine.name.clone()).collect()
    }

    /// Those of a set. Who is left out of it has to be somebody: an exception that nobody can place is never passed over.
    pub(super) fn those(&self, selector: &Selector) -> Result<Vec<Arc<Machine>>, Refusal> {
        let all = self.reach();
        let Selector::Where { except, .. } = selector else { return Ok(all) };
        let mut left_out: Vec<Arc<Machine>> = Vec::new();
        let mut those = all.clone();
        those.retain(|machine| matches(selector, machine));
        for said in except {
            // In the set itself first: "the nodes but 3" is about the nodes.
            let mut out = excepted(said, &those);
            if out.is_empty() {
                out = excepted(said, &all);
            }
            if out.is_empty() && self.remembered(said).is_empty() {
                let names: Vec<String> = all.iter().map(|machine| machine.name.clone()).collect();
                let close = refusal::close(said, names.into_iter());
                return Err(Refusal::NotFound { kind: Of::Machine, said: said.clone(), close });
            }
            left_out.extend(out);
        }
        those.retain(|machine| left_out.iter().all(|out| out.id != machine.id));
        Ok(those)
    }
}

/// Who is left out by that: the one of that name; else who is called so besides, or begins so ("k8s-*"), or has that system, or that piece in the name.
fn excepted(said: &str, among: &[Arc<Machine>]) -> Vec<Arc<Machine>> {
    let all = |fits: &dyn Fn(&Machine) -> bool| -> Vec<Arc<Machine>> {
        among.iter().filter(|machine| fits(machine)).cloned().collect()
    };
    let lower = said.to_lowercase();
    if let Some(prefix) = lower.strip_suffix('*') {
        return all(&|machine| machine.name.to_lowercase().starts_with(prefix));
    }
    let own = all(&|machine| machine.name.to_lowercase() == lower || at_host(&machine.id, &machine.name) == said);
    if !own.is_empty() {
        return own;
    }
    // "the nodes but 3"
    if said.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let numbered = all(&|machine| machine.name[number(&machine.name)..] == *said);
        if !numbered.is_empty() {
            return numbered;
        }
    }
    let called = |machine: &Machine| machine.also_called().any(|title| is_piece(said, title));
    let runs = |machine: &Machine| machine.os.as_deref().is_some_and(|os| os.to_lowercase().starts_with(&lower));
    all(&|machine| is_piece(said, &machine.name) || called(machine) || runs(machine))
}

fn matches(selector: &Selector, machine: &Machine) -> bool {
    let Selector::Where { state, tag, os, prefix, host, .. } = selector else { return false };
    let begins = |text: &str, with: &str| text.to_lowercase().starts_with(&with.to_lowercase());
    let in_state = state.is_none_or(|state| in_state(state, machine));
    let of_os = os.as_deref().is_none_or(|os| machine.os.as_deref().is_some_and(|has| begins(has, os)));
    let there = host.as_deref().is_none_or(|host| machine.id.hypervisor.eq_ignore_ascii_case(host));
    // Tags can't be given yet, so nothing carries one.
    in_state && there && of_os && tag.is_none() && prefix.as_deref().is_none_or(|prefix| begins(&machine.name, prefix))
}

/// Whether that is so of a machine.
pub(super) fn holds(fact: Fact, machine: &Machine) -> bool {
    match fact {
        Fact::State(said) => in_state(said, machine),
        Fact::Has(what, how, said) => how.holds(amount(what, machine), said),
    }
}

fn amount(what: What, machine: &Machine) -> u64 {
    match what {
        What::Memory => machine.memory.0,
        What::Cpus => u64::from(machine.vcpus),
        What::Disks => machine.disks.iter().filter(|disk| disk.is_disk()).count() as u64,
        What::Snapshots => machine.snapshots.len() as u64,
    }
}

/// How it is instead of what has to be so, and that nothing is changed.
pub(super) fn as_it_is(fact: Fact, machine: &Machine) -> Phrase {
    let Fact::Has(what, ..) = fact else {
        return Phrase::common("unmet").with("name", &machine.name).with("is", refusal::state_word(machine.state));
    };
    let amount = amount(what, machine);
    let count = amount as f64;
    let has = match what {
        What::Memory => Phrase::new("vm.list/of_memory").with("size", Bytes(amount)),
        What::Cpus => Phrase::new("vm.list/of_cpus").with("count", count),
        What::Disks => Phrase::new("vm.list/of_disks").with("count", count),
        What::Snapshots => Phrase::new("vm.list/of_snapshots").with("count", count),
    };
    Phrase::common("unmet_has").with("name", &machine.name).with("has", has)
}

/// Whether a machine is in a state as people tell them apart.
fn in_state(said: selector::State, machine: &Machine) -> bool {
    match said {
        selector::State::Off => machine.state == State::Off,
        selector::State::Running => machine.state == State::Running,
        selector::State::Paused => matches!(machine.state, State::Paused | State::Asleep),
        selector::State::Crashed => machine.state == State::Crashed,
        selector::State::Resting => machine.state != State::Running,
        selector::State::Saved => machine.state == State::Off && machine.saved,
    }
}
