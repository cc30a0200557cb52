//! The mirror: names, states, devices and snapshots of every machine, as events and resyncs left them.
//!
//! Reading it never asks libvirt and never waits for long. Machines are shared (`Arc`) and replaced whole, so that whoever
//! holds one sees a consistent picture. The bridge and the fake write it; everybody reads it through `HostRead`.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

use crate::host::events::state_after;
use crate::host::{Disk, EventKind, Feature, Hypervisor, Machine, MachineId, Nic, Pool, Snapshot, State};

/// What is known of all hypervisors.
#[derive(Debug, Default)]
pub struct Mirror {
    hosts: RwLock<Vec<View>>,
}

/// One hypervisor.
#[derive(Debug)]
struct View {
    hypervisor: Hypervisor,
    machines: BTreeMap<Uuid, Arc<Machine>>,
    /// Names of machines of before the start, until it was read.
    remembered: BTreeMap<Uuid, String>,
    /// Who has that name, in lower case.
    names: HashMap<String, Vec<Uuid>>,
    /// Who has that title or name in the metadata, in lower case.
    titles: HashMap<String, Vec<Uuid>>,
    pools: Vec<Pool>,
    features: HashSet<Feature>,
}

impl View {
    fn insert(&mut self, machine: Arc<Machine>) {
        let uuid = machine.id.uuid;
        let same =
            |before: &Arc<Machine>| before.name == machine.name && before.also_called().eq(machine.also_called());
        if !self.machines.get(&uuid).is_some_and(same) {
            self.remove(uuid);
            self.names.entry(machine.name.to_lowercase()).or_default().push(uuid);
            for other in machine.also_called() {
                let bearers = self.titles.entry(other.to_lowercase()).or_default();
                if !bearers.contains(&uuid) {
                    bearers.push(uuid);
                }
            }
        }
        self.machines.insert(uuid, machine);
    }

    fn remove(&mut self, uuid: Uuid) -> Option<Arc<Machine>> {
        let machine = self.machines.remove(&uuid)?;
        forget(&mut self.names, &machine.name, uuid);
        for other in machine.also_called() {
            forget(&mut self.titles, other, uuid);
        }
        Some(machine)
    }

    fn bearers(&self, index: &HashMap<String, Vec<Uuid>>, folded: &str) -> Vec<Arc<Machine>> {
        index.get(folded).into_iter().flatten().filter_map(|uuid| self.machines.get(uuid).cloned()).collect()
    }
}

fn forget(index: &mut HashMap<String, Vec<Uuid>>, name: &str, uuid: Uuid) {
    if let Entry::Occupied(mut bearers) = index.entry(name.to_lowercase()) {
        bearers.get_mut().retain(|bearer| *bearer != uuid);
        if bearers.get().is_empty() {
            bearers.remove();
        }
    }
}

/// A machine whose state a resync found other than it was: what happened in between went unheard.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// As it was; `None` when it is new.
    pub before: Option<Arc<Machine>>,
    /// As it is; `None` when it is gone.
    pub after: Option<Arc<Machine>>,
}

impl Mirror {
    /// A mirror of these hypervisors (name and URI), unreachable until they are synced.
    pub fn new(hosts: impl IntoIterator<Item = (String, String)>, now: Timestamp) -> Self {
        let view = |(name, uri)| View {
            hypervisor: Hypervisor { name, uri, unreachable: Some((now, String::new())), read: false },
            machines: BTreeMap::new(),
            remembered: BTreeMap::new(),
            names: HashMap::new(),
            titles: HashMap::new(),
            pools: Vec::new(),
            features: HashSet::new(),
        };
        Self { hosts: RwLock::new(hosts.into_iter().map(view).collect()) }
    }

    /// All hypervisors, in the order of the configuration.
    pub fn hypervisors(&self) -> Vec<Hypervisor> {
        self.read().iter().map(|view| view.hypervisor.clone()).collect()
    }

    /// All machines by name, then by hypervisor.
    pub fn machines(&self) -> Vec<Arc<Machine>> {
        let mut machines: Vec<_> = self.read().iter().flat_map(|view| view.machines.values().cloned()).collect();
        machines.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        machines
    }

    /// One machine.
    pub fn machine(&self, id: &MachineId) -> Option<Arc<Machine>> {
        self.read().iter().find(|view| view.hypervisor.name == id.hypervisor)?.machines.get(&id.uuid).cloned()
    }

    /// Machines of that name, upper or lower case, in the order of the hypervisors.
    pub fn named(&self, name: &str) -> Vec<Arc<Machine>> {
        let folded = name.to_lowercase();
        self.read().iter().flat_map(|view| view.bearers(&view.names, &folded)).collect()
    }

    /// Machines of that title or name in their metadata, upper or lower case, in the order of the hypervisors.
    pub fn also_called(&self, name: &str) -> Vec<Arc<Machine>> {
        let folded = name.to_lowercase();
        self.read().iter().flat_map(|view| view.bearers(&view.titles, &folded)).collect()
    }

    /// How many machines a hypervisor has.
    pub fn count(&self, hypervisor: &str) -> usize {
        self.with(hypervisor, |view| view.machines.len()).unwrap_or(0)
    }

    /// Takes in machines of before the start; those of a hypervisor that was read already are known better.
    pub fn remember(&self, machines: impl IntoIterator<Item = (MachineId, String)>) {
        let mut hosts = self.write();
        for (id, name) in machines {
            let view = hosts.iter_mut().find(|view| view.hypervisor.name == id.hypervisor && !view.hypervisor.read);
            if let Some(view) = view {
                view.remembered.insert(id.uuid, name);
            }
        }
    }

    /// The machines of before the start of hypervisors that were not read yet.
    pub fn remembered(&self) -> Vec<(MachineId, String)> {
        let hosts = self.read();
        let all = hosts.iter().flat_map(|view| {
            let id = |uuid| MachineId { hypervisor: view.hypervisor.name.clone(), uuid };
            view.remembered.iter().map(move |(uuid, name)| (id(*uuid), name.clone()))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
        all
    }

    /// The pools of a hypervisor, by name.
    pub fn pools(&self, hypervisor: &str) -> Vec<Pool> {
        self.with(hypervisor, |view| view.pools.clone()).unwrap_or_default()
    }

    /// Whether a hypervisor can do such things.
    pub fn can(&self, hypervisor: &str, feature: Feature) -> bool {
        self.with(hypervisor, |view| view.features.contains(&feature)).unwrap_or(false)
    }

    /// Notes a machine as it is now. `since` is kept while the state stays, and is `now` when it changed; what it said
    /// itself is not looked at.
    pub fn put(&self, mut machine: Machine, now: Timestamp) -> Arc<Machine> {
        let mut hosts = self.write();
        let Some(view) = hosts.iter_mut().find(|view| view.hypervisor.name == machine.id.hypervisor) else {
            return Arc::new(machine);
        };
        let before = view.machines.get(&machine.id.uuid);
        machine.since = match before {
            Some(before) if before.state == machine.state => before.since,
            Some(_) => Some(now),
            None => None,
        };
        // Both are about a state, and go with it; being told to end is known here alone.
        machine.saved &= machine.state == State::Off;
        machine.ending = before.and_then(|before| before.ending).filter(|_| machine.state == State::Running);
        compact(&mut machine);
        if let Some(before) = before.filter(|before| ***before == machine) {
            return before.clone();
        }
        let machine = Arc::new(machine);
        view.insert(machine.clone());
        machine
    }

    /// Notes a state that an event told of, when the machine itself could not be read.
    pub fn set_state(&self, id: &MachineId, state: State, now: Timestamp) {
        if let Some(machine) = self.machine(id) {
            self.put(Machine { state, ..Machine::clone(&machine) }, now);
        }
    }

    /// Notes what an event told of, when the machine itself could not be read.
    pub fn note(&self, id: &MachineId, kind: EventKind, now: Timestamp) {
        if let Some(state) = state_after(kind)
            && let Some(machine) = self.machine(id)
        {
            let saved = kind == EventKind::Saved;
            self.put(Machine { state, saved, ..Machine::clone(&machine) }, now);
        }
    }

    /// Notes that a machine that runs was asked to shut down, then; or that it is not on its way down after all.
    pub fn set_ending(&self, id: &MachineId, ending: Option<Timestamp>) {
        self.change(&id.hypervisor, |view| {
            if let Some(machine) = view.machines.get_mut(&id.uuid)
                && machine.state == State::Running
                && machine.ending != ending
            {
                Arc::make_mut(machine).ending = ending;
            }
        });
    }

    /// Forgets a machine that is gone.
    pub fn remove(&self, id: &MachineId) -> Option<Arc<Machine>> {
        self.change(&id.hypervisor, |view| view.remove(id.uuid)).flatten()
    }

    /// Puts a full reading in place of what was known, and tells which machines came, went, or changed their state or name.
    pub fn replace(&self, hypervisor: &str, machines: Vec<Machine>, now: Timestamp) -> Vec<Difference> {
        let known: HashSet<Uuid> = machines.iter().map(|machine| machine.id.uuid).collect();
        let gone: Vec<MachineId> = self
            .with(hypervisor, |view| view.machines.values().map(|m| m.id.clone()).collect::<Vec<_>>())
            .unwrap_or_default()
            .into_iter()
            .filter(|id| !known.contains(&id.uuid))
            .collect();
        let mut differences: Vec<Difference> =
            gone.iter().map(|id| Difference { before: self.remove(id), after: None }).collect();
        for machine in machines {
            let before = self.machine(&machine.id);
            let after = self.put(machine, now);
            if before.as_ref().is_none_or(|before| before.state != after.state || before.name != after.name) {
                differences.push(Difference { before, after: Some(after) });
            }
        }
        self.set_read(hypervisor);
        differences
    }

    /// Notes that what is kept of a hypervisor is all there is: what was remembered of it counts no more.
    pub fn set_read(&self, hypervisor: &str) {
        self.change(hypervisor, |view| {
            view.hypervisor.read = true;
            view.remembered.clear();
        });
    }

    /// Puts a hypervisor back to how it is before it is first read: its machines are remembered, and no more than that.
    pub fn set_unread(&self, hypervisor: &str) {
        self.change(hypervisor, |view| {
            view.hypervisor.read = false;
            view.names.clear();
            let machines = std::mem::take(&mut view.machines);
            view.remembered = machines.into_iter().map(|(uuid, machine)| (uuid, machine.name.clone())).collect();
        });
    }

    /// Notes the pools of a hypervisor.
    pub fn set_pools(&self, hypervisor: &str, mut pools: Vec<Pool>) {
        pools.sort_by(|a, b| a.name.cmp(&b.name));
        self.change(hypervisor, |view| view.pools = pools);
    }

    /// Notes what a hypervisor can do.
    pub fn set_features(&self, hypervisor: &str, features: impl IntoIterator<Item = Feature>) {
        let features = features.into_iter().collect();
        self.change(hypervisor, |view| view.features = features);
    }

    /// Notes that a hypervisor is reachable (`None`) or since when not and why.
    pub fn set_unreachable(&self, hypervisor: &str, unreachable: Option<(Timestamp, String)>) {
        self.change(hypervisor, |view| view.hypervisor.unreachable = unreachable);
    }

    fn with<T>(&self, hypervisor: &str, f: impl FnOnce(&View) -> T) -> Option<T> {
        self.read().iter().find(|view| view.hypervisor.name == hypervisor).map(f)
    }

    fn change<T>(&self, hypervisor: &str, f: impl FnOnce(&mut View) -> T) -> Option<T> {
        self.write().iter_mut().find(|view| view.hypervisor.name == hypervisor).map(f)
    }

    /// A writer that panicked left whole machines only, so its lock is still good.
    fn read(&self) -> RwLockReadGuard<'_, Vec<View>> {
        self.hosts.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<View>> {
        self.hosts.write()
    }
}

/// Gives back what readers and parsers left over: with thousands of machines, spare capacity is most of the memory.
fn compact(machine: &mut Machine) {
    let Machine { id, name, title, description, metadata_name, disks, nics, passed, snapshots, os, .. } = machine;
    id.hypervisor.shrink_to_fit();
    name.shrink_to_fit();
    disks.shrink_to_fit();
    nics.shrink_to_fit();
    passed.shrink_to_fit();
    snapshots.shrink_to_fit();
    for text in [title, description, metadata_name, os].into_iter().flatten() {
        text.shrink_to_fit();
    }
    for Disk { target, device, kind, protocol, source, volume, format, bus, readonly: _, shared: _ } in disks {
        [target, device, kind, format, bus].into_iter().for_each(String::shrink_to_fit);
        for text in [protocol, source].into_iter().flatten() {
            text.shrink_to_fit();
        }
        if let Some((pool, volume)) = volume {
            [pool, volume].into_iter().for_each(String::shrink_to_fit);
        }
    }
    for Nic { mac, kind, source, model } in nics {
        kind.shrink_to_fit();
        for text in [mac, source, model].into_iter().flatten() {
            text.shrink_to_fit();
        }
    }
    for Snapshot { name, .. } in snapshots {
        name.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use grammar::size::Bytes;

    use super::*;

    fn machine(number: u128, state: State) -> Machine {
        let disk = |target: &str| Disk {
            target: target.to_owned(),
            device: "disk".to_owned(),
            kind: "file".to_owned(),
            protocol: None,
            source: Some(format!("/var/lib/libvirt/images/machine-{number}-{target}.qcow2")),
            volume: Some(("default".to_owned(), format!("machine-{number}-{target}.qcow2"))),
            format: "qcow2".to_owned(),
            bus: "virtio".to_owned(),
            readonly: false,
            shared: false,
        };
        let snapshot = |n| Snapshot {
            name: format!("before-upgrade-{n}"),
            created: Timestamp::UNIX_EPOCH,
            state,
            current: false,
            disks: None,
        };
        let id = MachineId { hypervisor: "hv1".to_owned(), uuid: Uuid::from_u128(number) };
        Machine {
            vcpus: 2,
            vcpus_max: 2,
            memory: Bytes(2 << 30),
            memory_max: Bytes(2 << 30),
            disks: vec![disk("vda"), disk("vdb"), disk("vdc")],
            snapshots: (0..5).map(snapshot).collect(),
            os: Some("debian12".to_owned()),
            ..Machine::new(id, format!("machine-{number}"), state)
        }
    }

    fn mirror() -> Mirror {
        Mirror::new([("hv1".to_owned(), "test:///default".to_owned())], Timestamp::UNIX_EPOCH)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn since_is_when_the_state_was_seen_to_change_and_not_earlier() {
        let mirror = mirror();
        assert_eq!(mirror.put(machine(1, State::Off), at(10)).since, None, "nobody knows since when it is off");
        assert_eq!(mirror.put(machine(1, State::Running), at(20)).since, Some(at(20)));
        assert_eq!(mirror.put(machine(1, State::Running), at(30)).since, Some(at(20)));
        mirror.set_state(&machine(1, State::Off).id, State::Paused, at(40));
        assert_eq!(mirror.machines()[0].since, Some(at(40)));
    }

    #[test]
    fn a_machine_on_its_way_down_is_so_until_it_is_off() {
        let mirror = mirror();
        let id = machine(1, State::Off).id;
        mirror.put(machine(1, State::Running), at(1));
        mirror.set_ending(&id, Some(at(2)));
        assert_eq!(mirror.put(Machine { vcpus: 4, ..machine(1, State::Running) }, at(3)).ending, Some(at(2)));
        assert_eq!(mirror.put(machine(1, State::Off), at(4)).ending, None);
        mirror.set_ending(&id, Some(at(5)));
        assert_eq!(mirror.put(machine(1, State::Running), at(6)).ending, None, "what is off is not on its way down");
        mirror.note(&id, EventKind::Saved, at(7));
        assert_eq!((mirror.machines()[0].state, mirror.machines()[0].saved), (State::Off, true));
        assert!(!mirror.put(Machine { saved: true, ..machine(1, State::Running) }, at(8)).saved);
    }

    #[test]
    fn a_resync_tells_who_came_went_and_changed() {
        let mirror = mirror();
        mirror.replace("hv1", vec![machine(1, State::Running), machine(2, State::Off), machine(3, State::Off)], at(1));
        let held = mirror.machine(&machine(2, State::Off).id).unwrap();
        let differences =
            mirror.replace("hv1", vec![machine(1, State::Off), machine(2, State::Off), machine(4, State::Off)], at(2));
        let told: Vec<_> = differences
            .iter()
            .map(|d| (d.before.as_ref().map(|m| m.name.as_str()), d.after.as_ref().map(|m| m.state)))
            .collect();
        let expected = [(Some("machine-3"), None), (Some("machine-1"), Some(State::Off)), (None, Some(State::Off))];
        assert_eq!(told, expected);
        assert!(Arc::ptr_eq(&held, &mirror.machine(&held.id).unwrap()), "what did not change is not copied");
    }

    #[test]
    fn what_is_remembered_counts_until_the_host_is_read_and_no_longer() {
        let mirror = mirror();
        let (web1, gone) = (machine(1, State::Off), machine(2, State::Off));
        mirror.remember([&web1, &gone].map(|machine| (machine.id.clone(), machine.name.clone())));
        assert!(!mirror.hypervisors()[0].read && mirror.machines().is_empty());
        assert_eq!(mirror.remembered().len(), 2);
        mirror.replace("hv1", vec![web1.clone()], at(1));
        assert!(mirror.hypervisors()[0].read && mirror.remembered().is_empty());
        mirror.remember([(gone.id.clone(), gone.name.clone())]);
        assert!(mirror.remembered().is_empty(), "it has been read: that machine is not there");
    }

    #[test]
    fn a_machine_is_found_by_its_present_name_in_any_case_and_by_no_earlier_one() {
        let mirror = mirror();
        mirror.put(machine(1, State::Off), at(1));
        mirror.put(Machine { name: "MACHINE-1".to_owned(), ..machine(2, State::Off) }, at(1));
        mirror.put(Machine { name: "web1".to_owned(), ..machine(1, State::Off) }, at(2));
        let named = |name: &str| mirror.named(name).iter().map(|machine| machine.name.clone()).collect::<Vec<_>>();
        assert_eq!(named("Web1"), ["web1"]);
        assert_eq!(named("machine-1"), ["MACHINE-1"]);
        mirror.remove(&machine(2, State::Off).id);
        assert_eq!(named("machine-1"), [""; 0]);
    }

    #[test]
    fn a_machine_is_found_by_its_present_title_and_metadata_name() {
        let mirror = mirror();
        let title = |title: &str| Some(title.to_owned());
        mirror.put(Machine { title: title("Shop"), ..machine(1, State::Off) }, at(1));
        mirror.put(Machine { metadata_name: title("shop"), title: title("Shop"), ..machine(2, State::Off) }, at(1));
        let called = |name: &str| mirror.also_called(name).iter().map(|m| m.name.clone()).collect::<Vec<_>>();
        assert_eq!(called("SHOP"), ["machine-1", "machine-2"]);
        mirror.put(Machine { title: title("Wiki"), ..machine(1, State::Off) }, at(2));
        assert_eq!((called("shop"), called("wiki")), (vec!["machine-2".to_owned()], vec!["machine-1".to_owned()]));
        mirror.remove(&machine(2, State::Off).id);
        assert_eq!(called("shop"), [""; 0]);
    }

    #[test]
    fn two_thousand_machines_take_less_than_8_kilobytes_each() {
        let resident = || {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
            statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        let mirror = mirror();
        let before = resident();
        for number in 0..2_000 {
            mirror.put(machine(number, State::Running), at(1));
        }
        let each = resident().saturating_sub(before) / 2_000;
        assert_eq!(mirror.count("hv1"), 2_000);
        assert!(each < 8 << 10, "{each} bytes each");
    }
}
