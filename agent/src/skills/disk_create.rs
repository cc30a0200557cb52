//! "create a 30 GB drive called data": a new volume in a pool, attached to the machine at once, also while it runs.
//! Taken back by "undo" as long as it is empty.

use dialogue::reply::{Phrase, Var};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};
use grammar::kind::{Kind, Of};
use grammar::size::Bytes;

use super::ANYWHERE;
use crate::host::names::Thing;
use crate::host::{Disk, Feature, Machine, Pool, Reason, Use, UsedAs};
use crate::ops::{AttachDisk, CreateVolume, DeleteVolume, DetachDisk, Op};
use crate::refusal;
use crate::skill::{Args, Change, Plan, Receipt, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "disk.create",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Reversible,
    role: Role::Operator,
    slots: &[
        Slot::target(),
        Slot::required("size", Kind::Size),
        Slot::required("name", Kind::NewName(Of::Volume)),
        Slot::required("format", Kind::Choice(&["qcow2", "raw"])),
        Slot::optional("pool", Kind::Name(Of::Pool)),
    ],
    allocates: true,
    planned: false,
};

/// The format when the person leaves it to us: it grows as it fills, and can be in snapshots.
const USUAL_FORMAT: &str = "qcow2";
/// Nothing smaller holds a file system.
const SMALLEST: Bytes = Bytes(1 << 20);
/// Nothing larger is a disk of these years; more is a slip of the unit.
const LARGEST: Bytes = Bytes(64 << 40);
/// An image that never was written to takes no more than its own tables.
const STILL_EMPTY: Bytes = Bytes(1 << 20);

/// Creates a disk.
pub struct DiskCreate;

impl Skill for DiskCreate {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Volumes, Feature::DeviceAttach]
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let hypervisor = &machine.id.hypervisor;
        let able = self.features().iter().all(|feature| scene.host.can(hypervisor, *feature));
        if !able {
            return Err(
                Refusal::Unsupported { what: Phrase::new("disk.create/unsupported").with("host", hypervisor) }.into()
            );
        }
        let pool = pool(args.word("pool"), machine, scene)?;
        let Some(size) = args.size("size") else {
            return Ok(ask("size"));
        };
        let Some(name) = args.word("name") else {
            return Ok(ask("name"));
        };
        let format = args.word("format").unwrap_or(USUAL_FORMAT);
        check_size(size, &pool)?;
        let volume = volume_name(name, format)?;
        if scene.host.volumes(hypervisor, &pool.name)?.iter().any(|other| other.name == volume) {
            let why = Phrase::new("disk.create/exists").with("volume", &volume).with("pool", &pool.name);
            return Err(Refusal::BadValue { slot: "name", said: name.to_owned(), why }.into());
        }
        let target = free_target(machine);
        let ops = vec![
            Op::from(CreateVolume {
                hypervisor: hypervisor.clone(),
                pool: pool.name.clone(),
                name: volume.clone(),
                format: format.to_owned(),
                capacity: size,
            }),
            Op::from(AttachDisk {
                machine: machine.id.clone(),
                pool: pool.name.clone(),
                volume: volume.clone(),
                format: format.to_owned(),
                target: target.clone(),
            }),
        ];
        let phrase = |id: &str| {
            Phrase::new(format!("disk.create/{id}"))
                .with("name", &machine.name)
                .with("disk", stem(name, format))
                .with("volume", &volume)
                .with("size", size)
                .with("format", format)
                .with("pool", &pool.name)
                .with("target", &target)
        };
        // Whoever is not spoken to has to be named.
        let summary = match (scene.scope == Scope::Machine, args.word("pool").is_some()) {
            (true, false) => "summary",
            (true, true) => "summary_in",
            (false, false) => "summary_of",
            (false, true) => "summary_of_in",
        };
        let mut change = Change::new(phrase(summary), ops, phrase("done"), phrase("told"));
        change.facts = [("pool", &pool.name), ("volume", &volume), ("target", &target)]
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .into();
        change.undoable = true;
        Ok(change.plan())
    }

    fn undo(&self, done: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let fact = |key: &str| done.facts.get(key).cloned().unwrap_or_default();
        let (pool, volume, target) = (fact("pool"), fact("volume"), fact("target"));
        let phrase = |id: &str| {
            Phrase::new(format!("disk.create/{id}"))
                .with("name", &machine.name)
                .with("volume", &volume)
                .with("target", &target)
                .with("pool", &pool)
        };
        let refuse = |id: &str| Err(Refusal::Unsupported { what: phrase(id) }.into());
        let is_ours = |disk: &Disk| disk.volume.as_ref() == Some(&(pool.clone(), volume.clone()));
        let attached = machine.disks.iter().any(|disk| disk.target == target && is_ours(disk));
        let volumes = scene.host.volumes(&machine.id.hypervisor, &pool)?;
        match volumes.iter().find(|other| other.name == volume) {
            None => return refuse("undo_moved"),
            Some(found) if found.allocation > STILL_EMPTY => return refuse("undo_not_empty"),
            Some(_) => {}
        }
        // Attaching may have failed, or it was detached since; but whoever else uses the volume keeps it.
        let uses = scene.host.uses(&machine.id.hypervisor, &pool, &volume)?;
        let is_this = |used: &Use| {
            let own = Use::Machine { name: machine.name.clone(), role: UsedAs::Disk(target.clone()) };
            attached && *used == own
        };
        if let Some(used) = uses.by.iter().find(|used| !is_this(used)) {
            return Err(Refusal::Unsupported { what: refusal::reason(&Reason::used(&volume, used), scene.role) }.into());
        }
        if let Some(unseen) = uses.unseen.first() {
            let reason = Reason::unseen(&volume, unseen);
            return Err(Refusal::Unsupported { what: refusal::reason(&reason, scene.role) }.into());
        }
        let delete = Op::from(DeleteVolume {
            hypervisor: machine.id.hypervisor.clone(),
            pool: pool.clone(),
            name: volume.clone(),
        });
        let (id, ops) = if attached {
            ("undo", vec![DetachDisk { machine: machine.id.clone(), target: target.clone() }.into(), delete])
        } else {
            ("undo_volume", vec![delete])
        };
        let mut change =
            Change::new(phrase(&format!("{id}_summary")), ops, phrase(&format!("{id}_done")), phrase("undo_told"));
        change.typed = Some(volume.clone());
        Ok(change.plan())
    }
}

/// For callers that plan without having asked: the conversation does ask.
fn ask(slot: &'static str) -> Plan {
    Plan::Ask { slot, question: Phrase::common("ask_slots").with("slots", vec![slot.to_owned()]), choices: Vec::new() }
}

/// The pool named, else that of the system disk, else the first that is active.
fn pool(named: Option<&str>, machine: &Machine, scene: &Scene<'_>) -> Result<Pool, Stop> {
    let pools = scene.host.pools(&machine.id.hypervisor);
    if let Some(said) = named {
        let Some(pool) = pools.iter().find(|pool| pool.name.eq_ignore_ascii_case(said)) else {
            let close = pools.into_iter().map(|pool| pool.name).collect();
            return Err(Refusal::NotFound { kind: Of::Pool, said: said.to_owned(), close }.into());
        };
        if !pool.active {
            let why = Phrase::new("disk.create/pool_stopped").with("pool", &pool.name);
            return Err(Refusal::BadValue { slot: "pool", said: said.to_owned(), why }.into());
        }
        return Ok(pool.clone());
    }
    let home = machine.disks.iter().find_map(|disk| disk.volume.as_ref()).map(|(pool, _)| pool.as_str());
    pools
        .iter()
        .find(|pool| pool.active && Some(pool.name.as_str()) == home)
        .or_else(|| pools.iter().find(|pool| pool.active))
        .cloned()
        .ok_or_else(|| {
            Refusal::Unsupported { what: Phrase::new("disk.create/no_pool").with("host", &machine.id.hypervisor) }
                .into()
        })
}

fn check_size(size: Bytes, pool: &Pool) -> Result<(), Stop> {
    let bad = |id: &str, bound: Bytes| {
        let why = Phrase::new(format!("disk.create/{id}")).with("bound", Var::Size(bound));
        Err(Refusal::BadValue { slot: "size", said: size.to_string(), why }.into())
    };
    if size < SMALLEST {
        return bad("too_small", SMALLEST);
    }
    if size > LARGEST {
        return bad("too_big", LARGEST);
    }
    if size > pool.available {
        return Err(Refusal::NoRoom { need: size, have: pool.available }.into());
    }
    Ok(())
}

/// "data" and "data.qcow2" both become "data.qcow2".
fn volume_name(name: &str, format: &str) -> Result<String, Stop> {
    refusal::check_name(Thing::Volume, "name", stem(name, format))?;
    let volume = format!("{}.{format}", stem(name, format));
    refusal::check_name(Thing::Volume, "name", &volume)?;
    Ok(volume)
}

fn stem<'n>(name: &'n str, format: &str) -> &'n str {
    name.strip_suffix(format).and_then(|stem| stem.strip_suffix('.')).filter(|stem| !stem.is_empty()).unwrap_or(name)
}

/// The first free name in the guest's order: vdb after vda, vdaa after vdz.
fn free_target(machine: &Machine) -> String {
    let letters = || 'a'..='z';
    let short = letters().map(|last| format!("vd{last}"));
    let long = letters().flat_map(|first| letters().map(move |last| format!("vd{first}{last}")));
    short
        .chain(long)
        .find(|target| machine.disks.iter().all(|disk| disk.target != *target))
        .expect("no machine has 702 disks: PCI has no room for them")
}
