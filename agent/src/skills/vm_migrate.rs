//! "migrate to hv2": a machine to another host, while it goes on or while it is off, with what its disks hold. Taken back by "undo",
//! which moves it back.

use std::collections::BTreeMap;

use dialogue::reply::{Choice, Phrase};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};
use grammar::size::Bytes;
use grammar::value::Value;

use super::ANYWHERE;
use crate::host::{Disk, Feature, Hypervisor, Machine, Passed, PassedKind, Pool, State};
use crate::ops::{Copied, DropLeft, Migrate, Op};
use crate::skill::{Args, Change, Plan, Receipt, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "vm.migrate",
    category: Category::Fleet,
    scopes: ANYWHERE,
    danger: Danger::Disruptive,
    role: Role::Operator,
    slots: &[
        Slot::target(),
        // Where there is only one other it need not be said.
        Slot::optional("host", Kind::Name(Of::Hypervisor)),
    ],
    allocates: true,
    planned: false,
};

/// Kinds of pools that are the same storage for every host that has them.
const SHARED: [&str; 7] = ["netfs", "gluster", "rbd", "iscsi", "iscsi-direct", "sheepdog", "mpath"];

/// Moves a machine to another host.
pub struct VmMigrate;

impl Skill for VmMigrate {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Migrate]
    }

    fn comes_first(&self) -> bool {
        true
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        match destination(machine, args.word("host"), scene)? {
            Some(to) => Ok(Journey { machine, to, scene }.change()?.plan()),
            None => {
                let choice = |host: Hypervisor| Choice { label: host.name.as_str().into(), says: host.name };
                let choices = others(machine, scene).map(choice).collect();
                Ok(Plan::Ask { slot: "host", question: Phrase::new("vm.migrate/to_which"), choices })
            }
        }
    }

    fn undo(&self, done: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let fact = |key: &str| done.facts.get(key).cloned().unwrap_or_default();
        let (from, to) = (fact("from"), fact("to"));
        if machine.id.hypervisor != to {
            let what = Phrase::new("vm.migrate/undo_gone").with("name", &machine.name).with("to", to);
            return Err(Refusal::Unsupported { what }.into());
        }
        let args = Args(BTreeMap::from([("host".to_owned(), Value::Name(from))]));
        match self.plan(&args, scene)? {
            Plan::Change(change) => Ok(Change { undoable: false, ..*change }.plan()),
            other => Ok(other),
        }
    }
}

fn others<'a>(machine: &'a Machine, scene: &Scene<'_>) -> impl Iterator<Item = Hypervisor> + use<'a> {
    scene.host.hypervisors().into_iter().filter(|host| host.name != machine.id.hypervisor)
}

/// Where it goes: as said, else the only other host; `None` where there are several.
fn destination(machine: &Machine, said: Option<&str>, scene: &Scene<'_>) -> Result<Option<Hypervisor>, Stop> {
    let from = &machine.id.hypervisor;
    let Some(said) = said else {
        let mut others = others(machine, scene);
        let Some(only) = others.next() else {
            let what = Phrase::new("vm.migrate/only_host").with("name", &machine.name).with("from", from);
            return Err(Refusal::Unsupported { what }.into());
        };
        return Ok(Some(only).filter(|_| others.next().is_none()));
    };
    let hosts = scene.host.hypervisors();
    match hosts.iter().find(|host| host.name.eq_ignore_ascii_case(said)) {
        Some(host) if host.name == *from => {
            let what = Phrase::new("vm.migrate/there_already").with("name", &machine.name).with("to", from);
            Err(Refusal::Unsupported { what }.into())
        }
        Some(host) => Ok(Some(host.clone())),
        None => {
            let close = others(machine, scene).map(|host| host.name).collect();
            Err(Refusal::NotFound { kind: Of::Hypervisor, said: said.to_owned(), close }.into())
        }
    }
}

/// A machine on its way.
struct Journey<'a> {
    machine: &'a Machine,
    to: Hypervisor,
    scene: &'a Scene<'a>,
}

impl Journey<'_> {
    fn phrase(&self, id: &str) -> Phrase {
        Phrase::new(format!("vm.migrate/{id}"))
            .with("name", &self.machine.name)
            .with("from", &self.machine.id.hypervisor)
            .with("to", &self.to.name)
    }

    fn refuse<T>(&self, what: Phrase) -> Result<T, Stop> {
        Err(Refusal::Unsupported { what }.into())
    }

    fn runs(&self) -> bool {
        self.machine.state != State::Off
    }

    /// What is done, if it can be: the move, then what it left behind goes, once nobody uses it.
    fn change(&self) -> Result<Change, Stop> {
        self.check_hosts()?;
        self.check_machine()?;
        self.check_room()?;
        let (disks, size) = self.copied()?;
        let machine = &self.machine.id;
        let mut ops: Vec<Op> =
            vec![Migrate { machine: machine.clone(), to: self.to.name.clone(), disks: disks.clone() }.into()];
        ops.extend(disks.iter().map(|disk| {
            let Copied { target, pool, volume, .. } = disk.clone();
            Op::from(DropLeft { machine: machine.clone(), now_on: self.to.name.clone(), target, pool, name: volume })
        }));
        let summary = match (self.runs(), disks.is_empty()) {
            (true, true) => "summary",
            (true, false) => "summary_copied",
            (false, true) => "summary_off",
            (false, false) => "summary_off_copied",
        };
        let mut pools: Vec<String> = disks.iter().map(|disk| disk.pool.clone()).collect();
        pools.sort_unstable();
        pools.dedup();
        let summary = self.phrase(summary).with("memory", self.machine.memory).with("size", size).with("pools", pools);
        let mut change = Change::new(summary, ops, self.phrase("done"), self.phrase("told"));
        let facts = [("from", machine.hypervisor.clone()), ("to", self.to.name.clone())];
        change.facts = facts.map(|(key, value)| (key.to_owned(), value)).into();
        change.undoable = true;
        Ok(change)
    }

    /// Whether both can be reached, and can do such things.
    fn check_hosts(&self) -> Result<(), Stop> {
        if let Some((since, _)) = &self.to.unreachable {
            let since = Some(*since).filter(|_| self.to.read);
            let (host, name) = (self.to.name.clone(), self.machine.name.clone());
            return Err(Refusal::Unreachable { host, name, since }.into());
        }
        for host in [&self.machine.id.hypervisor, &self.to.name] {
            if !self.scene.host.can(host, Feature::Migrate) {
                return self.refuse(self.phrase("unsupported").with("host", host));
            }
        }
        Ok(())
    }

    /// Whether there is nothing about the machine that can't go along.
    fn check_machine(&self) -> Result<(), Stop> {
        let machine = self.machine;
        if !matches!(machine.state, State::Running | State::Paused | State::Off) {
            let (name, is) = (machine.name.clone(), machine.state);
            return Err(Refusal::WrongState { name, is, needs: self.phrase("needs") }.into());
        }
        if machine.saved {
            return self.refuse(self.phrase("saved"));
        }
        if machine.uefi && !self.runs() {
            return self.refuse(self.phrase("firmware"));
        }
        if !machine.snapshots.is_empty() {
            return self.refuse(self.phrase("snapshots").with("n", machine.snapshots.len()));
        }
        // What libvirt keeps of a TPM goes along with what runs.
        let stays = |passed: &&Passed| match passed.kind {
            PassedKind::Redirected => false,
            PassedKind::Tpm => !self.runs(),
            _ => true,
        };
        if let Some(passed) = machine.passed.iter().find(stays) {
            return self.refuse(self.phrase("passed").with("device", &passed.what));
        }
        let full = machine.disks.iter().find(|disk| !disk.is_disk() && !disk.is_empty() && disk.protocol.is_none());
        if let Some(drive) = full {
            return self.refuse(self.phrase("drive").with("target", &drive.target));
        }
        Ok(())
    }

    /// Whether the other host has room for it: its name, its networks, its memory.
    fn check_room(&self) -> Result<(), Stop> {
        let (machine, host) = (self.machine, self.scene.host);
        let taken = host
            .named(&machine.name)
            .into_iter()
            .any(|other| other.id != machine.id && other.name == machine.name && other.id.hypervisor == self.to.name);
        if taken {
            return self.refuse(self.phrase("name_taken"));
        }
        let networks = || machine.nics.iter().filter(|nic| nic.kind == "network").filter_map(|nic| nic.source.as_ref());
        if networks().next().is_some() {
            let there = host.networks(&self.to.name)?;
            if let Some(network) = networks().find(|network| !there.contains(network)) {
                return self.refuse(self.phrase("no_network").with("network", network));
            }
        }
        if self.runs()
            && let Some(free) = host.host_info(&self.to.name)?.free_memory.filter(|free| *free < machine.memory)
        {
            return self.refuse(self.phrase("no_memory").with("memory", machine.memory).with("have", free));
        }
        Ok(())
    }

    /// What has to be copied, and how much that is.
    fn copied(&self) -> Result<(Vec<Copied>, Bytes), Stop> {
        let (mut disks, mut needed) = (Vec::new(), BTreeMap::<String, u64>::new());
        let mut all = 0;
        for disk in self.machine.disks.iter().filter(|disk| disk.is_disk()) {
            let Some((copied, takes, most)) = self.copy_of(disk)? else { continue };
            *needed.entry(copied.pool.clone()).or_default() += most.0;
            all += takes.0;
            disks.push(copied);
        }
        for (name, size) in needed {
            let have = self.pool(&name).map_or(Bytes(0), |pool| pool.available);
            if Bytes(size) > have {
                let phrase = self.phrase("no_room").with("pool", name).with("size", Bytes(size));
                return self.refuse(phrase.with("have", have));
            }
        }
        Ok((disks, Bytes(all)))
    }

    fn pool(&self, name: &str) -> Option<Pool> {
        self.scene.host.pools(&self.to.name).into_iter().find(|pool| pool.name == name && pool.active)
    }

    /// How one disk is copied, how much it takes now, and how much at most; `None` when both hosts reach it.
    fn copy_of(&self, disk: &Disk) -> Result<Option<(Copied, Bytes, Bytes)>, Stop> {
        let phrase = |id: &str| self.phrase(id).with("target", &disk.target);
        if disk.protocol.is_some() {
            return Ok(None);
        }
        let Some((pool, volume)) = disk.volume.clone() else { return self.refuse(phrase("no_volume")) };
        let Some(there) = self.pool(&pool) else { return self.refuse(phrase("no_pool").with("pool", pool)) };
        let volumes = self.scene.host.volumes(&self.to.name, &pool)?;
        if let Some(same) = volumes.iter().find(|other| other.name == volume) {
            if SHARED.contains(&there.kind.as_str()) && disk.source.as_ref() == Some(&same.path) {
                return Ok(None);
            }
            return self.refuse(phrase("exists").with("pool", pool).with("volume", volume));
        }
        let used = self.scene.host.disk_use(&self.machine.id, &disk.target)?;
        let (format, target) = (disk.format.clone(), disk.target.clone());
        let most = used.of_copy(format == "raw");
        let copied = Copied { target, pool, volume, format, capacity: used.capacity };
        Ok(Some((copied, used.allocation, most)))
    }
}
