//! `virDomainBlockCopy` and its pivot: a disk of a machine that is on is copied onto a volume while the machine goes on, and then used from there.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, Left, Lock, On, Operation, Stands};
use crate::host::{EventKind, Feature, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "mirror_disk",
    operation: "move disk",
    danger: Danger::Disruptive,
    from: &[State::Running, State::Paused],
    is_long: true,
    called: &["move", "copy", "migration"],
    read: super::read::<MirrorDisk>,
    ..Kind::PLAIN
};

/// Moves a disk onto an empty volume of at least its size.
#[derive(Debug, Serialize, Deserialize)]
pub struct MirrorDisk {
    /// Of which machine.
    pub machine: MachineId,
    /// What the disk is called in the guest's order: `vda`.
    pub target: String,
    /// The pool of the new volume.
    pub pool: String,
    /// The new volume.
    pub volume: String,
    /// `qcow2`, `raw`: of both.
    pub format: String,
}

impl Operation for MirrorDisk {
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
        at.mirror(&self.target, &to, &self.format)
    }

    fn progress_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Option<u8>, libvirt::Fault> {
        at.mirror_progress(&self.target)
    }

    fn stop_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.stop_mirror(&self.target)
    }

    fn stands_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        if !at.is_there() {
            return Ok(Stands::NotDone);
        }
        let path = at.pool(&self.pool)?.lookup_storage_vol_by_name(&self.volume)?.path()?;
        if at.is_copied_to(&self.target, &path)? {
            return Ok(Stands::GoesOn);
        }
        Ok(if at.has_disk_at(&self.target, &path)? { Stands::Done } else { Stands::NotDone })
    }

    fn take_up_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        let to = at.pool(&self.pool)?.lookup_storage_vol_by_name(&self.volume)?;
        at.end_mirror(&self.target, &to.path()?)?;
        Ok(Stands::Done)
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::BlockJobs)?;
        at.pool(&self.pool)?;
        at.refuse_used(&self.pool, &self.volume, false)?;
        at.move_disk(&self.target, &self.pool, &self.volume)?;
        Ok(None)
    }

    fn line(&self, name: &str) -> String {
        format!("mirror {name} {} {}/{}", self.target, self.pool, self.volume)
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(is_at(machine, &self.target, &self.pool, &self.volume))
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        vec![Left { hypervisor: &self.machine.hypervisor, pool: &self.pool, name: &self.volume }]
    }
}

/// Whether a machine's disk is that volume.
pub(super) fn is_at(machine: &Machine, target: &str, pool: &str, volume: &str) -> bool {
    let place = Some((pool.to_owned(), volume.to_owned()));
    machine.disks.iter().any(|disk| disk.target == target && disk.volume == place)
}
