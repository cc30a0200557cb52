//! A host in memory, for transcripts and for trying Atoll without libvirt.
//!
//! Deterministic: fixtures by name, a clock that is set, a journal of what was applied in plain lines
//! (`create volume default/data.qcow2 30 GiB qcow2`), scripted faults, and events as libvirt would send them. The suite in
//! `tests/hosts.rs` holds it to what libvirt does.
//!
//! ```
//! use agent::host::fake::Fake;
//! use agent::host::HostWrite;
//! use agent::ops::Start;
//! let (fake, _events) = Fake::new("two_vms", "2026-01-05T09:00:00Z".parse()?)?;
//! fake.apply(&Start { machine: fake.id("db1").expect("in the fixture") }.into())?;
//! assert_eq!(fake.journal(), ["start db1"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use grammar::size::Bytes;
use jiff::Timestamp;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use super::mirror::Mirror;
use super::{
    DiskUse, EventKind, Feature, HostError, HostErrorKind, HostEvent, HostInfo, HostRead, HostWrite, Hypervisor, Late,
    Machine, MachineId, MachineStats, Naming, Pool, State, Uses, Volume,
};
use crate::ops::Op;

mod fixtures;
mod happen;
mod ops;
mod said;

pub use fixtures::{Fixture, NAMES as FIXTURES};
pub use ops::{At, Fault};

/// The fake host.
#[derive(Debug)]
pub struct Fake {
    mirror: Mirror,
    inner: Mutex<Inner>,
    released: Condvar,
    events: UnboundedSender<HostEvent>,
}

#[derive(Debug)]
struct Inner {
    now: Timestamp,
    /// By hypervisor and pool.
    volumes: BTreeMap<(String, String), Vec<Volume>>,
    journal: Vec<String>,
    /// Ops applied or tried so far, and what is to go wrong at which.
    tried: usize,
    faults: BTreeMap<usize, Trouble>,
    breaks: bool,
    /// Machines whose guests neither shut down nor let go of devices.
    stubborn: HashSet<MachineId>,
    /// Machines that were paused when they were saved.
    saved_paused: HashSet<MachineId>,
    hangs: usize,
    /// Whether what hangs is to stop, and how far it is.
    stops: bool,
    percent: Option<u8>,
    /// Who else uses a volume, by hypervisor, pool and volume: what no machine's list of disks shows.
    uses: BTreeMap<(String, String, String), Uses>,
    /// Ops whose callers were told that there is no answer, and that are still under way.
    stuck: Vec<(Op, Late)>,
}

/// What goes wrong at an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It fails so, and nothing happened.
    Fails(HostErrorKind),
    /// It happens, and yet the caller is told this: what `TimedOut` and `Lost` stand for.
    HappensBut(HostErrorKind),
    /// It hangs until [`Fake::release`], then happens.
    Hangs,
    /// It panics, and nothing happened.
    Breaks,
    /// Its caller is told `TimedOut`, and it is under way until [`Fake::come_back`].
    Stuck,
}

/// There is no fixture of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fixture {0}; there are {all}", all = FIXTURES.join(", "))]
pub struct UnknownFixture(pub String);

/// An `event:` line that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event: {0}")]
pub struct UnknownEvent(pub String);

impl Fake {
    /// A host as the fixture has it, at that time; and everything that will happen to it.
    ///
    /// # Errors
    /// When there is no such fixture.
    pub fn new(fixture: &str, now: Timestamp) -> Result<(Arc<Self>, UnboundedReceiver<HostEvent>), UnknownFixture> {
        let fixture = fixtures::named(fixture).ok_or_else(|| UnknownFixture(fixture.to_owned()))?;
        Ok(Self::of(fixture, now))
    }

    /// A host of that kind, at that time; and everything that will happen to it.
    pub fn of(fixture: Fixture, now: Timestamp) -> (Arc<Self>, UnboundedReceiver<HostEvent>) {
        let (events, heard) = unbounded_channel();
        let mirror = Mirror::new(fixture.hypervisors.iter().cloned(), now);
        let all = [
            Feature::DeviceAttach,
            Feature::Volumes,
            Feature::Snapshots,
            Feature::Reset,
            Feature::Save,
            Feature::BlockJobs,
        ];
        let several = Some(Feature::Migrate).filter(|_| fixture.hypervisors.len() > 1);
        for (hypervisor, _) in &fixture.hypervisors {
            mirror.set_unreachable(hypervisor, None);
            mirror.set_features(hypervisor, all.into_iter().chain(several));
        }
        for machine in fixture.machines {
            mirror.put(machine, now);
        }
        for (hypervisor, _) in &fixture.hypervisors {
            mirror.set_read(hypervisor);
        }
        let inner = Inner {
            now,
            volumes: fixture.volumes,
            journal: Vec::new(),
            tried: 0,
            faults: BTreeMap::new(),
            breaks: false,
            stubborn: HashSet::new(),
            saved_paused: HashSet::new(),
            hangs: 0,
            stops: false,
            percent: None,
            uses: BTreeMap::new(),
            stuck: Vec::new(),
        };
        let fake = Self { mirror, inner: Mutex::new(inner), released: Condvar::new(), events };
        for (hypervisor, _) in fixture.hypervisors {
            let capacity = fixture.capacities.get(&hypervisor).copied().unwrap_or(fixtures::POOL);
            let others = fixture.pools.iter().filter(|(on, _)| *on == hypervisor).map(|(_, pool)| pool.clone());
            let pools = std::iter::once(fixtures::default_pool(capacity)).chain(others).collect();
            fake.mirror.set_pools(&hypervisor, pools);
            fake.count_pools(&fake.lock(), &hypervisor);
        }
        (Arc::new(fake), heard)
    }

    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// What was applied, oldest first.
    pub fn journal(&self) -> Vec<String> {
        self.lock().journal.clone()
    }

    /// What was applied since this was last called.
    pub fn take_journal(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().journal)
    }

    /// The machine of that name, on the first hypervisor that has one.
    pub fn id(&self, name: &str) -> Option<MachineId> {
        self.mirror.machines().iter().find(|machine| machine.name == name).map(|machine| machine.id.clone())
    }

    /// Has the next plan that looks at a machine panic.
    pub fn break_plan(&self) {
        self.lock().breaks = true;
    }

    /// Has the `nth` op from now (1: the next) go wrong.
    pub fn trouble(&self, nth: usize, trouble: Trouble) {
        let mut inner = self.lock();
        let at = inner.tried + nth;
        inner.faults.insert(at, trouble);
    }

    /// Has the `nth` op from now fail so, with nothing done.
    pub fn fail(&self, nth: usize, kind: HostErrorKind) {
        self.trouble(nth, Trouble::Fails(kind));
    }

    /// Lets all hanging ops go on.
    pub fn release(&self) {
        self.lock().hangs = 0;
        self.released.notify_all();
    }

    /// Says how far what hangs is.
    pub fn set_progress(&self, percent: Option<u8>) {
        self.lock().percent = percent;
    }

    /// Has all ops come back that nobody waited for: they happen, or fail so.
    pub fn come_back(&self, fails: Option<HostErrorKind>) {
        let stuck = std::mem::take(&mut self.lock().stuck);
        for (op, late) in stuck {
            let ended = match fails {
                Some(kind) => Err(error(kind, op.operation(), &op.subject(&self.mirror))),
                None => self.performed(&op),
            };
            // Whoever asked may have gone.
            let _ = late.send(ended);
        }
    }

    fn performed(&self, op: &Op) -> Result<(), HostError> {
        self.perform(op).map_err(|stumble| HostError {
            reason: stumble.reason,
            ..error(stumble.kind, op.operation(), &op.subject(&self.mirror))
        })
    }

    /// Whether an op hangs now.
    pub fn is_hanging(&self) -> bool {
        self.lock().hangs > 0
    }

    /// Has the guest ignore requests to shut down or to let go of a disk, or obey again.
    pub fn set_stubborn(&self, id: &MachineId, stubborn: bool) {
        let mut inner = self.lock();
        if stubborn {
            inner.stubborn.insert(id.clone())
        } else {
            inner.stubborn.remove(id)
        };
    }

    /// Has somebody use a volume in a way that no list of disks shows: as a backing file, in a definition.
    pub fn set_used(&self, hypervisor: &str, pool: &str, volume: &str, uses: Uses) {
        let key = (hypervisor.to_owned(), pool.to_owned(), volume.to_owned());
        self.lock().uses.insert(key, uses);
    }

    /// Deletes a machine and defines another of the same name, as somebody else would.
    pub fn remake(&self, name: &str) -> Option<MachineId> {
        let before = self.mirror.machine(&self.id(name)?)?;
        let now = self.lock().now;
        self.mirror.remove(&before.id);
        self.tell(&before, EventKind::Undefined, now);
        let uuid = uuid::Uuid::from_u128(before.id.uuid.as_u128() ^ (1 << 64));
        let id = MachineId { uuid, ..before.id.clone() };
        let after = self.mirror.put(Machine { id: id.clone(), ..Machine::clone(&before) }, now);
        self.tell(&after, EventKind::Defined, now);
        Some(id)
    }

    /// Starts or stops a pool, as somebody else would.
    pub fn set_pool_active(&self, hypervisor: &str, name: &str, active: bool) {
        let mut pools = self.mirror.pools(hypervisor);
        pools.iter_mut().filter(|pool| pool.name == name).for_each(|pool| pool.active = active);
        self.mirror.set_pools(hypervisor, pools);
    }

    /// Adds a pool.
    pub fn add_pool(&self, hypervisor: &str, pool: Pool) {
        let mut pools = self.mirror.pools(hypervisor);
        pools.push(pool);
        self.mirror.set_pools(hypervisor, pools);
    }

    /// Says what a hypervisor can do.
    pub fn set_features(&self, hypervisor: &str, features: &[Feature]) {
        self.mirror.set_features(hypervisor, features.iter().copied());
    }

    fn tell(&self, machine: &Machine, kind: EventKind, at: Timestamp) {
        self.tell_with(machine, kind, None, at);
    }

    fn tell_with(&self, machine: &Machine, kind: EventKind, was: Option<String>, at: Timestamp) {
        let event = HostEvent {
            hypervisor: machine.id.hypervisor.clone(),
            machine: Some((machine.id.clone(), machine.name.clone())),
            kind,
            was,
            at,
            steady: steady_at(at),
        };
        // Nobody listening is fine: many tests don't.
        let _ = self.events.send(event);
    }

    /// Tells of the machines that are on another host now.
    fn tell_moves(&self) {
        let now = self.lock().now;
        for moved in self.mirror.take_moves() {
            self.tell_with(&moved.machine, EventKind::Moved, Some(moved.from), now);
        }
    }

    fn tell_host(&self, hypervisor: &str, kind: EventKind) {
        let at = self.lock().now;
        let (hypervisor, steady) = (hypervisor.to_owned(), steady_at(at));
        let _ = self.events.send(HostEvent { hypervisor, machine: None, kind, was: None, at, steady });
    }

    /// What is free in a pool follows from its volumes.
    fn count_pools(&self, inner: &Inner, hypervisor: &str) {
        let mut pools = self.mirror.pools(hypervisor);
        for pool in &mut pools {
            let volumes = inner.volumes.get(&(hypervisor.to_owned(), pool.name.clone()));
            let used: u64 = volumes.into_iter().flatten().map(|volume| volume.allocation.0).sum();
            pool.available = Bytes(pool.capacity.0.saturating_sub(used));
        }
        self.mirror.set_pools(hypervisor, pools);
    }

    /// The reachable hypervisor and machine of a live call.
    fn live(&self, id: &MachineId, operation: &'static str) -> Result<Arc<Machine>, HostError> {
        self.reachable(&id.hypervisor, operation)?;
        self.mirror.machine(id).ok_or_else(|| error(HostErrorKind::NotFound, operation, &id.to_string()))
    }

    fn reachable(&self, hypervisor: &str, operation: &'static str) -> Result<(), HostError> {
        let hypervisors = self.mirror.hypervisors();
        match hypervisors.iter().find(|known| known.name == hypervisor) {
            None => Err(error(HostErrorKind::NotFound, operation, hypervisor)),
            Some(Hypervisor { unreachable: Some(_), .. }) => {
                Err(error(HostErrorKind::Unreachable, operation, hypervisor))
            }
            Some(_) => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

/// The fake's own clock is never set back.
fn steady_at(now: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(now.as_nanosecond()).unwrap_or(0))
}

fn error(kind: HostErrorKind, operation: &'static str, on: &str) -> HostError {
    HostError { kind, operation, on: on.to_owned(), reason: None, source: None }
}

impl HostRead for Fake {
    fn progress(&self, _: &Op) -> Result<Option<u8>, HostError> {
        Ok(self.lock().percent)
    }

    fn hypervisors(&self) -> Vec<Hypervisor> {
        self.mirror.hypervisors()
    }

    fn machines(&self) -> Vec<Arc<Machine>> {
        self.mirror.machines()
    }

    fn look_again(&self, id: &MachineId) -> Option<Arc<Machine>> {
        let breaks = std::mem::take(&mut self.lock().breaks);
        assert!(!breaks, "on purpose: a plan breaks");
        self.machine(id)
    }

    fn machine(&self, id: &MachineId) -> Option<Arc<Machine>> {
        self.mirror.machine(id)
    }

    fn naming(&self) -> Naming {
        self.mirror.naming()
    }

    fn named(&self, name: &str) -> Vec<Arc<Machine>> {
        self.mirror.named(name)
    }

    fn also_called(&self, name: &str) -> Vec<Arc<Machine>> {
        self.mirror.also_called(name)
    }

    fn remembered(&self) -> Vec<(MachineId, String)> {
        self.mirror.remembered()
    }

    fn usage(&self, hypervisor: &str) -> Result<HashMap<Uuid, MachineStats>, HostError> {
        self.reachable(hypervisor, "read statistics of")?;
        let machines = self.mirror.machines();
        let on = machines.iter().filter(|machine| machine.id.hypervisor == hypervisor);
        Ok(on.filter_map(|machine| Some((machine.id.uuid, self.stats(&machine.id).ok()?))).collect())
    }

    fn pools(&self, hypervisor: &str) -> Vec<Pool> {
        self.mirror.pools(hypervisor)
    }

    fn can(&self, hypervisor: &str, feature: Feature) -> bool {
        self.mirror.can(hypervisor, feature)
    }

    fn steady(&self) -> Duration {
        steady_at(self.lock().now)
    }

    fn stats(&self, id: &MachineId) -> Result<MachineStats, HostError> {
        let machine = self.live(id, "read statistics of")?;
        if !matches!(machine.state, State::Running | State::Paused) {
            return Err(error(HostErrorKind::WrongState, "read statistics of", &machine.name));
        }
        Ok(MachineStats {
            cpu_percent: Some(if machine.state == State::Running { 12.0 } else { 0.0 }),
            memory_used: Some(Bytes(machine.memory.0 / 4)),
            disk_bytes: Some((120 << 20, 40 << 20)),
            net_bytes: Some((30 << 20, 8 << 20)),
        })
    }

    fn disk_use(&self, id: &MachineId, target: &str) -> Result<DiskUse, HostError> {
        let machine = self.live(id, "read the disk of")?;
        let missing = || error(HostErrorKind::NotFound, "read the disk of", &machine.name);
        let disk = machine.disks.iter().find(|disk| disk.target == target).ok_or_else(missing)?;
        let (pool, name) = disk.volume.as_ref().ok_or_else(missing)?;
        let volumes = self.volumes(&id.hypervisor, pool)?;
        let volume = volumes.iter().find(|volume| volume.name == *name).ok_or_else(missing)?;
        Ok(DiskUse { capacity: volume.capacity, allocation: volume.allocation })
    }

    fn networks(&self, hypervisor: &str) -> Result<Vec<String>, HostError> {
        self.reachable(hypervisor, "list the networks of")?;
        Ok(vec!["default".to_owned()])
    }

    fn volumes(&self, hypervisor: &str, pool: &str) -> Result<Vec<Volume>, HostError> {
        self.reachable(hypervisor, "list the volumes of")?;
        if !self.mirror.pools(hypervisor).iter().any(|known| known.name == pool) {
            return Err(error(HostErrorKind::NotFound, "list the volumes of", pool));
        }
        let key = (hypervisor.to_owned(), pool.to_owned());
        Ok(self.lock().volumes.get(&key).cloned().unwrap_or_default())
    }

    fn uses(&self, hypervisor: &str, pool: &str, volume: &str) -> Result<Uses, HostError> {
        let operation = "look for users of";
        if !self.volumes(hypervisor, pool)?.iter().any(|known| known.name == volume) {
            return Err(error(HostErrorKind::NotFound, operation, volume));
        }
        Ok(self.uses_of(hypervisor, pool, volume))
    }

    fn host_info(&self, hypervisor: &str) -> Result<HostInfo, HostError> {
        self.reachable(hypervisor, "read")?;
        let mut machines = self.mirror.machines();
        machines.retain(|machine| machine.id.hypervisor == hypervisor);
        let sum = |sum: u64, machine: &Arc<Machine>| sum.saturating_add(machine.memory.0);
        let all = machines.iter().fold(0, sum);
        let used = machines.iter().filter(|machine| machine.state != State::Off).fold(0, sum);
        // As much as all machines need.
        let mut memory: u64 = 64 << 30;
        while memory < all {
            memory = memory.saturating_mul(2);
        }
        Ok(HostInfo {
            hostname: format!("{hypervisor}.example.org"),
            cpu_model: "x86_64".to_owned(),
            cpus: 16,
            memory: Bytes(memory),
            free_memory: Some(Bytes(memory - used)),
            driver: "QEMU".to_owned(),
            version: "7.2.0".to_owned(),
            libvirt: "9.0.0".to_owned(),
        })
    }
}

impl HostWrite for Fake {
    fn apply(&self, op: &Op) -> Result<(), HostError> {
        self.apply_late(op, channel().0)
    }

    fn apply_late(&self, op: &Op, late: Late) -> Result<(), HostError> {
        let told = {
            let mut inner = self.lock();
            inner.tried += 1;
            let tried = inner.tried;
            let trouble = inner.faults.remove(&tried);
            if let Some(Trouble::Fails(kind)) = trouble {
                return Err(error(kind, op.operation(), &op.subject(&self.mirror)));
            }
            if trouble == Some(Trouble::Breaks) {
                drop(inner);
                panic!("on purpose: an op breaks");
            }
            if trouble == Some(Trouble::Stuck) {
                inner.stuck.push((op.clone(), late));
                return Err(error(HostErrorKind::TimedOut, op.operation(), &op.subject(&self.mirror)));
            }
            if trouble == Some(Trouble::Hangs) {
                inner.hangs += 1;
                self.released.wait_while(&mut inner, |inner| inner.hangs > 0);
                if std::mem::take(&mut inner.stops) {
                    return Err(error(HostErrorKind::Stopped, op.operation(), &op.subject(&self.mirror)));
                }
            }
            match trouble {
                Some(Trouble::HappensBut(kind)) => Some(error(kind, op.operation(), &op.subject(&self.mirror))),
                _ => None,
            }
        };
        self.performed(op)?;
        told.map_or(Ok(()), Err)
    }

    fn stop(&self, op: &Op) -> Result<(), HostError> {
        let mut inner = self.lock();
        if inner.hangs == 0 {
            return Err(error(HostErrorKind::WrongState, "stop", &op.subject(&self.mirror)));
        }
        (inner.hangs, inner.stops) = (0, true);
        self.released.notify_all();
        Ok(())
    }
}
