//! What ops do to the fake: the preconditions of the bridge, and its events.

use grammar::size::Bytes;

use super::{Fake, journal};
use crate::host::HostErrorKind as Kind;
use crate::host::names::{Thing, check};
use crate::host::xml::bus_of;
use crate::host::xml::image::Format;
use crate::host::{
    Disk, EventKind, Feature, HostOp, Machine, Reason, Snapshot, State, Unseen, Use, UsedAs, Uses, Volume,
};

/// A fresh qcow2 image takes this much.
const FRESH: Bytes = Bytes(196_608);

impl Fake {
    /// What an op is done on, for errors.
    pub(super) fn subject(&self, op: &HostOp) -> String {
        match op {
            HostOp::CreateVolume { pool, name, .. } | HostOp::DeleteVolume { pool, name, .. } => {
                format!("{pool}/{name}")
            }
            op => op
                .machine()
                .map(|id| self.mirror.machine(id).map_or(id.to_string(), |m| m.name.clone()))
                .unwrap_or_default(),
        }
    }

    /// Does an op, writes it down, and tells.
    pub(super) fn perform(&self, op: &HostOp) -> Result<(), Stumble> {
        self.reachable(op.hypervisor(), op.operation()).map_err(|error| Stumble::from(error.kind))?;
        match op.machine() {
            Some(id) => {
                let machine = self.mirror.machine(id).ok_or(Kind::NotFound)?;
                self.perform_on(&machine, op)
            }
            None => self.perform_on_volumes(op),
        }
    }

    fn perform_on_volumes(&self, op: &HostOp) -> Result<(), Stumble> {
        let (hypervisor, pool, name) = match op {
            HostOp::CreateVolume { hypervisor, pool, name, format, .. } => {
                check(Thing::Volume, name).map_err(|_| Kind::Failed)?;
                Format::of(format).ok_or(Kind::Unsupported)?;
                (hypervisor, pool, name)
            }
            HostOp::DeleteVolume { hypervisor, pool, name } => (hypervisor, pool, name),
            _ => return Ok(()),
        };
        self.needs(hypervisor, Feature::Volumes)?;
        self.active_pool(hypervisor, pool)?;
        let path = format!("/var/lib/libvirt/images/{name}");
        if matches!(op, HostOp::DeleteVolume { .. }) {
            self.refuse_used(hypervisor, pool, name, true)?;
        }
        let mut inner = self.lock();
        let volumes = inner.volumes.entry((hypervisor.clone(), pool.clone())).or_default();
        let found = volumes.iter().position(|volume| volume.name == *name);
        match (op, found) {
            (HostOp::CreateVolume { .. }, Some(_)) => return Err(Kind::Exists.into()),
            (HostOp::CreateVolume { capacity, .. }, None) => {
                volumes.push(Volume { name: name.clone(), path, capacity: *capacity, allocation: FRESH });
                volumes.sort_by(|a, b| a.name.cmp(&b.name));
            }
            (_, None) => return Err(Kind::NotFound.into()),
            (_, Some(at)) => drop(volumes.remove(at)),
        }
        inner.journal.push(journal::line(op, ""));
        self.count_pools(&inner, hypervisor);
        Ok(())
    }

    fn perform_on(&self, machine: &Machine, op: &HostOp) -> Result<(), Stumble> {
        let mut after = machine.clone();
        let stubborn = self.lock().stubborn.contains(&machine.id);
        let kind = match op {
            HostOp::AttachDisk { .. } | HostOp::DetachDisk { .. } => self.perform_on_disks(&mut after, op, stubborn)?,
            HostOp::CreateSnapshot { .. } | HostOp::RevertSnapshot { .. } | HostOp::DeleteSnapshot { .. } => {
                self.perform_on_snapshots(&mut after, op)?
            }
            op => self.perform_on_power(&mut after, op, stubborn)?,
        };
        let now = {
            let mut inner = self.lock();
            inner.journal.push(journal::line(op, &machine.name));
            inner.now
        };
        // A machine without a definition is gone when it is off.
        if after.persistent || after.state != State::Off {
            self.mirror.put(after, now);
        } else {
            self.mirror.remove(&after.id);
        }
        match op {
            HostOp::Shutdown { .. } => self.mirror.set_ending(&machine.id, Some(now)),
            _ if kind == Some(EventKind::Rebooted) => self.mirror.set_ending(&machine.id, None),
            _ => {}
        }
        if let Some(kind) = kind {
            self.tell(machine, kind, now);
        }
        Ok(())
    }

    fn perform_on_power(
        &self,
        machine: &mut Machine,
        op: &HostOp,
        stubborn: bool,
    ) -> Result<Option<EventKind>, Stumble> {
        let allowed: &[State] = match op {
            HostOp::Start { .. } => &[State::Off, State::Asleep],
            HostOp::Resume { .. } => &[State::Paused, State::Asleep],
            HostOp::Reset { .. } => &[State::Running, State::Paused, State::Asleep],
            HostOp::ForceOff { .. } => &[State::Running, State::Paused, State::Asleep, State::Crashed],
            HostOp::ClearCrash { .. } => &[State::Crashed],
            _ => &[State::Running],
        };
        if !allowed.contains(&machine.state) {
            return Err(Kind::WrongState.into());
        }
        let (state, kind) = match op {
            HostOp::Start { .. } | HostOp::Resume { .. } if machine.state == State::Asleep => {
                (State::Running, EventKind::Woken)
            }
            HostOp::Start { .. } if machine.saved => (State::Running, EventKind::Restored),
            HostOp::Start { .. } => (State::Running, EventKind::Started),
            HostOp::Resume { .. } => (State::Running, EventKind::Resumed),
            HostOp::Pause { .. } => (State::Paused, EventKind::Paused),
            HostOp::ForceOff { .. } | HostOp::ClearCrash { .. } => (State::Off, EventKind::ForcedOff),
            HostOp::Reset { .. } => {
                self.needs(&machine.id.hypervisor, Feature::Reset)?;
                (machine.state, EventKind::Rebooted)
            }
            // The guest was asked; whether it obeys is its own business.
            _ if stubborn => return Ok(None),
            HostOp::Reboot { .. } => (State::Running, EventKind::Rebooted),
            _ => (State::Off, EventKind::ShutDown),
        };
        machine.state = state;
        Ok(Some(kind))
    }

    fn perform_on_disks(
        &self,
        machine: &mut Machine,
        op: &HostOp,
        stubborn: bool,
    ) -> Result<Option<EventKind>, Stumble> {
        let hypervisor = machine.id.hypervisor.clone();
        self.needs(&hypervisor, Feature::DeviceAttach)?;
        // Without a guest there is nobody to see a device come or go, and libvirt tells nothing.
        let live = machine.state != State::Off;
        match op {
            HostOp::AttachDisk { pool, volume, format, target, .. } => {
                check(Thing::Target, target).map_err(|_| Kind::Failed)?;
                if machine.disks.iter().any(|disk| disk.target == *target) {
                    return Err(Kind::Exists.into());
                }
                self.active_pool(&hypervisor, pool)?;
                let volumes = self.lock().volumes.get(&(hypervisor.clone(), pool.clone())).cloned().unwrap_or_default();
                let found = volumes.into_iter().find(|known| known.name == *volume).ok_or(Kind::NotFound)?;
                self.refuse_used(&hypervisor, pool, volume, false)?;
                Format::of(format).ok_or(Kind::Unsupported)?;
                machine.disks.push(Disk {
                    target: target.clone(),
                    device: "disk".to_owned(),
                    kind: "file".to_owned(),
                    protocol: None,
                    source: Some(found.path),
                    volume: Some((pool.clone(), volume.clone())),
                    format: format.clone(),
                    bus: bus_of(target).to_owned(),
                    readonly: false,
                });
                Ok(live.then_some(EventKind::DeviceAdded))
            }
            HostOp::DetachDisk { target, .. } => {
                let at = machine.disks.iter().position(|disk| disk.target == *target).ok_or(Kind::NotFound)?;
                if live && stubborn {
                    return Err(Kind::TimedOut.into());
                }
                machine.disks.remove(at);
                Ok(live.then_some(EventKind::DeviceRemoved))
            }
            _ => Ok(None),
        }
    }

    fn perform_on_snapshots(&self, machine: &mut Machine, op: &HostOp) -> Result<Option<EventKind>, Stumble> {
        self.needs(&machine.id.hypervisor, Feature::Snapshots)?;
        let found = |machine: &Machine, name: &str| machine.snapshots.iter().position(|known| known.name == name);
        match op {
            HostOp::CreateSnapshot { name, .. } => {
                check(Thing::Snapshot, name).map_err(|_| Kind::Failed)?;
                let mut disks = machine.disks.iter().filter(|disk| disk.is_disk() && !disk.readonly);
                let has_none = disks.clone().next().is_none();
                if machine.uefi || has_none || disks.any(|disk| disk.format != "qcow2") {
                    return Err(Kind::Unsupported.into());
                }
                if found(machine, name).is_some() {
                    return Err(Kind::Exists.into());
                }
                machine.snapshots.iter_mut().for_each(|known| known.current = false);
                let created = self.lock().now;
                let disks = Some(machine.disks.iter().map(|disk| disk.target.clone()).collect());
                let (name, state) = (name.clone(), machine.state);
                machine.snapshots.push(Snapshot { name, created, state, current: true, disks });
                Ok(None)
            }
            HostOp::RevertSnapshot { name, .. } => {
                let at = found(machine, name).ok_or(Kind::NotFound)?;
                for (number, snapshot) in machine.snapshots.iter_mut().enumerate() {
                    snapshot.current = number == at;
                }
                machine.state = machine.snapshots[at].state;
                // The domain is as it was then, disks and all.
                if let Some(disks) = machine.snapshots[at].disks.clone() {
                    machine.disks.retain(|disk| disks.contains(&disk.target));
                }
                Ok(Some(EventKind::Reverted))
            }
            HostOp::DeleteSnapshot { name, .. } => {
                let at = found(machine, name).ok_or(Kind::NotFound)?;
                let gone = machine.snapshots.remove(at);
                // libvirt makes the parent the current one.
                if gone.current && at > 0 {
                    machine.snapshots[at - 1].current = true;
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn needs(&self, hypervisor: &str, feature: Feature) -> Result<(), Stumble> {
        if self.mirror.can(hypervisor, feature) { Ok(()) } else { Err(Kind::Unsupported.into()) }
    }

    fn active_pool(&self, hypervisor: &str, pool: &str) -> Result<(), Stumble> {
        let pools = self.mirror.pools(hypervisor);
        let pool = pools.iter().find(|known| known.name == pool).ok_or(Kind::NotFound)?;
        if pool.active { Ok(()) } else { Err(Kind::WrongState.into()) }
    }

    fn refuse_used(&self, hypervisor: &str, pool: &str, volume: &str, all_seen: bool) -> Result<(), Stumble> {
        let uses = self.uses_of(hypervisor, pool, volume);
        let busy = |reason| Err(Stumble { kind: Kind::Busy, reason: Some(reason) });
        match (uses.by.first(), uses.unseen.first().filter(|_| all_seen)) {
            (Some(by), _) => busy(Reason::used(volume, by)),
            (None, Some(unseen)) => busy(Reason::unseen(volume, unseen)),
            (None, None) => Ok(()),
        }
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

/// Why an op was not done.
pub(super) struct Stumble {
    pub kind: Kind,
    pub reason: Option<Reason>,
}

impl From<Kind> for Stumble {
    fn from(kind: Kind) -> Self {
        Self { kind, reason: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{FIXTURES, Trouble};
    use crate::host::{HostRead, HostWrite};

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
        let create = HostOp::CreateVolume {
            hypervisor,
            pool: pool.clone(),
            name: name.clone(),
            format: format.clone(),
            capacity,
        };
        fake.apply(&create).unwrap();
        let attach = HostOp::AttachDisk { machine: web1.clone(), pool, volume: name, format, target: "vdb".to_owned() };
        fake.apply(&attach).unwrap();
        fake.apply(&HostOp::Shutdown { machine: web1.clone() }).unwrap();
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
        let start = HostOp::Start { machine: db1.clone() };
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
        let start = HostOp::Pause { machine: fake.id("cache1").unwrap() };
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
            "no fixture three_vms; there are two_vms, fleet, odd_names, twins, real_life, transient, empty"
        );
    }
}
