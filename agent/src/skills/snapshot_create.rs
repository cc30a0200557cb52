//! "take a snapshot called before-upgrade": disks, and memory when it runs, kept as they are now. Taken back by "undo".

use dialogue::reply::Phrase;
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ANYWHERE, disk_list, snapshot_delete};
use crate::host::{Feature, HostOp, Machine, State};
use crate::skill::{Args, Change, Op, Plan, Receipt, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "snapshot.create",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Reversible,
    role: Role::Operator,
    slots: &[Slot::target(), Slot::optional("name", Kind::NewName(Of::Snapshot))],
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
        if let Some(disk) = raw_disk(machine, scene)? {
            return Err(Refusal::Unsupported { what: phrase("raw").with("target", disk) }.into());
        }
        let name = match args.word("name") {
            Some(name) => checked(name, machine)?,
            None => from_the_day(machine, scene),
        };
        let phrase = |id: &str| phrase(id).with("snapshot", &name);
        let summary = phrase(if machine.state == State::Off { "summary_off" } else { "summary" });
        let ops = vec![Op::Host(HostOp::CreateSnapshot { machine: machine.id.clone(), name: name.clone() })];
        let mut change = Change::new(summary, ops, phrase("done"), phrase("told"));
        change.facts.insert("snapshot".to_owned(), name.clone());
        change.undoable = true;
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

/// A disk that QEMU can't keep in an internal snapshot: only qcow2 has room for one.
fn raw_disk(machine: &Machine, scene: &Scene<'_>) -> Result<Option<String>, Stop> {
    let Some(disk) = machine.disks.iter().find(|disk| disk_list::is_disk(disk) && disk.format != "qcow2") else {
        return Ok(None);
    };
    let qemu = scene.host.host_info(&machine.id.hypervisor)?.driver.eq_ignore_ascii_case("qemu");
    Ok(qemu.then(|| disk.target.clone()))
}

fn checked(name: &str, machine: &Machine) -> Result<String, Stop> {
    let bad = |why: Phrase| Err(Refusal::BadValue { slot: "name", said: name.to_owned(), why }.into());
    if name.is_empty()
        || name.len() > 100
        || name.starts_with(['.', '-'])
        || name.contains(|c: char| c == '/' || c.is_control())
    {
        return bad(Phrase::new("snapshot.create/bad_name"));
    }
    if machine.snapshots.iter().any(|snapshot| snapshot.name == name) {
        return bad(Phrase::new("snapshot.create/exists").with("name", &machine.name).with("snapshot", name));
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
