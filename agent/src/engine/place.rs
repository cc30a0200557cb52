//! Where something is said or done.

use dialogue::spec::Scope;

use super::Engine;
use crate::host::MachineId;
use crate::people::addresses::Entity;

/// Where a message went.
pub(crate) struct Place {
    pub scope: Scope,
    pub name: String,
    pub hypervisor: Option<String>,
    pub own: Option<MachineId>,
}

impl Engine {
    /// Who an entity is.
    pub fn place(&self, entity: &Entity) -> Place {
        match entity {
            Entity::Desk => {
                let hypervisors = self.host.hypervisors();
                let only = if let [only] = hypervisors.as_slice() { Some(only.name.clone()) } else { None };
                Place { scope: Scope::Desk, name: self.desk.clone(), hypervisor: only, own: None }
            }
            Entity::Hypervisor(name) => {
                Place { scope: Scope::Host, name: name.clone(), hypervisor: Some(name.clone()), own: None }
            }
            Entity::Machine(id) => {
                // Where it is now, wherever it was when that was said.
                let found = self.host.machine(id);
                let own = found.as_ref().map_or(id, |machine| &machine.id).clone();
                let hypervisor = Some(own.hypervisor.clone());
                Place { scope: Scope::Machine, name: id.called(found), hypervisor, own: Some(own) }
            }
        }
    }
}
