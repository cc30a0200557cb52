//! `virDomainMigrate3`: a machine goes to another hypervisor, with what its disks hold where both do not share it. One that is on goes on
//! meanwhile; of one that is off the disks are copied, then the definition. Where it breaks the machine stays where it was.

use dialogue::reply::Phrase;
use dialogue::spec::Danger;
use grammar::size::Bytes;
use serde::{Deserialize, Serialize};

use super::{Kind, Left, Lock, On, Operation, Stands};
use crate::host::{EventKind, Feature, Machine, MachineId, State, fake, libvirt};
use crate::refusal;

pub(super) static KIND: Kind = Kind {
    verb: "migrate",
    operation: "migrate",
    danger: Danger::Disruptive,
    from: &[State::Running, State::Paused, State::Off],
    causes: &[&[EventKind::Moved]],
    is_heard: true,
    is_long: true,
    called: &["migration", "move", "copy"],
    read: super::read::<Migrate>,
    ..Kind::PLAIN
};

/// Moves a machine to another hypervisor.
#[derive(Debug, Serialize, Deserialize)]
pub struct Migrate {
    /// Which, and where it is.
    pub machine: MachineId,
    /// The configured name of the hypervisor that it goes to.
    pub to: String,
    /// What is copied; disks that both hosts reach are not among them.
    pub disks: Vec<Copied>,
}

/// A disk that is copied onto a volume of the same name, in the pool of the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Copied {
    /// What it is called in the guest's order: `vda`.
    pub target: String,
    /// Its pool.
    pub pool: String,
    /// Its volume.
    pub volume: String,
    /// `qcow2`, `raw`.
    pub format: String,
    /// The size that the guest sees.
    pub capacity: Bytes,
}

impl Operation for Migrate {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn reaches(&self) -> Option<&str> {
        Some(&self.to)
    }

    fn locks(&self) -> Vec<Lock> {
        let both = [self.machine.hypervisor.as_str(), self.to.as_str()];
        let volumes = |disk: &Copied| both.map(|hypervisor| Lock::volume(hypervisor, &disk.pool, &disk.volume));
        std::iter::once(Lock::Machine(self.machine.clone())).chain(self.disks.iter().flat_map(volumes)).collect()
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.migrate(&self.to, &self.disks)
    }

    fn progress_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Option<u8>, libvirt::Fault> {
        at.migration_progress(&self.to, &self.disks)
    }

    fn stop_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.stop_migration()
    }

    fn stands_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        at.migration_stands(self.machine.uuid, &self.to)
    }

    /// It ends with its client, who is gone: libvirt is only waited for.
    fn take_up_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        at.wait_job()?;
        Ok(Stands::Ends)
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Migrate)?;
        at.migrate(&self.to, &self.disks)?;
        Ok(None)
    }

    fn line(&self, name: &str) -> String {
        let copied: String = self
            .disks
            .iter()
            .map(|disk| format!(", copying {} to {}/{}", disk.target, disk.pool, disk.volume))
            .collect();
        format!("migrate {name} to {}{copied}", self.to)
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        let hypervisor = &self.to;
        self.disks.iter().map(|disk| Left { hypervisor, pool: &disk.pool, name: &disk.volume }).collect()
    }

    fn undone(&self, machine: &Machine) -> Option<Phrase> {
        let here = machine.id.hypervisor != self.to;
        let phrase = || Phrase::new("vm.migrate/still_there").with("name", &machine.name);
        here.then(|| phrase().with("from", &machine.id.hypervisor).with("is", refusal::how(machine)))
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.id.hypervisor == self.to)
    }
}
