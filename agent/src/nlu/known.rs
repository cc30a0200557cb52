//! Names that exist where somebody speaks: they bias the reading, and are never mended into something else.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use grammar::kind::Of;
use grammar::known::{Known, Parts, Sounds};
use grammar::selector::AT;
use parking_lot::Mutex;

use crate::host::{HostRead, Machine, MachineId, Naming};
use crate::refusal::at_host;
use crate::skill::AgentRead;

/// How everything is called, by where it is spoken of: of thousands of machines that is worth to be kept from one message to the next.
#[derive(Default)]
pub struct Callings(Mutex<HashMap<Option<String>, Called>>);

/// How machines and what they have are called at one hypervisor, or everywhere, until something is called otherwise.
#[derive(Clone, Default)]
pub struct Called {
    naming: Naming,
    machines: Arc<Machines>,
    /// Disks, snapshots and volumes, once they were asked for.
    things: Arc<Mutex<BTreeMap<Of, Arc<[String]>>>>,
}

/// Machines' names, and what is found by them, once it was asked for.
#[derive(Default)]
struct Machines {
    names: OnceLock<Arc<[String]>>,
    sounds: OnceLock<Sounds>,
    parts: OnceLock<Parts>,
}

impl Callings {
    /// As it is now at a hypervisor, or everywhere.
    pub fn at(&self, hypervisor: Option<&str>, host: &dyn HostRead) -> Called {
        let (place, naming) = (hypervisor.map(str::to_owned), host.naming());
        let mut all = self.0.lock();
        let known = all.entry(place).or_default();
        if known.naming.machines != naming.machines {
            known.machines = Arc::default();
        }
        if known.naming != naming {
            known.things = Arc::default();
        }
        known.naming = naming;
        known.clone()
    }
}

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
    /// Names of machines here, and of what they all have.
    pub called: Called,
    /// Names of other things, once they were asked for.
    pub names: RefCell<BTreeMap<Of, Arc<[String]>>>,
    /// Those people, once they were asked for.
    pub people: OnceCell<Vec<String>>,
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
        self.called.machines.sounds.get_or_init(|| {
            let machines = self.machines();
            let titles: Vec<String> = machines
                .iter()
                .flat_map(|machine| machine.also_called().map(str::to_owned).collect::<Vec<_>>())
                .collect();
            Sounds::of(self.names(Of::Machine).iter().chain(&titles))
        })
    }

    /// What their names are made of.
    fn parts(&self) -> &Parts {
        self.called.machines.parts.get_or_init(|| Parts::of(&self.names(Of::Machine)))
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
    fn names(&self, of: Of) -> Arc<[String]> {
        let names = || self.all_names(of).into();
        match of {
            Of::Machine => Arc::clone(self.called.machines.names.get_or_init(names)),
            Of::Disk | Of::Snapshot | Of::Volume if self.machine.is_none() => {
                Arc::clone(self.called.things.lock().entry(of).or_insert_with(names))
            }
            _ => Arc::clone(self.names.borrow_mut().entry(of).or_insert_with(names)),
        }
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

    fn with_piece(&self, of: Of, squeezed: &str) -> Option<String> {
        match of {
            Of::Machine => self.parts().with_piece(squeezed).cloned(),
            of => Parts::of(&self.names(of)).with_piece(squeezed).cloned(),
        }
    }

    fn with_word(&self, of: Of, word: &str) -> Vec<String> {
        match of {
            Of::Machine => self.parts().with_word(word).cloned().collect(),
            of => Parts::of(&self.names(of)).with_word(word).cloned().collect(),
        }
    }

    fn many_begin(&self, of: Of, beginning: &str) -> bool {
        match of {
            Of::Machine => self.parts().many_begin(beginning),
            of => Parts::of(&self.names(of)).many_begin(beginning),
        }
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
