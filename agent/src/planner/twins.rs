//! Machines of one name on several hosts: which of them is meant is said.

use std::sync::Arc;

use dialogue::reply::Phrase;

use super::{Planner, Step};
use crate::host::{Machine, MachineId};

/// How one of several of a name is offered: "web1 (hv2)".
pub(super) fn at_host(id: &MachineId, name: &str) -> String {
    format!("{name} ({})", id.hypervisor)
}

impl Planner<'_> {
    /// On which host the machine of a step is, where another one has its name.
    pub(super) fn the_one_on(&self, step: &Step) -> Option<Phrase> {
        let machine = step.machine.as_ref()?;
        let twin = |other: &Arc<Machine>| other.name == machine.name && other.id != machine.id;
        let host = machine.id.hypervisor.as_str();
        self.reach().iter().any(twin).then(|| Phrase::common("the_one_on").with("host", host))
    }
}
