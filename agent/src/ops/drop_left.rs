//! `virStorageVolDelete` of what a machine left behind on the hypervisor that it went from: nothing is lost with it, which is proved on
//! both hosts. The machine must be on the other, with that disk there; and nobody here may have it or use the volume.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, Left, Lock, On, Operation};
use crate::host::{EventKind, Feature, MachineId, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "drop_left",
    operation: "delete volume",
    danger: Danger::Disruptive,
    read: super::read::<DropLeft>,
    ..Kind::PLAIN
};

/// Deletes the volume of a disk whose machine went to another hypervisor.
#[derive(Debug, Serialize, Deserialize)]
pub struct DropLeft {
    /// Whose disk it was, and where that machine was.
    pub machine: MachineId,
    /// Where it is now: there the disk is a volume of the same name in the pool of the same name.
    pub now_on: String,
    /// What the disk is called in the guest's order: `vda`.
    pub target: String,
    /// The pool.
    pub pool: String,
    /// The volume.
    pub name: String,
}

impl Operation for DropLeft {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Volume { hypervisor: &self.machine.hypervisor, pool: &self.pool, name: &self.name }
    }

    fn locks(&self) -> Vec<Lock> {
        Lock::machine_and_volume(&self.machine, &self.pool, &self.name)
    }

    fn object(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.refuse_not_moved(self.machine.uuid, &self.now_on, &self.target, (&self.pool, &self.name))?;
        at.refuse_used(&self.pool, &self.name, true)?;
        at.pool(&self.pool)?.lookup_storage_vol_by_name(&self.name)?.delete(0)?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Volumes)?;
        at.refuse_not_moved(&self.machine, &self.now_on, &self.target, (&self.pool, &self.name))?;
        at.refuse_used(&self.pool, &self.name, true)?;
        at.delete_volume(&self.pool, &self.name)?;
        Ok(None)
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        vec![Left { hypervisor: &self.machine.hypervisor, pool: &self.pool, name: &self.name }]
    }

    fn line(&self, _: &str) -> String {
        format!("delete volume {}/{} of {}", self.pool, self.name, self.machine.hypervisor)
    }
}
