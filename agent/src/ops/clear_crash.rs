//! `virDomainDestroy` of what libvirt kept of a machine that crashed, so that it can be started: nothing runs in it any more.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "clear_crash",
    operation: "clear after a crash",
    danger: Danger::Reversible,
    from: &[State::Crashed],
    causes: &[&[EventKind::ForcedOff]],
    is_heard: true,
    read: super::read::<ClearCrash>,
    ..Kind::PLAIN
};

/// Clears what was kept of a crashed machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClearCrash {
    /// Which.
    pub machine: MachineId,
}

impl Operation for ClearCrash {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.domain().destroy()?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.machine().state = State::Off;
        Ok(Some(EventKind::ForcedOff))
    }

    fn line(&self, name: &str) -> String {
        format!("clear crashed {name}")
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.state == State::Off)
    }
}
