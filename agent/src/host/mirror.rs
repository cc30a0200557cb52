//! The mirror: names, states, devices and snapshots of every machine, as events and resyncs left them.
//!
//! Reading it never asks libvirt and never waits for long. Machines are shared (`Arc`) and replaced whole, so that whoever
//! holds one sees a consistent picture. The bridge and the fake write it; everybody reads it through `HostRead`.
//!
//! A machine is its UUID. One that several hosts show is there once, where it counts: where it runs, else where it was.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

use self::compact::compact;
use self::listing::Listing;
pub use self::listing::Naming;
use crate::host::events::state_after;
use crate::host::{EventKind, Feature, Hypervisor, Machine, MachineId, Pool, State};

mod compact;
mod listing;

/// What libvirt tells of the steps of a move may come that late.
const TRAIL: Duration = Duration::from_secs(10);
/// So many machines that are gone are remembered with where they were, beside as many as are there.
const GONE: usize = 4_096;

/// What is known of all hypervisors.
#[derive(Debug, Default)]
pub struct Mirror {
    hosts: RwLock<Fleet>,
}

#[derive(Debug, Default)]
struct Fleet {
    views: Vec<View>,
    /// Where each machine counts, or last did.
    places: HashMap<Uuid, usize>,
    /// Those that count, as they are listed.
    listing: Listing,
    /// Not yet told.
    moves: Vec<Move>,
    moved: HashMap<Uuid, Instant>,
    /// Those that were said to run twice.
    doubled: HashSet<Uuid>,
}

/// A machine that counts on another host than before.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// As it is there.
    pub machine: Arc<Machine>,
    /// Where it was.
    pub from: String,
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

    fn bearers(&self, index: &HashMap<String, Vec<Uuid>>, folded: &str) -> impl Iterator<Item = &Arc<Machine>> {
        index.get(folded).into_iter().flatten().filter_map(|uuid| self.machines.get(uuid))
    }
}

impl Fleet {
    /// Does what may change how a machine is, or where it counts.
    fn change<T>(&mut self, uuid: Uuid, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.find(uuid).cloned();
        let result = f(self);
        self.settle(uuid);
        let after = self.find(uuid).cloned();
        self.listing.change(before.as_ref(), after.as_ref());
        result
    }

    /// Finds out where a machine counts.
    fn settle(&mut self, uuid: Uuid) {
        let before = self.places.get(&uuid).copied();
        let weight = |place: usize| {
            let view = &self.views[place];
            let machine = view.machines.get(&uuid)?;
            Some((weight(machine, view.hypervisor.unreachable.is_none()), before == Some(place), Reverse(place)))
        };
        let Some((.., Reverse(now))) = (0..self.views.len()).filter_map(weight).max() else { return };
        if before == Some(now) {
            return;
        }
        self.places.insert(uuid, now);
        if self.places.len() > GONE + 2 * self.views.iter().map(|view| view.machines.len()).sum::<usize>() {
            let views = &self.views;
            self.places.retain(|uuid, _| views.iter().any(|view| view.machines.contains_key(uuid)));
        }
        // What a first reading finds has not just come there.
        let view = &self.views[now];
        if let Some(before) = before.filter(|_| view.hypervisor.read) {
            let from = self.views[before].hypervisor.name.clone();
            self.moves.push(Move { machine: Arc::clone(&view.machines[&uuid]), from });
            self.moved.retain(|_, at| at.elapsed() < TRAIL);
            self.moved.insert(uuid, Instant::now());
        }
    }

    /// Lists all anew.
    fn relist(&mut self) {
        let views = self.views.iter().enumerate();
        let machines = views.flat_map(|(at, view)| self.counting(at, view.machines.values())).collect();
        self.listing.replace(machines);
    }

    /// The machines of a host that others show too.
    fn shared(&self, hypervisor: &str) -> Vec<Uuid> {
        let shown = self.view(hypervisor).into_iter().flat_map(|view| view.machines.keys().copied());
        shown.filter(|uuid| self.copies(*uuid).nth(1).is_some()).collect()
    }

    /// All that hosts show of a machine.
    fn copies(&self, uuid: Uuid) -> impl Iterator<Item = &Arc<Machine>> {
        self.views.iter().filter_map(move |view| view.machines.get(&uuid))
    }

    fn find(&self, uuid: Uuid) -> Option<&Arc<Machine>> {
        self.views.get(*self.places.get(&uuid)?)?.machines.get(&uuid)
    }

    /// Of machines of one view, those that count there.
    fn counting<'a>(
        &'a self,
        view: usize,
        machines: impl Iterator<Item = &'a Arc<Machine>>,
    ) -> impl Iterator<Item = Arc<Machine>> {
        machines.filter(move |machine| self.places.get(&machine.id.uuid) == Some(&view)).cloned()
    }

    fn view(&self, hypervisor: &str) -> Option<&View> {
        self.views.iter().find(|view| view.hypervisor.name == hypervisor)
    }

    fn view_mut(&mut self, hypervisor: &str) -> Option<&mut View> {
        self.views.iter_mut().find(|view| view.hypervisor.name == hypervisor)
    }
}

/// How much it counts that a host shows a machine so: what runs before what does not, what is there before what comes or goes. One that
/// is seen to run is where it is, whatever was last seen of a host that can't be reached; one that is off is not.
fn weight(machine: &Machine, reachable: bool) -> u8 {
    match machine.state {
        State::Off => 0,
        _ if machine.moving => 1,
        State::Paused | State::Asleep | State::Crashed => 2,
        State::Running => 3 + u8::from(reachable),
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
        let views = hosts.into_iter().map(view).collect();
        Self { hosts: RwLock::new(Fleet { views, ..Fleet::default() }) }
    }

    /// All hypervisors, in the order of the configuration.
    pub fn hypervisors(&self) -> Vec<Hypervisor> {
        self.read().views.iter().map(|view| view.hypervisor.clone()).collect()
    }

    /// All machines by name, then by hypervisor.
    pub fn machines(&self) -> Vec<Arc<Machine>> {
        self.read().listing.machines()
    }

    /// Other numbers than before whenever anything is called otherwise.
    pub fn naming(&self) -> Naming {
        self.read().listing.naming()
    }

    /// One machine, where it counts.
    pub fn machine(&self, id: &MachineId) -> Option<Arc<Machine>> {
        self.read().find(id.uuid).cloned()
    }

    /// What the host that is named shows of it.
    pub fn there(&self, id: &MachineId) -> Option<Arc<Machine>> {
        self.read().view(&id.hypervisor)?.machines.get(&id.uuid).cloned()
    }

    /// Whether what is heard of it from the host that is named is news: it counts there, and it is no step of a move.
    pub fn is_news(&self, id: &MachineId, kind: EventKind) -> bool {
        use EventKind::{Defined, MovedAway, MovedHere};
        let hosts = self.read();
        let elsewhere = hosts.find(id.uuid).is_some_and(|machine| machine.id.hypervisor != id.hypervisor);
        let moved = || hosts.moved.get(&id.uuid).is_some_and(|at| at.elapsed() < TRAIL);
        !(elsewhere || matches!(kind, Defined | MovedHere | MovedAway) && moved())
    }

    /// Whether several hosts show it.
    pub fn is_shared(&self, uuid: Uuid) -> bool {
        self.read().copies(uuid).nth(1).is_some()
    }

    /// The machines of a host that others show too.
    pub fn shared(&self, hypervisor: &str) -> Vec<Uuid> {
        self.read().shared(hypervisor)
    }

    /// The second of two hosts on which it runs, once: somebody has to be told.
    pub fn doubled(&self, uuid: Uuid) -> Option<Arc<Machine>> {
        let mut hosts = self.write();
        let runs = |machine: &&Arc<Machine>| machine.state == State::Running && !machine.moving;
        let here = hosts.find(uuid)?.id.hypervisor.clone();
        let other = hosts.copies(uuid).filter(runs).find(|machine| machine.id.hypervisor != here).cloned();
        let Some(other) = other else {
            hosts.doubled.remove(&uuid);
            return None;
        };
        hosts.doubled.insert(uuid).then_some(other)
    }

    /// Which machines count on another host than before, each told once.
    pub fn take_moves(&self) -> Vec<Move> {
        if self.read().moves.is_empty() { Vec::new() } else { std::mem::take(&mut self.write().moves) }
    }

    /// Machines of that name, upper or lower case, in the order of the hypervisors.
    pub fn named(&self, name: &str) -> Vec<Arc<Machine>> {
        self.bearers(name, |view| &view.names)
    }

    /// Machines of that title or name in their metadata, upper or lower case, in the order of the hypervisors.
    pub fn also_called(&self, name: &str) -> Vec<Arc<Machine>> {
        self.bearers(name, |view| &view.titles)
    }

    fn bearers(&self, name: &str, index: fn(&View) -> &HashMap<String, Vec<Uuid>>) -> Vec<Arc<Machine>> {
        let (folded, hosts) = (name.to_lowercase(), self.read());
        let views = hosts.views.iter().enumerate();
        views.flat_map(|(at, view)| hosts.counting(at, view.bearers(index(view), &folded))).collect()
    }

    /// How many machines a hypervisor has.
    pub fn count(&self, hypervisor: &str) -> usize {
        self.with(hypervisor, |view| view.machines.len()).unwrap_or(0)
    }

    /// Takes in machines of before the start; those of a hypervisor that was read already are known better.
    pub fn remember(&self, machines: impl IntoIterator<Item = (MachineId, String)>) {
        let mut hosts = self.write();
        for (id, name) in machines {
            let view = hosts.view_mut(&id.hypervisor).filter(|view| !view.hypervisor.read);
            if let Some(view) = view {
                view.remembered.insert(id.uuid, name);
            }
        }
        hosts.listing.renamed();
    }

    /// The machines of before the start of hypervisors that were not read yet.
    pub fn remembered(&self) -> Vec<(MachineId, String)> {
        let hosts = self.read();
        let all = hosts.views.iter().flat_map(|view| {
            let id = |uuid| MachineId { hypervisor: view.hypervisor.name.clone(), uuid };
            view.remembered.iter().map(move |(uuid, name)| (id(*uuid), name.clone()))
        });
        // One that has been seen elsewhere by now is no memory.
        let mut all: Vec<_> = all.filter(|(id, _)| hosts.find(id.uuid).is_none()).collect();
        all.sort_by(|a, b| (&a.1, &a.0.hypervisor, &a.0).cmp(&(&b.1, &b.0.hypervisor, &b.0)));
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
        let Some(view) = hosts.view_mut(&machine.id.hypervisor) else {
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
        let (uuid, machine) = (machine.id.uuid, Arc::new(machine));
        hosts.change(uuid, |hosts| {
            if let Some(view) = hosts.view_mut(&machine.id.hypervisor) {
                view.insert(machine.clone());
            }
        });
        machine
    }

    /// Notes a state that an event told of, when the machine itself could not be read.
    pub fn set_state(&self, id: &MachineId, state: State, now: Timestamp) {
        if let Some(machine) = self.there(id) {
            self.put(Machine { state, ..Machine::clone(&machine) }, now);
        }
    }

    /// Notes what an event told of, when the machine itself could not be read.
    pub fn note(&self, id: &MachineId, kind: EventKind, now: Timestamp) {
        if let Some(state) = state_after(kind)
            && let Some(machine) = self.there(id)
        {
            let saved = kind == EventKind::Saved;
            self.put(Machine { state, saved, ..Machine::clone(&machine) }, now);
        }
    }

    /// Notes that a machine that runs was asked to shut down, then; or that it is not on its way down after all.
    pub fn set_ending(&self, id: &MachineId, ending: Option<Timestamp>) {
        self.write().change(id.uuid, |hosts| {
            if let Some(machine) = hosts.view_mut(&id.hypervisor).and_then(|view| view.machines.get_mut(&id.uuid))
                && machine.state == State::Running
                && machine.ending != ending
            {
                Arc::make_mut(machine).ending = ending;
            }
        });
    }

    /// Forgets a machine that is gone from the host that is named.
    pub fn remove(&self, id: &MachineId) -> Option<Arc<Machine>> {
        self.write().change(id.uuid, |hosts| hosts.view_mut(&id.hypervisor)?.remove(id.uuid))
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
            let before = self.there(&machine.id);
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
        let mut hosts = self.write();
        if let Some(view) = hosts.view_mut(hypervisor) {
            view.hypervisor.read = true;
            view.remembered.clear();
        }
        hosts.listing.renamed();
    }

    /// Puts a hypervisor back to how it is before it is first read: its machines are remembered, and no more than that.
    pub fn set_unread(&self, hypervisor: &str) {
        let mut hosts = self.write();
        if let Some(view) = hosts.view_mut(hypervisor) {
            view.hypervisor.read = false;
            view.names.clear();
            let machines = std::mem::take(&mut view.machines);
            view.remembered = machines.into_iter().map(|(uuid, machine)| (uuid, machine.name.clone())).collect();
        }
        hosts.relist();
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
        let mut hosts = self.write();
        if let Some(view) = hosts.view_mut(hypervisor) {
            view.hypervisor.unreachable = unreachable;
        }
        for uuid in hosts.shared(hypervisor) {
            hosts.change(uuid, |_| ());
        }
    }

    fn with<T>(&self, hypervisor: &str, f: impl FnOnce(&View) -> T) -> Option<T> {
        self.read().view(hypervisor).map(f)
    }

    fn change<T>(&self, hypervisor: &str, f: impl FnOnce(&mut View) -> T) -> Option<T> {
        self.write().view_mut(hypervisor).map(f)
    }

    /// A writer that panicked left whole machines only, so its lock is still good.
    fn read(&self) -> RwLockReadGuard<'_, Fleet> {
        self.hosts.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Fleet> {
        self.hosts.write()
    }
}

#[cfg(test)]
mod tests;
