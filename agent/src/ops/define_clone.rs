//! `virDomainDefineXML` of a copy of a machine, whose disks were copied before. The other stays as it is.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, Left, Lock, On, Operation};
use crate::host::names::{Thing, check};
use crate::host::{EventKind, Feature, HostErrorKind, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "define_clone",
    operation: "define machine",
    danger: Danger::Reversible,
    causes: &[&[EventKind::Defined]],
    read: super::read::<DefineClone>,
    ..Kind::PLAIN
};

/// Where a disk of a copy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClonedDisk {
    /// What the disk is called in the guest's order, of both machines: `vda`.
    pub target: String,
    /// The pool of the copy's volume.
    pub pool: String,
    /// The copy's volume.
    pub volume: String,
    /// `qcow2`, `raw`: of both.
    pub format: String,
}

impl ClonedDisk {
    /// A machine and the volumes of its copy.
    pub(super) fn locks(machine: &MachineId, disks: &[Self]) -> Vec<Lock> {
        let volume = |disk: &Self| Lock::volume(&machine.hypervisor, &disk.pool, &disk.volume);
        std::iter::once(Lock::Machine(machine.clone())).chain(disks.iter().map(volume)).collect()
    }

    /// The volumes of the copy.
    pub(super) fn volumes<'a>(machine: &'a MachineId, disks: &'a [Self]) -> Vec<Left<'a>> {
        let hypervisor = &machine.hypervisor;
        disks.iter().map(|disk| Left { hypervisor, pool: &disk.pool, name: &disk.volume }).collect()
    }
}

/// Defines a copy of a machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct DefineClone {
    /// Which machine it is a copy of.
    pub machine: MachineId,
    /// The copy's name.
    pub name: String,
    /// Its disks: of each that the machine writes to, and of no other.
    pub disks: Vec<ClonedDisk>,
    /// Whether the disks were copied while the machine went on; else it must have stayed off.
    pub live: bool,
}

impl Operation for DefineClone {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn locks(&self) -> Vec<Lock> {
        ClonedDisk::locks(&self.machine, &self.disks)
    }

    fn object(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn makes(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        check(Thing::Machine, &self.name)?;
        if !self.live && at.state() != State::Off {
            return Err(libvirt::Fault::new(HostErrorKind::WrongState));
        }
        for disk in &self.disks {
            at.refuse_used(&disk.pool, &disk.volume, false)?;
        }
        at.define_clone(&self.name, &self.disks)
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        check(Thing::Machine, &self.name).map_err(|_| HostErrorKind::Failed)?;
        at.needs(Feature::Volumes)?;
        if !self.live && at.machine().state != State::Off {
            return Err(HostErrorKind::WrongState.into());
        }
        for disk in &self.disks {
            at.refuse_used(&disk.pool, &disk.volume, false)?;
        }
        at.define_clone(&self.name, &self.disks)?;
        Ok(None)
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        ClonedDisk::volumes(&self.machine, &self.disks)
    }

    fn line(&self, name: &str) -> String {
        format!("define {} as {name} is", self.name)
    }
}
