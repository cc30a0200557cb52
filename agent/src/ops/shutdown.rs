//! `virDomainShutdown`: asks the guest to end, which takes its time or does not.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Harder, Kind, On, Operation};
use crate::host::{EventKind, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "shutdown",
    operation: "shut down",
    danger: Danger::Disruptive,
    from: &[State::Running],
    causes: &[&[EventKind::ShutDown]],
    covers: false,
    is_heard: true,
    ends: true,
    asks: Some(&Harder { skill: "vm.force_off", preface: "not_off_yet" }),
    read: super::read::<Shutdown>,
    ..Kind::PLAIN
};

/// Asks a machine to shut down.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shutdown {
    /// Which.
    pub machine: MachineId,
}

impl Operation for Shutdown {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.domain().shutdown()?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        if !at.obeys() {
            return Ok(None);
        }
        at.machine().state = State::Off;
        Ok(Some(EventKind::ShutDown))
    }

    fn line(&self, name: &str) -> String {
        format!("shut down {name}")
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        (machine.state == State::Off).then_some(true)
    }
}
