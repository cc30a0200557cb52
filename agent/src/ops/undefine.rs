//! `virDomainUndefine` of a machine that is off, has nothing but these disks, and keeps neither snapshots nor a saved state. Its volumes stay.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, HostErrorKind, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "undefine",
    operation: "delete machine",
    danger: Danger::Destructive,
    from: &[State::Off],
    causes: &[&[EventKind::Undefined]],
    read: super::read::<Undefine>,
    ..Kind::PLAIN
};

/// Deletes the definition of a machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct Undefine {
    /// Which.
    pub machine: MachineId,
    /// The volumes it writes to, by pool and name: with any other it is not deleted.
    pub volumes: Vec<(String, String)>,
    /// Whether it must never have been started, as far as its host knows.
    pub unused: bool,
}

impl Operation for Undefine {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        let kept = at.domain().has_managed_save(0)? || at.domain().num_snapshots(0)? > 0;
        if kept || self.unused && at.was_started()? || !at.writes_only_to(&self.volumes)? {
            return Err(libvirt::Fault::new(HostErrorKind::WrongState));
        }
        at.domain().undefine()?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        let machine = at.machine();
        let mut written = machine.disks.iter().filter(|disk| disk.is_disk() && !disk.readonly && !disk.shared);
        let only = written.all(|disk| disk.volume.as_ref().is_some_and(|volume| self.volumes.contains(volume)));
        let used = self.unused && machine.since.is_some();
        if used || machine.saved || !machine.snapshots.is_empty() || !only {
            return Err(HostErrorKind::WrongState.into());
        }
        // Off and without a definition it is gone.
        machine.persistent = false;
        Ok(Some(EventKind::Undefined))
    }

    fn line(&self, name: &str) -> String {
        format!("undefine {name}")
    }
}
