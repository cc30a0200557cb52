//! `virDomainSnapshotCreateXML`: an internal snapshot, with the memory of a machine that runs. None of that name may exist.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::names::{Thing, check};
use crate::host::xml::write;
use crate::host::{EventKind, Feature, HostErrorKind, Machine, MachineId, Reason, Snapshot, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "create_snapshot",
    operation: "create snapshot",
    danger: Danger::Reversible,
    pauses: true,
    read: super::read::<CreateSnapshot>,
    ..Kind::PLAIN
};

/// Takes a snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateSnapshot {
    /// Of which machine.
    pub machine: MachineId,
    /// What it will be called.
    pub name: String,
}

impl Operation for CreateSnapshot {
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
        check(Thing::Snapshot, &self.name)?;
        at.refuse_raw_disks()?;
        if at.snapshot(&self.name).is_ok() {
            let reason = Reason::new("exists_snapshot").with("name", &self.name);
            return Err(libvirt::Fault::new(HostErrorKind::Exists).because(reason));
        }
        at.domain().create_snapshot_xml(&write::snapshot(&self.name), 0)?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Snapshots)?;
        check(Thing::Snapshot, &self.name).map_err(|_| HostErrorKind::Failed)?;
        let created = at.now();
        let machine = at.machine();
        let mut disks = machine.disks.iter().filter(|disk| disk.is_disk() && !disk.readonly);
        let has_none = disks.clone().next().is_none();
        if machine.uefi || has_none || disks.any(|disk| disk.format != "qcow2") {
            return Err(HostErrorKind::Unsupported.into());
        }
        if machine.snapshots.iter().any(|known| known.name == self.name) {
            return Err(HostErrorKind::Exists.into());
        }
        machine.snapshots.iter_mut().for_each(|known| known.current = false);
        let disks = Some(machine.disks.iter().map(|disk| disk.target.clone()).collect());
        let (name, state) = (self.name.clone(), machine.state);
        machine.snapshots.push(Snapshot { name, created, state, current: true, disks });
        Ok(None)
    }

    fn line(&self, name: &str) -> String {
        format!("snapshot {name} {}", self.name)
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.snapshots.iter().any(|snapshot| snapshot.name == self.name))
    }
}
