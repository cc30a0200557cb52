//! `virDomainReboot`: asks the guest to start over.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Harder, Kind, On, Operation};
use crate::host::{EventKind, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "reboot",
    operation: "reboot",
    danger: Danger::Disruptive,
    from: &[State::Running],
    causes: &[&[EventKind::Rebooted]],
    covers: false,
    is_heard: true,
    asks: Some(&Harder { skill: "vm.reset", preface: "not_rebooted_yet" }),
    read: super::read::<Reboot>,
    ..Kind::PLAIN
};

/// Asks a machine to reboot.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reboot {
    /// Which.
    pub machine: MachineId,
}

impl Operation for Reboot {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.domain().reboot(0)?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        Ok(at.obeys().then_some(EventKind::Rebooted))
    }

    fn line(&self, name: &str) -> String {
        format!("reboot {name}")
    }
}
