//! All machines as they are listed, kept in order while they come, go and change: sorting thousands for each question would take longer
//! than its answer.

use std::sync::Arc;

use crate::host::{Machine, MachineId};

/// Counts how often anything was called otherwise than before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// A machine came, went or moved, or it has another name or title.
    pub machines: u64,
    /// A machine has other disks or snapshots.
    pub things: u64,
}

/// The machines, by name, then by hypervisor.
#[derive(Debug, Default)]
pub struct Listing {
    machines: Vec<Arc<Machine>>,
    naming: Naming,
}

impl Listing {
    /// All of them.
    pub fn machines(&self) -> Vec<Arc<Machine>> {
        self.machines.clone()
    }

    /// How often anything was called otherwise.
    pub fn naming(&self) -> Naming {
        self.naming
    }

    /// Machines that are not listed are called otherwise.
    pub fn renamed(&mut self) {
        self.naming.machines += 1;
    }

    /// Takes these for all there are.
    pub fn replace(&mut self, mut machines: Vec<Arc<Machine>>) {
        machines.sort_by(|a, b| place(a).cmp(&place(b)));
        self.machines = machines;
        self.naming.machines += 1;
        self.naming.things += 1;
    }

    /// One was so and is so now; `None` is one that is not listed.
    pub fn change(&mut self, before: Option<&Arc<Machine>>, after: Option<&Arc<Machine>>) {
        let at =
            |machine: &Arc<Machine>, all: &[Arc<Machine>]| all.binary_search_by(|one| place(one).cmp(&place(machine)));
        match (before, after) {
            (Some(before), Some(after)) if Arc::ptr_eq(before, after) => return,
            (Some(before), Some(after)) if place(before) == place(after) => {
                if let Ok(at) = at(before, &self.machines) {
                    self.machines[at] = Arc::clone(after);
                }
            }
            _ => {
                if let Some(Ok(at)) = before.map(|before| at(before, &self.machines)) {
                    self.machines.remove(at);
                }
                if let Some((Err(at), after)) = after.map(|after| (at(after, &self.machines), after)) {
                    self.machines.insert(at, Arc::clone(after));
                }
            }
        }
        let both = before.zip(after);
        let same = |is: fn(&Machine, &Machine) -> bool| both.is_some_and(|(before, after)| is(before, after));
        self.naming.machines += u64::from(!same(|before, after| {
            place(before) == place(after) && before.also_called().eq(after.also_called())
        }));
        self.naming.things +=
            u64::from(!same(|before, after| before.disks == after.disks && before.snapshots == after.snapshots));
    }
}

/// Where it stands in the list.
fn place(machine: &Machine) -> (&str, &str, &MachineId) {
    (&machine.name, &machine.id.hypervisor, &machine.id)
}
