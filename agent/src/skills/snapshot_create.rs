//! "take a snapshot called before-upgrade": disks, and memory when it runs, kept as they are now. Taken back by "undo".

use dialogue::reply::Phrase;
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ANYWHERE, snapshot_delete};
use crate::host::names::Thing;
use crate::host::{Feature, Machine, Passed, PassedKind, State};
use crate::ops::CreateSnapshot;
use crate::refusal;
use crate::skill::{Args, Change, Plan, Receipt, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "snapshot.create",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Reversible,
    role: Role::Operator,
    slots: &[
        Slot::target(),
        Slot::optional("name", Kind::NewName(Of::Snapshot)),
        // Of a running machine that can't be had yet: it is said, and asked about.
        Slot::optional("memory", Kind::Choice(&["without-memory"])),
    ],
    allocates: false,
    planned: false,
};

/// Takes a snapshot.
pub struct SnapshotCreate;

impl Skill for SnapshotCreate {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Snapshots]
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let phrase = |id: &str| Phrase::new(format!("snapshot.create/{id}")).with("name", &machine.name);
        if !scene.host.can(&machine.id.hypervisor, Feature::Snapshots) {
            return Err(
                Refusal::Unsupported { what: phrase("unsupported").with("host", &machine.id.hypervisor) }.into()
            );
        }
        if let Some(what) = obstacle(machine, scene)? {
            return Err(Refusal::Unsupported { what }.into());
        }
        let name = match args.word("name") {
            Some(name) => checked(name, machine)?,
            None => from_the_day(machine, scene),
        };
        let phrase = |id: &str| phrase(id).with("snapshot", &name);
        let summary = phrase(if machine.state == State::Off { "summary_off" } else { "summary" });
        let ops = vec![CreateSnapshot { machine: machine.id.clone(), name: name.clone() }.into()];
        let mut change = Change::new(summary, ops, phrase("done"), phrase("told"));
        change.facts.insert("snapshot".to_owned(), name.clone());
        change.undoable = true;
        if args.word("memory").is_some() && machine.state != State::Off {
            change.caution = Some(phrase("with_memory"));
        }
        Ok(change.plan())
    }

    fn undo(&self, done: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let name = done.facts.get("snapshot").map_or("", String::as_str);
        match machine.snapshots.iter().find(|snapshot| snapshot.name == name) {
            Some(snapshot) => Ok(snapshot_delete::delete(machine, snapshot).plan()),
            None => Err(Refusal::Unsupported {
                what: Phrase::new("snapshot.create/undo_gone").with("name", &machine.name).with("snapshot", name),
            }
            .into()),
        }
    }
}

/// Why QEMU can't keep this machine in an internal snapshot, known before anybody is asked: only qcow2 images have room for
/// one, flash has none, and a device of the host has a state that nobody can read. Other drivers take what they get.
fn obstacle(machine: &Machine, scene: &Scene<'_>) -> Result<Option<Phrase>, Stop> {
    let phrase = |id: &str| Phrase::new(format!("snapshot.create/{id}")).with("name", &machine.name);
    let mut disks = machine.disks.iter().filter(|disk| disk.is_disk() && !disk.readonly && !disk.is_empty());
    let given = |passed: &&Passed| {
        matches!(passed.kind, PassedKind::Pci | PassedKind::Mediated | PassedKind::Scsi | PassedKind::Other)
    };
    let passed = machine.passed.iter().find(given).filter(|_| machine.state != State::Off);
    let found = if machine.uefi {
        phrase("uefi")
    } else if disks.clone().next().is_none() {
        phrase("no_disk")
    } else if let Some(disk) = disks.clone().find(|disk| disk.device == "lun") {
        phrase("passed_disk").with("target", &disk.target)
    } else if let Some(disk) = disks.clone().find(|disk| disk.kind == "network" || disk.kind == "nvme") {
        phrase("network").with("target", &disk.target)
    } else if let Some(disk) = disks.find(|disk| disk.format != "qcow2") {
        phrase("raw").with("target", &disk.target)
    } else if let Some(passed) = passed {
        phrase("passed").with("device", &passed.what)
    } else {
        return Ok(None);
    };
    let qemu = scene.host.host_info(&machine.id.hypervisor)?.driver.eq_ignore_ascii_case("qemu");
    Ok(qemu.then_some(found))
}

fn checked(name: &str, machine: &Machine) -> Result<String, Stop> {
    refusal::check_name(Thing::Snapshot, "name", name)?;
    if machine.snapshots.iter().any(|snapshot| snapshot.name == name) {
        let why = Phrase::new("snapshot.create/exists").with("name", &machine.name).with("snapshot", name);
        return Err(Refusal::BadValue { slot: "name", said: name.to_owned(), why }.into());
    }
    Ok(name.to_owned())
}

/// "2026-11-21", with "-2" when that is taken. No time of day: the plan that is confirmed a minute later must be the same.
fn from_the_day(machine: &Machine, scene: &Scene<'_>) -> String {
    let base = scene.now.date().to_string();
    let taken = |name: &str| machine.snapshots.iter().any(|snapshot| snapshot.name == name);
    std::iter::once(base.clone())
        .chain((2..).map(|n| format!("{base}-{n}")))
        .find(|name| !taken(name))
        .expect("a machine has finitely many snapshots")
}
