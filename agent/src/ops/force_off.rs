//! `virDomainDestroy`: cuts the power.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "force_off",
    operation: "force off",
    danger: Danger::Destructive,
    from: &[State::Running, State::Paused, State::Asleep, State::Crashed],
    causes: &[&[EventKind::ForcedOff]],
    is_heard: true,
    ends: true,
    read: super::read::<ForceOff>,
    ..Kind::PLAIN
};

/// Cuts a machine's power.
#[derive(Debug, Serialize, Deserialize)]
pub struct ForceOff {
    /// Which.
    pub machine: MachineId,
}

impl Operation for ForceOff {
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
        format!("force off {name}")
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.state == State::Off)
    }
}
