//! `virStorageVolDelete` of what a disk has just been moved away from: nothing is lost with it, which is proved on the host itself. The
//! machine must have its disk at the new place, now and at its next start, and nobody else may use the old one.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::mirror_disk::is_at;
use super::{Kind, Left, Lock, On, Operation};
use crate::host::{EventKind, Feature, HostErrorKind, MachineId, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "drop_moved",
    operation: "delete volume",
    danger: Danger::Disruptive,
    read: super::read::<DropMoved>,
    ..Kind::PLAIN
};

/// Deletes the volume that a disk was moved away from.
#[derive(Debug, Serialize, Deserialize)]
pub struct DropMoved {
    /// Whose disk it was.
    pub machine: MachineId,
    /// What the disk is called in the guest's order: `vda`.
    pub target: String,
    /// The pool of the old volume.
    pub pool: String,
    /// The old volume.
    pub name: String,
    /// Where the disk is now: pool and volume.
    pub now_at: (String, String),
}

impl Operation for DropMoved {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn locks(&self) -> Vec<Lock> {
        Lock::machine_and_volume(&self.machine, &self.pool, &self.name)
    }

    fn object(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        let (pool, volume) = &self.now_at;
        let path = at.pool(pool)?.lookup_storage_vol_by_name(volume)?.path()?;
        if !at.has_disk_at(&self.target, &path)? {
            return Err(libvirt::Fault::new(HostErrorKind::WrongState));
        }
        at.refuse_used(&self.pool, &self.name, true)?;
        at.pool(&self.pool)?.lookup_storage_vol_by_name(&self.name)?.delete(0)?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Volumes)?;
        let (pool, volume) = &self.now_at;
        if !is_at(at.machine(), &self.target, pool, volume) {
            return Err(HostErrorKind::WrongState.into());
        }
        at.refuse_used(&self.pool, &self.name, true)?;
        at.delete_volume(&self.pool, &self.name)?;
        Ok(None)
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        vec![Left { hypervisor: &self.machine.hypervisor, pool: &self.pool, name: &self.name }]
    }

    fn line(&self, _: &str) -> String {
        format!("delete volume {}/{}", self.pool, self.name)
    }
}
