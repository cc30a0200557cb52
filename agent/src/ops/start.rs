//! `virDomainCreate`; one that sleeps is woken (`virDomainPMWakeup`).

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "start",
    operation: "start",
    danger: Danger::Reversible,
    from: &[State::Off, State::Asleep],
    causes: &[&[EventKind::Started, EventKind::Restored, EventKind::Woken], &[EventKind::RestoredPaused]],
    is_heard: true,
    read: super::read::<Start>,
    ..Kind::PLAIN
};

/// Starts a machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// Which.
    pub machine: MachineId,
}

impl Operation for Start {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        if at.state() == State::Asleep {
            at.domain().pm_wakeup(0)?;
        } else {
            at.domain().create()?;
        }
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        if at.restore() {
            let paused = at.machine().state == State::Paused;
            return Ok(Some(if paused { EventKind::RestoredPaused } else { EventKind::Restored }));
        }
        let woken = at.machine().state == State::Asleep;
        at.machine().state = State::Running;
        Ok(Some(if woken { EventKind::Woken } else { EventKind::Started }))
    }

    fn line(&self, name: &str) -> String {
        format!("start {name}")
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.state == State::Running)
    }
}
