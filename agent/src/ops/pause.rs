//! `virDomainSuspend`: stops its processors.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "pause",
    operation: "pause",
    danger: Danger::Disruptive,
    from: &[State::Running],
    causes: &[&[EventKind::Paused]],
    is_heard: true,
    read: super::read::<Pause>,
    ..Kind::PLAIN
};

/// Pauses a machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pause {
    /// Which.
    pub machine: MachineId,
}

impl Operation for Pause {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.domain().suspend()?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.machine().state = State::Paused;
        Ok(Some(EventKind::Paused))
    }

    fn line(&self, name: &str) -> String {
        format!("pause {name}")
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.state == State::Paused)
    }
}
