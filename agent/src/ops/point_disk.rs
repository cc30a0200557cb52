//! `virDomainUpdateDeviceFlags`: the definition of a machine that is off names another volume for a disk; all else of that disk stays.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::mirror_disk::is_at;
use super::{Kind, Left, Lock, On, Operation};
use crate::host::{EventKind, Feature, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "point_disk",
    operation: "change disk",
    danger: Danger::Disruptive,
    from: &[State::Off],
    causes: &[&[EventKind::Changed]],
    read: super::read::<PointDisk>,
    ..Kind::PLAIN
};

/// Gives a disk another volume.
#[derive(Debug, Serialize, Deserialize)]
pub struct PointDisk {
    /// Of which machine.
    pub machine: MachineId,
    /// What the disk is called in the guest's order: `vda`.
    pub target: String,
    /// The pool of the volume.
    pub pool: String,
    /// The volume's name.
    pub volume: String,
    /// Its format: `qcow2`, `raw`.
    pub format: String,
}

impl Operation for PointDisk {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn locks(&self) -> Vec<Lock> {
        Lock::machine_and_volume(&self.machine, &self.pool, &self.volume)
    }

    fn object(&self) -> Option<&str> {
        Some(&self.target)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.refuse_used(&self.pool, &self.volume, false)?;
        let to = at.pool(&self.pool)?.lookup_storage_vol_by_name(&self.volume)?;
        at.point(&self.target, &to, &self.format)
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::DeviceAttach)?;
        at.pool(&self.pool)?;
        at.refuse_used(&self.pool, &self.volume, false)?;
        at.move_disk(&self.target, &self.pool, &self.volume)?;
        Ok(None)
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        vec![Left { hypervisor: &self.machine.hypervisor, pool: &self.pool, name: &self.volume }]
    }

    fn line(&self, name: &str) -> String {
        format!("point {name} {} {}/{}", self.target, self.pool, self.volume)
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(is_at(machine, &self.target, &self.pool, &self.volume))
    }
}
