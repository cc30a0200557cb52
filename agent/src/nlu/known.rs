//! Names that exist where somebody speaks: they bias the reading, and are never mended into something else.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use grammar::kind::Of;
use grammar::known::{Known, Sounds};
use grammar::selector::AT;

use crate::host::{HostRead, Machine, MachineId};
use crate::refusal::at_host;
use crate::skill::AgentRead;

/// Names as seen from one entity.
pub struct KnownHere<'a> {
    /// What the hosts show.
    pub host: &'a dyn HostRead,
    /// The hypervisor spoken to, or that of the machine; `None` at the desk.
    pub hypervisor: Option<&'a str>,
    /// The machine spoken to.
    pub machine: Option<&'a MachineId>,
    /// Who is on whose contact list.
    pub affairs: &'a dyn AgentRead,
    /// Names of things, once they were asked for.
    pub names: RefCell<BTreeMap<Of, Rc<[String]>>>,
    /// Those people, once they were asked for.
    pub people: OnceCell<Vec<String>>,
    /// How machines are called and titled here, once somebody's words were compared with it.
    pub sounds: OnceCell<Sounds>,
}

impl KnownHere<'_> {
    fn machines(&self) -> Vec<Arc<Machine>> {
        self.here(self.host.machines())
    }

    /// Of these, those that are spoken about here.
    fn here(&self, mut machines: Vec<Arc<Machine>>) -> Vec<Arc<Machine>> {
        machines.retain(|machine| self.hypervisor.is_none_or(|hypervisor| machine.id.hypervisor == hypervisor));
        machines
    }

    /// How machines are called and titled here, as it sounds.
    fn of_machines(&self) -> &Sounds {
        self.sounds.get_or_init(|| {
            let machines = self.machines();
            let titles: Vec<String> = machines
                .iter()
                .flat_map(|machine| machine.also_called().map(str::to_owned).collect::<Vec<_>>())
                .collect();
            Sounds::of(self.names(Of::Machine).iter().chain(&titles))
        })
    }

    /// Machines that can't be seen yet, and are known by name.
    fn remembered(&self) -> impl Iterator<Item = (MachineId, String)> {
        let here = |id: &MachineId| self.hypervisor.is_none_or(|hypervisor| id.hypervisor == hypervisor);
        self.host.remembered().into_iter().filter(move |(id, _)| here(id))
    }

    /// The machine spoken to, or all of them.
    fn subjects(&self) -> Vec<Arc<Machine>> {
        match self.machine {
            Some(id) => self.host.machine(id).into_iter().collect(),
            None => self.machines(),
        }
    }
}

impl KnownHere<'_> {
    fn all_names(&self, of: Of) -> Vec<String> {
        let mut names: Vec<String> = match of {
            Of::Machine => {
                let remembered = self.remembered().map(|(_, name)| name);
                self.machines().iter().map(|machine| machine.name.clone()).chain(remembered).collect()
            }
            Of::Hypervisor => self.host.hypervisors().into_iter().map(|hypervisor| hypervisor.name).collect(),
            Of::Disk => self
                .subjects()
                .iter()
                .flat_map(|machine| machine.disks.iter().map(|disk| disk.target.clone()).collect::<Vec<_>>())
                .collect(),
            Of::Snapshot => self
                .subjects()
                .iter()
                .flat_map(|machine| machine.snapshots.iter().map(|snapshot| snapshot.name.clone()).collect::<Vec<_>>())
                .collect(),
            Of::Volume => self
                .subjects()
                .iter()
                .flat_map(|machine| {
                    machine
                        .disks
                        .iter()
                        .filter_map(|disk| disk.volume.as_ref().map(|(_, volume)| volume.clone()))
                        .collect::<Vec<_>>()
                })
                .collect(),
            Of::Pool => {
                let hypervisors = self
                    .host
                    .hypervisors()
                    .into_iter()
                    .filter(|hypervisor| self.hypervisor.is_none_or(|name| hypervisor.name == name));
                hypervisors.flat_map(|hypervisor| self.host.pools(&hypervisor.name)).map(|pool| pool.name).collect()
            }
            Of::Network | Of::Room | Of::Tag | Of::Iso => Vec::new(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Known for KnownHere<'_> {
    fn names(&self, of: Of) -> Rc<[String]> {
        let mut known = self.names.borrow_mut();
        Rc::clone(known.entry(of).or_insert_with(|| self.all_names(of).into()))
    }

    fn people(&self) -> &[String] {
        self.people.get_or_init(|| self.affairs.people())
    }

    fn sounds(&self, of: Of, squeezed: &str) -> Option<String> {
        match of {
            Of::Machine => self.of_machines().get(squeezed),
            of => Sounds::of(self.names(of).iter()).get(squeezed),
        }
    }

    fn has_piece(&self, of: Of, squeezed: &str) -> bool {
        of == Of::Machine && self.of_machines().has_piece(squeezed)
    }

    fn told_apart(&self, name: &str) -> Vec<String> {
        let twins = self.here(self.host.named(name));
        if twins.len() > 1 {
            twins.iter().map(|twin| at_host(&twin.id, &twin.name)).collect()
        } else {
            vec![name.to_owned()]
        }
    }

    fn has(&self, of: Of, name: &str) -> Option<String> {
        if of != Of::Machine {
            let names = self.names(of);
            return names
                .iter()
                .find(|known| *known == name)
                .or_else(|| names.iter().find(|known| known.eq_ignore_ascii_case(name)))
                .cloned();
        }
        let machines = self.here(self.host.named(name));
        let named = machines.iter().find(|machine| machine.name == name).or(machines.first());
        if let Some(machine) = named {
            return Some(machine.name.clone());
        }
        // "web1@hv2": of one of several of a name, the one that is there.
        if let Some((own, host)) = name.rsplit_once(AT) {
            let all = self.here(self.host.named(own));
            let there = all.iter().find(|machine| machine.id.hypervisor.eq_ignore_ascii_case(host))?;
            return Some(if all.len() > 1 { at_host(&there.id, &there.name) } else { there.name.clone() });
        }
        // A title stays as it is: several machines may have it, and which is meant is asked when it is planned.
        let titled = self.here(self.host.also_called(name)).into_iter().next()?;
        titled.also_called().find(|other| other.to_lowercase() == name.to_lowercase()).map(str::to_owned)
    }
}
