//! `virDomainDetachDeviceFlags`: a disk out of its machine, where the guest lets go of it, and out of the definition. Its volume stays.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Feature, HostErrorKind, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "detach_disk",
    operation: "detach disk",
    danger: Danger::Disruptive,
    causes: &[&[EventKind::DeviceRemoved], &[EventKind::Changed]],
    read: super::read::<DetachDisk>,
    ..Kind::PLAIN
};

/// Detaches a disk.
#[derive(Debug, Serialize, Deserialize)]
pub struct DetachDisk {
    /// From which machine.
    pub machine: MachineId,
    /// What it is called in the guest's order: `vdb`.
    pub target: String,
}

impl Operation for DetachDisk {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn object(&self) -> Option<&str> {
        Some(&self.target)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.detach(&self.target)
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::DeviceAttach)?;
        let is_it = |disk: &crate::host::Disk| disk.target == self.target;
        let place = at.machine().disks.iter().position(is_it).ok_or(HostErrorKind::NotFound)?;
        let live = at.machine().state != State::Off;
        if live && !at.obeys() {
            return Err(HostErrorKind::TimedOut.into());
        }
        at.machine().disks.remove(place);
        Ok(live.then_some(EventKind::DeviceRemoved))
    }

    fn line(&self, name: &str) -> String {
        format!("detach {name} {}", self.target)
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.disks.iter().all(|disk| disk.target != self.target))
    }
}
