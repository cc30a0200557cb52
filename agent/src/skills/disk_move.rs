//! "move vda to the pool ssd": a disk onto a volume of another pool, while its machine goes on or while it is off. Taken back by
//! "undo", which moves it back.

use std::collections::BTreeMap;

use dialogue::reply::Phrase;
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};
use grammar::value::Value;

use super::ANYWHERE;
use crate::host::{Disk, Feature, Machine, Pool, State};
use crate::ops::{CopyVolume, CreateVolume, DeleteVolume, DropMoved, MirrorDisk, Op, PointDisk};
use crate::skill::{Args, Change, Plan, Receipt, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "disk.move",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Disruptive,
    role: Role::Operator,
    slots: &[
        Slot::target(),
        // Of a machine that has only one it need not be said.
        Slot::optional("disk", Kind::Name(Of::Disk)),
        Slot::required("pool", Kind::Name(Of::Pool)),
        // Where it is now, when that is said: it must be right.
        Slot::origin("from", Kind::Name(Of::Pool)),
    ],
    allocates: true,
    planned: false,
};

/// Moves a disk to another pool.
pub struct DiskMove;

impl Skill for DiskMove {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Volumes, Feature::DeviceAttach]
    }

    fn comes_first(&self) -> bool {
        true
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let Some(pool) = args.word("pool") else {
            let question = Phrase::common("ask_slots").with("slots", vec!["pool".to_owned()]);
            return Ok(Plan::Ask { slot: "pool", question, choices: Vec::new() });
        };
        let disk = match args.word("disk") {
            Some(disk) => find_disk(machine, disk)?,
            None => only_disk(machine)?,
        };
        let pool = find_pool(pool, machine, scene)?;
        let (from, volume) = movable(machine, disk)?;
        if let Some(said) = args.word("from").filter(|said| !said.eq_ignore_ascii_case(&from)) {
            let what = Phrase::new("disk.move/elsewhere").with("name", &machine.name).with("target", &disk.target);
            return Err(Refusal::Unsupported { what: what.with("from", &from).with("pool", said) }.into());
        }
        Ok(moves(machine, disk, &from, &volume, &pool, scene)?.plan())
    }

    fn undo(&self, done: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let fact = |key: &str| done.facts.get(key).cloned().unwrap_or_default();
        let (target, from, pool, volume) = (fact("target"), fact("from"), fact("pool"), fact("volume"));
        let here = Some((pool.clone(), volume.clone()));
        if machine.disks.iter().any(|disk| disk.target == target && disk.volume == here) {
            let args = [("disk", target), ("pool", from)].map(|(slot, value)| (slot.to_owned(), Value::Name(value)));
            return match self.plan(&Args(BTreeMap::from(args)), scene)? {
                Plan::Change(change) => Ok(Change { undoable: false, ..*change }.plan()),
                other => Ok(other),
            };
        }
        // It never came so far: only what was made for it is there.
        let phrase = |id: &str| {
            let phrase = Phrase::new(format!("disk.move/{id}")).with("name", &machine.name);
            phrase.with("target", &target).with("volume", &volume).with("pool", &pool)
        };
        let hypervisor = &machine.id.hypervisor;
        let left = scene.host.volumes(hypervisor, &pool)?.iter().any(|other| other.name == volume);
        if !left || !scene.host.uses(hypervisor, &pool, &volume)?.by.is_empty() {
            return Err(Refusal::Unsupported { what: phrase("undo_gone") }.into());
        }
        let delete = DeleteVolume { hypervisor: hypervisor.clone(), pool: pool.clone(), name: volume.clone() };
        let mut change =
            Change::new(phrase("undo_summary"), vec![delete.into()], phrase("undo_done"), phrase("undo_told"));
        change.typed = Some(volume.clone());
        Ok(change.plan())
    }
}

/// What is done: onto an empty volume while the machine is on, else a copy to which the definition then points; the old volume goes last,
/// once nobody uses it.
fn moves(
    machine: &Machine,
    disk: &Disk,
    from: &str,
    volume: &str,
    pool: &Pool,
    scene: &Scene<'_>,
) -> Result<Change, Stop> {
    let hypervisor = machine.id.hypervisor.clone();
    let used = scene.host.disk_use(&machine.id, &disk.target)?;
    let phrase = |id: &str| {
        Phrase::new(format!("disk.move/{id}"))
            .with("name", &machine.name)
            .with("target", &disk.target)
            .with("volume", volume)
            .with("from", from)
            .with("pool", &pool.name)
            .with("size", used.allocation)
            .with("capacity", used.capacity)
    };
    let refuse = |id: &str| Err(Refusal::Unsupported { what: phrase(id) }.into());
    if pool.name == from {
        return refuse("there_already");
    }
    if scene.host.volumes(&hypervisor, &pool.name)?.iter().any(|other| other.name == volume) {
        return refuse("exists");
    }
    let live = machine.state != State::Off;
    if live && !scene.host.can(&hypervisor, Feature::BlockJobs) {
        return refuse("off_only");
    }
    let most = used.of_copy(disk.format == "raw" && !live);
    if most > pool.available {
        return Err(Refusal::NoRoom { need: most, have: pool.available }.into());
    }
    let (id, format) = (machine.id.clone(), disk.format.clone());
    let (to, name, target) = (pool.name.clone(), volume.to_owned(), disk.target.clone());
    let mut ops: Vec<Op> = if live {
        let (pool, capacity) = (to.clone(), used.capacity);
        vec![
            CreateVolume { hypervisor, pool: pool.clone(), name: name.clone(), format: format.clone(), capacity }
                .into(),
            MirrorDisk { machine: id.clone(), target: target.clone(), pool, volume: name.clone(), format }.into(),
        ]
    } else {
        let (pool, from_pool) = (to.clone(), from.to_owned());
        let copy = CopyVolume {
            hypervisor,
            from_pool,
            from: name.clone(),
            pool: pool.clone(),
            name: name.clone(),
            format: format.clone(),
        };
        vec![
            copy.into(),
            PointDisk { machine: id.clone(), target: target.clone(), pool, volume: name.clone(), format }.into(),
        ]
    };
    let (pool, now_at) = (from.to_owned(), (to.clone(), name.clone()));
    ops.push(DropMoved { machine: id, target: target.clone(), pool, name: name.clone(), now_at }.into());
    let summary = if live { "summary" } else { "summary_off" };
    let mut change = Change::new(phrase(summary), ops, phrase("done"), phrase("told"));
    change.facts = [("target", target), ("from", from.to_owned()), ("pool", to), ("volume", name)]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
    change.undoable = true;
    Ok(change)
}

/// The one that is meant where none is named.
fn only_disk(machine: &Machine) -> Result<&Disk, Stop> {
    let disks: Vec<&Disk> = machine.disks.iter().filter(|disk| disk.is_disk()).collect();
    match disks.as_slice() {
        [only] => Ok(only),
        [] => Err(Refusal::Unsupported { what: Phrase::new("disk.move/none").with("name", &machine.name) }.into()),
        several => {
            let candidates = several.iter().map(|disk| disk.target.clone()).collect();
            Err(Refusal::Ambiguous { slot: "disk", candidates }.into())
        }
    }
}

/// A disk by its target or the name of its volume.
fn find_disk<'m>(machine: &'m Machine, said: &str) -> Result<&'m Disk, Stop> {
    let is_it = |disk: &&Disk| {
        let volume = disk.volume.as_ref().map(|(_, volume)| volume.as_str());
        let stem = volume.and_then(|volume| volume.rsplit_once('.')).map(|(stem, _)| stem);
        [Some(disk.target.as_str()), volume, stem].into_iter().flatten().any(|name| name.eq_ignore_ascii_case(said))
    };
    machine.disks.iter().find(is_it).ok_or_else(|| {
        let close = machine.disks.iter().map(|disk| disk.target.clone()).collect();
        Refusal::NotFound { kind: Of::Disk, said: said.to_owned(), close }.into()
    })
}

/// Its pool and volume, where it can be moved at all.
fn movable(machine: &Machine, disk: &Disk) -> Result<(String, String), Stop> {
    let phrase =
        |id: &str| Phrase::new(format!("disk.move/{id}")).with("name", &machine.name).with("target", &disk.target);
    let refuse = |what| Err(Refusal::Unsupported { what }.into());
    if disk.device != "disk" || disk.readonly {
        return refuse(phrase("no_disk"));
    }
    // What was saved goes on with the disk where it was.
    if machine.saved {
        return refuse(phrase("saved"));
    }
    let Some(place) = disk.volume.clone() else { return refuse(phrase("no_volume")) };
    // They are kept inside the image, and a copy is of what is there now.
    let inside =
        |snapshot: &&crate::host::Snapshot| snapshot.disks.as_ref().is_none_or(|disks| disks.contains(&disk.target));
    let kept = machine.snapshots.iter().filter(inside).count();
    if kept > 0 {
        return refuse(phrase("snapshots").with("n", kept));
    }
    Ok(place)
}

/// A pool that is there and active.
fn find_pool(said: &str, machine: &Machine, scene: &Scene<'_>) -> Result<Pool, Stop> {
    let pools = scene.host.pools(&machine.id.hypervisor);
    let Some(pool) = pools.iter().find(|pool| pool.name.eq_ignore_ascii_case(said)) else {
        let close = pools.into_iter().map(|pool| pool.name).collect();
        return Err(Refusal::NotFound { kind: Of::Pool, said: said.to_owned(), close }.into());
    };
    if pool.active {
        return Ok(pool.clone());
    }
    let why = Phrase::new("disk.create/pool_stopped").with("pool", &pool.name);
    Err(Refusal::BadValue { slot: "pool", said: said.to_owned(), why }.into())
}
