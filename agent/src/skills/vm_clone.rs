//! "clone yourself as web4": a second machine with copies of the disks, off at first. Taken back by "undo" as long as nobody has used it.

use dialogue::reply::{Phrase, Var};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};
use grammar::size::Bytes;

use super::ANYWHERE;
use crate::host::names::Thing;
use crate::host::{Disk, Feature, Machine, PassedKind, State};
use crate::ops::{ClonedDisk, CopyDisks, CopyVolume, CreateVolume, DefineClone, DeleteVolume, Op, Undefine};
use crate::refusal;
use crate::skill::{Args, Change, Plan, Receipt, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "vm.clone",
    category: Category::Make,
    scopes: ANYWHERE,
    danger: Danger::Reversible,
    role: Role::Operator,
    slots: &[
        Slot::target(),
        Slot::required("name", Kind::NewName(Of::Machine)),
        // Full unless it is said.
        Slot::optional("mode", Kind::Choice(&["full", "linked"])),
    ],
    allocates: true,
    planned: false,
};

/// How far back it is looked for what happened to a clone.
const MOST: usize = 500;

/// Makes a second machine of one.
pub struct VmClone;

impl Skill for VmClone {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Volumes]
    }

    fn comes_first(&self) -> bool {
        true
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        if let Some(what) = obstacle(args, machine, scene) {
            return Err(Refusal::Unsupported { what }.into());
        }
        if !matches!(machine.state, State::Off | State::Running | State::Paused) {
            let needs = Phrase::new("vm.clone/needs").with("name", &machine.name);
            return Err(Refusal::WrongState { name: machine.name.clone(), is: machine.state, needs }.into());
        }
        let Some(name) = args.word("name") else {
            let question = Phrase::common("ask_slots").with("slots", vec!["name".to_owned()]);
            return Ok(Plan::Ask { slot: "name", question, choices: Vec::new() });
        };
        check_name(name, machine, scene)?;
        Ok(clones(machine, name, scene)?.plan())
    }

    fn undo(&self, done: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let hypervisor = &machine.id.hypervisor;
        let name = done.facts.get("name").cloned().unwrap_or_default();
        let made: Vec<ClonedDisk> =
            done.facts.get("disks").and_then(|disks| serde_json::from_str(disks).ok()).unwrap_or_default();
        let phrase = |id: &str| Phrase::new(format!("vm.clone/{id}")).with("name", &machine.name).with("clone", &name);
        let refuse = |id: &str| Err(Refusal::Unsupported { what: phrase(id) }.into());
        let volumes: Vec<(String, String)> = made.iter().map(|disk| (disk.pool.clone(), disk.volume.clone())).collect();
        let clone = scene.host.named(&name).into_iter().find(|other| other.id.hypervisor == *hypervisor);
        let clone = clone.and_then(|clone| scene.host.look_again(&clone.id));
        let mut ops: Vec<Op> = Vec::new();
        if let Some(clone) = &clone {
            // Another of that name, or it was given other disks.
            let own: Vec<&Disk> = clone.disks.iter().filter(|disk| is_copied(disk)).collect();
            let is_it = own.len() == volumes.len()
                && own.iter().all(|disk| disk.volume.as_ref().is_some_and(|volume| volumes.contains(volume)));
            let kept = clone.saved || !clone.snapshots.is_empty();
            if !is_it || kept || clone.state != State::Off || has_happened(machine, clone, scene) {
                return refuse("undo_used");
            }
            ops.push(Undefine { machine: clone.id.clone(), volumes: volumes.clone(), unused: true }.into());
        }
        for (pool, volume) in volumes {
            if !scene.host.volumes(hypervisor, &pool)?.iter().any(|known| known.name == volume) {
                continue;
            }
            // Without the machine it was made for, somebody else may have taken it.
            if clone.is_none() && !scene.host.uses(hypervisor, &pool, &volume)?.by.is_empty() {
                return refuse("undo_used");
            }
            ops.push(DeleteVolume { hypervisor: hypervisor.clone(), pool, name: volume }.into());
        }
        if ops.is_empty() {
            return refuse("undo_gone");
        }
        let id = if clone.is_some() { "undo" } else { "undo_left" };
        let summary = phrase(&format!("{id}_summary"));
        let mut change = Change::new(summary, ops, phrase(&format!("{id}_done")), phrase(&format!("{id}_told")));
        change.typed = Some(name.clone());
        Ok(change.plan())
    }
}

/// Whether each of the two must have one of its own.
fn is_copied(disk: &Disk) -> bool {
    disk.is_disk() && !disk.readonly && !disk.shared
}

/// Why there can be no second one.
fn obstacle(args: &Args, machine: &Machine, scene: &Scene<'_>) -> Option<Phrase> {
    let phrase = |id: &str| Phrase::new(format!("vm.clone/{id}")).with("name", &machine.name);
    let host = &machine.id.hypervisor;
    if args.word("mode") == Some("linked") {
        return Some(phrase("linked"));
    }
    if !scene.host.can(host, Feature::Volumes) {
        return Some(phrase("unsupported").with("host", host));
    }
    // Its disks are in the middle of something that only the saved memory knows.
    if machine.saved {
        return Some(phrase("saved"));
    }
    if let Some(passed) = machine.passed.iter().find(|passed| passed.kind != PassedKind::Redirected) {
        let id = if passed.kind == PassedKind::Tpm { "tpm" } else { "passed" };
        return Some(phrase(id).with("device", &passed.what));
    }
    if let Some(nic) = machine.nics.iter().find(|nic| matches!(nic.kind.as_str(), "hostdev" | "vhostuser" | "vdpa")) {
        let device = nic.source.as_deref().unwrap_or(&nic.kind);
        return Some(phrase("passed").with("device", device));
    }
    if machine.uefi {
        return Some(phrase("uefi"));
    }
    let outside = |disk: &&Disk| is_copied(disk) && (disk.volume.is_none() || disk.device != "disk");
    if let Some(disk) = machine.disks.iter().find(outside) {
        return Some(phrase("no_volume").with("target", &disk.target));
    }
    if machine.state != State::Off && !scene.host.can(host, Feature::BlockJobs) {
        return Some(phrase("off_only"));
    }
    None
}

/// A name that a machine may have and none of that hypervisor has.
fn check_name(name: &str, machine: &Machine, scene: &Scene<'_>) -> Result<(), Stop> {
    refusal::check_name(Thing::Machine, "name", name)?;
    let there = |other: &Machine| other.id.hypervisor == machine.id.hypervisor;
    if scene.host.named(name).iter().any(|other| there(other)) {
        let why = Phrase::new("vm.clone/exists").with("clone", name);
        return Err(Refusal::BadValue { slot: "name", said: name.to_owned(), why }.into());
    }
    Ok(())
}

/// What is done: a copy of each disk in its own pool, and then the machine that has them.
fn clones(machine: &Machine, name: &str, scene: &Scene<'_>) -> Result<Change, Stop> {
    let hypervisor = &machine.id.hypervisor;
    let live = machine.state != State::Off;
    let (mut ops, mut made): (Vec<Op>, Vec<ClonedDisk>) = (Vec::new(), Vec::new());
    let mut takes: Vec<(String, Bytes)> = Vec::new();
    for disk in machine.disks.iter().filter(|disk| is_copied(disk)) {
        let Some((pool, from)) = disk.volume.clone() else { continue };
        let format = disk.format.clone();
        let volume = volume_name(name, disk, made.is_empty());
        refusal::check_name(Thing::Volume, "name", &volume)?;
        if scene.host.volumes(hypervisor, &pool)?.iter().any(|other| other.name == volume) {
            let why = Phrase::new("vm.clone/exists_volume").with("volume", &volume).with("pool", &pool);
            return Err(Refusal::BadValue { slot: "name", said: name.to_owned(), why }.into());
        }
        let used = scene.host.disk_use(&machine.id, &disk.target)?;
        let most = used.of_copy(format == "raw" && !live);
        match takes.iter_mut().find(|(known, _)| *known == pool) {
            Some((_, sum)) => sum.0 = sum.0.saturating_add(most.0),
            None => takes.push((pool.clone(), most)),
        }
        let (to, own) = (pool.clone(), volume.clone());
        ops.push(if live {
            CreateVolume {
                hypervisor: hypervisor.clone(),
                pool: to,
                name: own,
                format: format.clone(),
                capacity: used.capacity,
            }
            .into()
        } else {
            CopyVolume {
                hypervisor: hypervisor.clone(),
                from_pool: pool.clone(),
                from,
                pool: to,
                name: own,
                format: format.clone(),
            }
            .into()
        });
        made.push(ClonedDisk { target: disk.target.clone(), pool, volume, format });
    }
    check_room(&takes, machine, scene)?;
    if live && !made.is_empty() {
        ops.push(CopyDisks { machine: machine.id.clone(), disks: made.clone() }.into());
    }
    ops.push(DefineClone { machine: machine.id.clone(), name: name.to_owned(), disks: made.clone(), live }.into());
    let phrase = |id: &str| {
        Phrase::new(format!("vm.clone/{id}")).with("name", &machine.name).with("clone", name).with("n", made.len())
    };
    let takes =
        takes.into_iter().map(|(pool, size)| Phrase::new("vm.clone/takes").with("pool", pool).with("size", size));
    let summary = match (made.is_empty(), live) {
        (true, _) => "summary_bare",
        (false, true) => "summary",
        (false, false) => "summary_off",
    };
    let summary = phrase(summary).with("takes", Var::from(takes.collect::<Vec<_>>()));
    let mut change = Change::new(summary, ops, phrase("done"), phrase("told"));
    let disks = serde_json::to_string(&made).expect("disks are plain data");
    change.facts = [("name", name.to_owned()), ("disks", disks)].map(|(key, fact)| (key.to_owned(), fact)).into();
    change.undoable = true;
    Ok(change)
}

/// The first disk is called as the machine, the others also as where they are.
fn volume_name(name: &str, disk: &Disk, first: bool) -> String {
    let Disk { target, format, .. } = disk;
    if first { format!("{name}.{format}") } else { format!("{name}-{target}.{format}") }
}

fn check_room(takes: &[(String, Bytes)], machine: &Machine, scene: &Scene<'_>) -> Result<(), Stop> {
    let pools = scene.host.pools(&machine.id.hypervisor);
    for (name, need) in takes {
        let pool = pools.iter().find(|pool| pool.name == *name);
        let have = pool.filter(|pool| pool.active).map_or(Bytes(0), |pool| pool.available);
        if *need > have {
            return Err(Refusal::NoRoom { need: *need, have }.into());
        }
    }
    Ok(())
}

/// Whether anything was told of a clone since it was made.
fn has_happened(machine: &Machine, clone: &Machine, scene: &Scene<'_>) -> bool {
    let made = scene.affairs.history(Some(&machine.name), MOST).into_iter().find(|told| {
        let its = ("clone".to_owned(), Var::from(clone.name.as_str()));
        told.phrase.as_ref().is_some_and(|phrase| phrase.key == "vm.clone/told" && phrase.vars.contains(&its))
    });
    let Some(made) = made else { return true };
    scene.affairs.history(Some(&clone.name), MOST).iter().any(|told| told.at >= made.at && told.verb != "event.defined")
}
