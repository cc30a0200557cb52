//! `virDomainResume`; one that sleeps is woken (`virDomainPMWakeup`).

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "resume",
    operation: "resume",
    danger: Danger::Reversible,
    from: &[State::Paused, State::Asleep],
    causes: &[&[EventKind::Resumed, EventKind::Woken]],
    is_heard: true,
    read: super::read::<Resume>,
    ..Kind::PLAIN
};

/// Lets a paused machine go on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resume {
    /// Which.
    pub machine: MachineId,
}

impl Operation for Resume {
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
            at.domain().resume()?;
        }
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        let slept = at.machine().state == State::Asleep;
        at.machine().state = State::Running;
        Ok(Some(if slept { EventKind::Woken } else { EventKind::Resumed }))
    }

    fn line(&self, name: &str) -> String {
        format!("resume {name}")
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.state == State::Running)
    }
}
