//! `virDomainBlockCopy` that ends without a pivot: the disks of a machine that is on are copied onto empty volumes while it goes on, all as
//! they are at one moment; the machine keeps its own.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{ClonedDisk, Kind, Left, Lock, On, Operation, Stands};
use crate::host::{EventKind, Feature, HostErrorKind, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "copy_disks",
    operation: "copy disks",
    danger: Danger::Reversible,
    from: &[State::Running, State::Paused],
    is_long: true,
    called: &["copy", "clone"],
    read: super::read::<CopyDisks>,
    ..Kind::PLAIN
};

/// Copies disks onto empty volumes of at least their size.
#[derive(Debug, Serialize, Deserialize)]
pub struct CopyDisks {
    /// Whose.
    pub machine: MachineId,
    /// Which, and where each goes.
    pub disks: Vec<ClonedDisk>,
}

impl Operation for CopyDisks {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn locks(&self) -> Vec<Lock> {
        ClonedDisk::locks(&self.machine, &self.disks)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        for disk in &self.disks {
            at.refuse_used(&disk.pool, &disk.volume, false)?;
        }
        at.copy_disks(&self.disks)
    }

    /// That of the disk that is the least far.
    fn progress_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Option<u8>, libvirt::Fault> {
        let mut least = None;
        for disk in &self.disks {
            let percent = at.mirror_progress(&disk.target)?;
            least = [least, percent].into_iter().flatten().min();
        }
        Ok(least)
    }

    fn stop_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.stop_copies(&self.disks)
    }

    /// One whose copies were let go of looks as one that was never begun.
    fn stands_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        if !at.is_there() {
            return Ok(Stands::NotDone);
        }
        for disk in &self.disks {
            let path = at.pool(&disk.pool)?.lookup_storage_vol_by_name(&disk.volume)?.path()?;
            if at.is_copied_to(&disk.target, &path)? {
                return Ok(Stands::GoesOn);
            }
        }
        Ok(Stands::NotDone)
    }

    fn take_up_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        at.take_up_copies(&self.disks)?;
        Ok(Stands::Done)
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::BlockJobs)?;
        for disk in &self.disks {
            at.refuse_used(&disk.pool, &disk.volume, false)?;
            at.volume(&disk.pool, &disk.volume).ok_or(HostErrorKind::NotFound)?;
            let own = at.machine().disks.iter().find(|own| own.target == disk.target);
            let (pool, name) = own.and_then(|own| own.volume.clone()).ok_or(HostErrorKind::NotFound)?;
            let from = at.volume(&pool, &name).ok_or(HostErrorKind::NotFound)?;
            at.fill_volume(&disk.pool, &disk.volume, from.allocation);
        }
        Ok(None)
    }

    fn line(&self, name: &str) -> String {
        let disks = self.disks.iter().map(|disk| format!("{} {}/{}", disk.target, disk.pool, disk.volume));
        format!("copy disks {name} {}", disks.collect::<Vec<_>>().join(", "))
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        ClonedDisk::volumes(&self.machine, &self.disks)
    }
}
