//! `virDomainReset`: the reset button.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Feature, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "reset",
    operation: "reset",
    danger: Danger::Destructive,
    from: &[State::Running, State::Paused, State::Asleep],
    causes: &[&[EventKind::Rebooted]],
    is_heard: true,
    read: super::read::<Reset>,
    ..Kind::PLAIN
};

/// Resets a machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reset {
    /// Which.
    pub machine: MachineId,
}

impl Operation for Reset {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.domain().reset()?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Reset)?;
        Ok(Some(EventKind::Rebooted))
    }

    fn line(&self, name: &str) -> String {
        format!("reset {name}")
    }
}
