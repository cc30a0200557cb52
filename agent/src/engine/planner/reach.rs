//! What can't be reached when a plan is made: nothing is planned for it, and nobody is told that it does not exist.

use std::sync::Arc;

use dialogue::reply::{Phrase, Reply};

use super::Planner;
use crate::host::{Hypervisor, Machine, MachineId};
use crate::skill::Refusal;

impl Planner<'_> {
    /// Machines of that name, upper or lower case, on hypervisors that were not read since the start.
    pub(super) fn remembered(&self, name: &str) -> Vec<(MachineId, String)> {
        let mut remembered = self.host.remembered();
        remembered.retain(|(id, known)| self.is_here(&id.hypervisor) && known.to_lowercase() == name.to_lowercase());
        remembered
    }

    pub(super) fn is_here(&self, hypervisor: &str) -> bool {
        self.hypervisor.is_none_or(|own| own == hypervisor)
    }

    /// Why nothing can be done on a hypervisor; `None` when it can be reached.
    pub(super) fn unreachable(&self, hypervisor: &str, name: &str) -> Option<Refusal> {
        let host = self.host.hypervisors().into_iter().find(|host| host.name == hypervisor)?;
        let (since, _) = host.unreachable?;
        let since = Some(since).filter(|_| host.read);
        Some(Refusal::Unreachable { host: host.name, name: name.to_owned(), since })
    }

    /// Hypervisors spoken about here that were not read since the start: what is on them nobody can say.
    pub(super) fn unread(&self) -> Vec<Hypervisor> {
        let mut hosts = self.host.hypervisors();
        hosts.retain(|host| !host.read && self.is_here(&host.name));
        hosts
    }

    /// Of machines meant together, those that can be reached; and a word on what is left out. All of them when none can be
    /// reached: then that is why.
    pub(super) fn reachable(&self, machines: Vec<Arc<Machine>>) -> (Vec<Arc<Machine>>, Option<Reply>) {
        let hosts = self.host.hypervisors();
        let is_away = |machine: &Arc<Machine>| {
            hosts.iter().any(|host| host.name == machine.id.hypervisor && host.unreachable.is_some())
        };
        let (away, there): (Vec<_>, Vec<_>) = machines.into_iter().partition(is_away);
        if there.is_empty() {
            return (away, None);
        }
        let missing = hosts.iter().filter(|host| self.is_here(&host.name) && host.unreachable.is_some());
        let missing: Vec<String> = missing.map(|host| host.name.clone()).collect();
        if missing.is_empty() {
            return (there, None);
        }
        (there, Some(Reply::say(Phrase::common("left_out").with("hosts", missing))))
    }
}
