//! How ops are done on the fake: each by its own file in `ops/`, with what [`At`] offers, and its event as libvirt's would come.

use grammar::size::Bytes;
use jiff::Timestamp;

use super::Fake;
use crate::host::HostErrorKind as Kind;
use crate::host::{EventKind, Feature, Machine, MachineId, Nic, Reason, State, Unseen, Use, UsedAs, Uses, Volume};
use crate::ops::{ClonedDisk, Copied, Op};

/// A fresh qcow2 image takes this much.
const FRESH: Bytes = Bytes(196_608);

impl Fake {
    /// Does an op, writes it down, and tells.
    pub(super) fn perform(&self, op: &Op) -> Result<(), Fault> {
        let hypervisor = op.hypervisor().ok_or(Kind::Unsupported)?;
        self.reachable(hypervisor, op.operation()).map_err(|error| Fault::from(error.kind))?;
        let before = match op.machine() {
            Some(id) => Some(self.mirror.machine(id).ok_or(Kind::NotFound)?),
            None => None,
        };
        if before.as_ref().is_some_and(|machine| !op.kind().can_be_done(machine.state)) {
            return Err(Kind::WrongState.into());
        }
        let machine = before.as_deref().cloned();
        let mut at = At { fake: self, hypervisor, machine };
        let event = op.on_fake(&mut at)?;
        let after = at.machine;
        let now = {
            let mut inner = self.lock();
            inner.journal.push(op.line(before.as_ref().map_or("", |machine| &machine.name)));
            self.count_pools(&inner, hypervisor);
            if let Some(other) = op.reaches() {
                self.count_pools(&inner, other);
            }
            inner.now
        };
        let (Some(before), Some(after)) = (before, after) else { return Ok(()) };
        // A machine without a definition is gone when it is off.
        if after.id.hypervisor != before.id.hypervisor {
            self.mirror.put(after, now);
            self.mirror.remove(&before.id);
            self.tell_moves();
        } else if after.persistent || after.state != State::Off {
            self.mirror.put(after, now);
        } else {
            self.mirror.remove(&after.id);
        }
        if op.kind().asks_to_end() {
            self.mirror.set_ending(&before.id, Some(now));
        } else if event == Some(EventKind::Rebooted) {
            self.mirror.set_ending(&before.id, None);
        }
        if let Some(event) = event {
            self.tell(&before, event, now);
        }
        Ok(())
    }

    /// The disks of all machines, and what the test says besides.
    pub(super) fn uses_of(&self, hypervisor: &str, pool: &str, volume: &str) -> Uses {
        let is_it = |(p, v): &(String, String)| p == pool && v == volume;
        let machines = self.mirror.machines();
        let machines = machines.iter().filter(|machine| machine.id.hypervisor == hypervisor);
        let disks = machines.flat_map(|machine| machine.disks.iter().map(move |disk| (machine, disk)));
        let mut uses = Uses::default();
        for (machine, disk) in disks.filter(|(_, disk)| disk.volume.as_ref().is_some_and(is_it)) {
            let target = disk.target.clone();
            let role = if disk.is_disk() { UsedAs::Disk(target) } else { UsedAs::Drive(target) };
            uses.by.push(Use::Machine { name: machine.name.clone(), role });
        }
        let key = (hypervisor.to_owned(), pool.to_owned(), volume.to_owned());
        if let Some(said) = self.lock().uses.get(&key) {
            uses.by.extend(said.by.iter().cloned());
            uses.unseen.extend(said.unseen.iter().cloned());
        }
        let stopped = self.mirror.pools(hypervisor).into_iter().filter(|pool| !pool.active);
        uses.unseen.extend(stopped.map(|pool| Unseen::Pool(pool.name)));
        uses
    }
}

/// Where an op is done in memory: the host, and the machine that the op is about, as it will be.
pub struct At<'a> {
    fake: &'a Fake,
    hypervisor: &'a str,
    machine: Option<Machine>,
}

impl At<'_> {
    /// The machine, to be changed.
    pub fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("an op on a machine asks for it")
    }

    /// Whether its guest does what it is asked.
    pub fn obeys(&self) -> bool {
        let id = &self.machine.as_ref().expect("an op on a machine asks for it").id;
        !self.fake.lock().stubborn.contains(id)
    }

    /// Saves its memory, and whether it was paused.
    pub fn save(&mut self) {
        let fake = self.fake;
        let machine = self.machine();
        if machine.state == State::Paused {
            fake.lock().saved_paused.insert(machine.id.clone());
        }
        (machine.state, machine.saved) = (State::Off, true);
    }

    /// Lets it go on from where it was saved, as it was then; false where nothing was saved.
    pub fn restore(&mut self) -> bool {
        let fake = self.fake;
        let machine = self.machine();
        let was_paused = fake.lock().saved_paused.remove(&machine.id);
        if !std::mem::take(&mut machine.saved) {
            return false;
        }
        machine.state = if was_paused { State::Paused } else { State::Running };
        true
    }

    /// The host's clock.
    pub fn now(&self) -> Timestamp {
        self.fake.lock().now
    }

    /// Fails where the host can't do such things.
    pub fn needs(&self, feature: Feature) -> Result<(), Fault> {
        if self.fake.mirror.can(self.hypervisor, feature) { Ok(()) } else { Err(Kind::Unsupported.into()) }
    }

    /// Fails where no pool of that name is there and active.
    pub fn pool(&self, name: &str) -> Result<(), Fault> {
        let pools = self.fake.mirror.pools(self.hypervisor);
        let pool = pools.iter().find(|known| known.name == name).ok_or(Kind::NotFound)?;
        if pool.active { Ok(()) } else { Err(Kind::WrongState.into()) }
    }

    /// A volume.
    pub fn volume(&self, pool: &str, name: &str) -> Option<Volume> {
        let inner = self.fake.lock();
        let volumes = inner.volumes.get(&(self.hypervisor.to_owned(), pool.to_owned()))?;
        volumes.iter().find(|known| known.name == name).cloned()
    }

    /// Creates an empty volume.
    pub fn create_volume(&self, pool: &str, name: &str, capacity: Bytes) -> Result<(), Fault> {
        if self.volume(pool, name).is_some() {
            return Err(Kind::Exists.into());
        }
        let path = format!("/var/lib/libvirt/images/{name}");
        let volume = Volume { name: name.to_owned(), path, capacity, allocation: FRESH };
        let mut inner = self.fake.lock();
        let volumes = inner.volumes.entry((self.hypervisor.to_owned(), pool.to_owned())).or_default();
        volumes.push(volume);
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    /// Fills a volume up to so much.
    pub fn fill_volume(&self, pool: &str, name: &str, allocation: Bytes) {
        let mut inner = self.fake.lock();
        let volumes = inner.volumes.entry((self.hypervisor.to_owned(), pool.to_owned())).or_default();
        volumes.iter_mut().filter(|known| known.name == name).for_each(|known| known.allocation = allocation);
    }

    /// Has a disk of the machine be in another volume, with what it holds.
    pub fn move_disk(&mut self, target: &str, pool: &str, name: &str) -> Result<(), Fault> {
        let to = self.volume(pool, name).ok_or(Kind::NotFound)?;
        let disk = self.machine().disks.iter_mut().find(|disk| disk.target == target).ok_or(Kind::NotFound)?;
        let from = disk.volume.replace((pool.to_owned(), name.to_owned()));
        disk.source = Some(to.path);
        let held =
            from.and_then(|(pool, name)| self.volume(&pool, &name)).map_or(to.allocation, |from| from.allocation);
        self.fill_volume(pool, name, held.max(to.allocation));
        Ok(())
    }

    /// Defines a copy of the machine: off, with those disks of its own, and with nothing that only one can have.
    pub fn define_clone(&mut self, name: &str, disks: &[ClonedDisk]) -> Result<(), Fault> {
        if self.fake.mirror.named(name).iter().any(|known| known.id.hypervisor == self.hypervisor && known.name == name)
        {
            let reason = Reason::new("exists_machine").with("name", name);
            return Err(Fault { kind: Kind::Exists, reason: Some(reason) });
        }
        let last = self.fake.mirror.machines().iter().map(|known| known.id.uuid.as_u128()).max().unwrap_or_default();
        let source = self.machine().clone();
        let id = MachineId { uuid: uuid::Uuid::from_u128(last + 1), ..source.id.clone() };
        let mut machine = Machine {
            vcpus: source.vcpus,
            vcpus_max: source.vcpus_max,
            memory: source.memory,
            memory_max: source.memory_max,
            description: source.description,
            os: source.os,
            disks: source.disks,
            nics: source.nics.into_iter().map(|nic| Nic { mac: None, ..nic }).collect(),
            ..Machine::new(id, name, State::Off)
        };
        for disk in machine.disks.iter_mut().filter(|disk| disk.is_disk() && !disk.readonly && !disk.shared) {
            let to = disks.iter().find(|to| to.target == disk.target).ok_or(Kind::Unsupported)?;
            let volume = self.volume(&to.pool, &to.volume).ok_or(Kind::NotFound)?;
            disk.volume = Some((to.pool.clone(), to.volume.clone()));
            disk.source = Some(volume.path);
        }
        let now = self.now();
        let machine = self.fake.mirror.put(machine, now);
        self.fake.tell(&machine, EventKind::Defined, now);
        Ok(())
    }

    /// Deletes a volume.
    pub fn delete_volume(&self, pool: &str, name: &str) -> Result<(), Fault> {
        self.volume(pool, name).ok_or(Kind::NotFound)?;
        let mut inner = self.fake.lock();
        let volumes = inner.volumes.entry((self.hypervisor.to_owned(), pool.to_owned())).or_default();
        volumes.retain(|known| known.name != name);
        Ok(())
    }

    /// Has the machine be on another host, with copies of these disks.
    pub fn migrate(&mut self, to: &str, disks: &[Copied]) -> Result<(), Fault> {
        self.fake.reachable(to, "migrate").map_err(|error| Fault::from(error.kind))?;
        let there = At { fake: self.fake, hypervisor: to, machine: None };
        there.needs(Feature::Migrate)?;
        let machine = self.machine();
        let id = MachineId { hypervisor: to.to_owned(), ..machine.id.clone() };
        let named = there.fake.mirror.named(&machine.name);
        if there.fake.mirror.there(&id).is_some() || named.iter().any(|other| other.id.hypervisor == to) {
            return Err(Kind::Exists.into());
        }
        machine.id = id;
        for disk in disks {
            there.pool(&disk.pool)?;
            let allocation = self.volume(&disk.pool, &disk.volume).ok_or(Kind::NotFound)?.allocation;
            there.create_volume(&disk.pool, &disk.volume, disk.capacity)?;
            there.fill_volume(&disk.pool, &disk.volume, allocation);
        }
        Ok(())
    }

    /// Refuses what a machine has left behind unless it is away from here, and has that disk where it is now.
    pub fn refuse_not_moved(
        &self,
        machine: &MachineId,
        now_on: &str,
        target: &str,
        (pool, volume): (&str, &str),
    ) -> Result<(), Fault> {
        let place = Some((pool.to_owned(), volume.to_owned()));
        let there = self.fake.mirror.there(&MachineId { hypervisor: now_on.to_owned(), ..machine.clone() });
        let has = there.is_some_and(|there| there.disks.iter().any(|d| d.target == target && d.volume == place));
        if has && self.fake.mirror.there(machine).is_none() { Ok(()) } else { Err(Kind::WrongState.into()) }
    }

    /// Refuses a volume that somebody uses: [`Uses::refusal`].
    pub fn refuse_used(&self, pool: &str, volume: &str, all_seen: bool) -> Result<(), Fault> {
        match self.fake.uses_of(self.hypervisor, pool, volume).refusal(volume, all_seen) {
            Some(reason) => Err(Fault { kind: Kind::Busy, reason: Some(reason) }),
            None => Ok(()),
        }
    }
}

/// Why an op was not done.
#[derive(Debug)]
pub struct Fault {
    /// What sort.
    pub kind: Kind,
    /// Why, where more is known.
    pub reason: Option<Reason>,
}

impl From<Kind> for Fault {
    fn from(kind: Kind) -> Self {
        Self { kind, reason: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{FIXTURES, Trouble};
    use crate::host::{HostRead, HostWrite};
    use crate::ops;

    fn now() -> jiff::Timestamp {
        "2026-01-05T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_journal_reads_as_a_transcript_does_and_the_events_follow() {
        let (fake, mut events) = Fake::new("two_vms", now()).unwrap();
        let web1 = fake.id("web1").unwrap();
        let (hypervisor, pool, format) = ("hv1".to_owned(), "default".to_owned(), "qcow2".to_owned());
        let name = "data.qcow2".to_owned();
        let capacity = Bytes(30 << 30);
        let create =
            ops::CreateVolume { hypervisor, pool: pool.clone(), name: name.clone(), format: format.clone(), capacity };
        fake.apply(&create.into()).unwrap();
        let attach =
            Op::from(ops::AttachDisk { machine: web1.clone(), pool, volume: name, format, target: "vdb".to_owned() });
        fake.apply(&attach).unwrap();
        fake.apply(&ops::Shutdown { machine: web1.clone() }.into()).unwrap();
        let lines =
            ["create volume default/data.qcow2 30 GiB qcow2", "attach web1 vdb default/data.qcow2", "shut down web1"];
        assert_eq!(fake.take_journal(), lines);
        assert_eq!(fake.machine(&web1).unwrap().since, Some(now()));
        let kinds: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::DeviceAdded, EventKind::ShutDown]);
    }

    #[test]
    fn scripted_trouble_comes_at_its_op_and_says_truly_whether_something_was_done() {
        let (fake, _events) = Fake::new("two_vms", now()).unwrap();
        let db1 = fake.id("db1").unwrap();
        fake.fail(1, Kind::Busy);
        fake.trouble(2, Trouble::HappensBut(Kind::TimedOut));
        let start = Op::from(ops::Start { machine: db1.clone() });
        assert_eq!(fake.apply(&start).unwrap_err().kind, Kind::Busy);
        assert_eq!(fake.machine(&db1).unwrap().state, State::Off);
        assert_eq!(fake.apply(&start).unwrap_err().kind, Kind::TimedOut);
        assert_eq!(fake.machine(&db1).unwrap().state, State::Running);
        assert_eq!(fake.journal(), ["start db1"]);
    }

    #[test]
    fn events_from_outside_name_any_machine_also_one_with_a_space() {
        let (fake, mut events) = Fake::new("fleet", now()).unwrap();
        fake.happen("vm 42 crashed").unwrap();
        fake.happen("hv2 lost").unwrap();
        assert_eq!(events.try_recv().unwrap().machine.unwrap().1, "vm 42");
        assert_eq!(events.try_recv().unwrap().kind, EventKind::HostLost);
        assert_eq!(fake.machine(&fake.id("vm 42").unwrap()).unwrap().state, State::Crashed);
        let start = Op::from(ops::Pause { machine: fake.id("cache1").unwrap() });
        assert_eq!(fake.apply(&start).unwrap_err().kind, Kind::Unreachable);
        for bad in ["", "web1", "web9 crashed", "web1 exploded", "hv1 crashed"] {
            assert!(fake.happen(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_fixture_is_there_and_an_unknown_one_is_named() {
        for name in FIXTURES {
            assert!(Fake::new(name, now()).is_ok(), "{name}");
        }
        let unknown = Fake::new("three_vms", now()).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "no fixture three_vms; there are two_vms, fleet, odd_names, twins, three_hosts, real_life, transient, empty"
        );
    }
}
