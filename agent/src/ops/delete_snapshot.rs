//! `virDomainSnapshotDelete`: this one only; those taken after it stay.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Feature, HostErrorKind, Machine, MachineId, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "delete_snapshot",
    operation: "delete snapshot",
    danger: Danger::Destructive,
    read: super::read::<DeleteSnapshot>,
    ..Kind::PLAIN
};

/// Deletes a snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteSnapshot {
    /// Of which machine.
    pub machine: MachineId,
    /// Which snapshot.
    pub name: String,
}

impl Operation for DeleteSnapshot {
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
        at.snapshot(&self.name)?.delete(0)?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Snapshots)?;
        let machine = at.machine();
        let place =
            machine.snapshots.iter().position(|known| known.name == self.name).ok_or(HostErrorKind::NotFound)?;
        let gone = machine.snapshots.remove(place);
        // libvirt makes the parent the current one.
        if gone.current && place > 0 {
            machine.snapshots[place - 1].current = true;
        }
        Ok(None)
    }

    fn line(&self, name: &str) -> String {
        format!("delete snapshot {name} {}", self.name)
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.snapshots.iter().all(|snapshot| snapshot.name != self.name))
    }
}
