//! `virDomainManagedSave`: memory to a file of the host's, then off; the next start goes on from there.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation, Stands};
use crate::host::{EventKind, Feature, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "save",
    operation: "save",
    danger: Danger::Disruptive,
    from: &[State::Running, State::Paused],
    causes: &[&[EventKind::Saved]],
    is_heard: true,
    ends: true,
    is_long: true,
    read: super::read::<Save>,
    ..Kind::PLAIN
};

/// Saves a machine's memory and switches it off.
#[derive(Debug, Serialize, Deserialize)]
pub struct Save {
    /// Which.
    pub machine: MachineId,
}

impl Operation for Save {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.domain().managed_save(0)?;
        Ok(())
    }

    fn stands_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        Ok(match at.is_there() {
            true if at.has_job()? => Stands::GoesOn,
            true if at.is_saved()? => Stands::Done,
            _ => Stands::NotDone,
        })
    }

    /// It needs nobody: libvirt is only waited for.
    fn take_up_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        at.wait_job()?;
        Ok(Stands::Ends)
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Save)?;
        at.save();
        Ok(Some(EventKind::Saved))
    }

    fn line(&self, name: &str) -> String {
        format!("save {name}")
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.state == State::Off && machine.saved)
    }
}
