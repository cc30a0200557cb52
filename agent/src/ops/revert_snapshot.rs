//! `virDomainRevertToSnapshot`: a machine as it was, disks and memory.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Feature, HostErrorKind, MachineId, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "revert_snapshot",
    operation: "revert to snapshot",
    danger: Danger::Destructive,
    causes: &[&[EventKind::Reverted]],
    is_heard: true,
    reverts: true,
    read: super::read::<RevertSnapshot>,
    ..Kind::PLAIN
};

/// Goes back to a snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevertSnapshot {
    /// Of which machine.
    pub machine: MachineId,
    /// Which snapshot.
    pub name: String,
}

impl Operation for RevertSnapshot {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn object(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.revert(&self.name)
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Snapshots)?;
        let machine = at.machine();
        let place =
            machine.snapshots.iter().position(|known| known.name == self.name).ok_or(HostErrorKind::NotFound)?;
        for (number, snapshot) in machine.snapshots.iter_mut().enumerate() {
            snapshot.current = number == place;
        }
        machine.state = machine.snapshots[place].state;
        // The domain is as it was then, disks and all.
        if let Some(disks) = machine.snapshots[place].disks.clone() {
            machine.disks.retain(|disk| disks.contains(&disk.target));
        }
        Ok(Some(EventKind::Reverted))
    }

    fn line(&self, name: &str) -> String {
        format!("revert {name} {}", self.name)
    }
}
