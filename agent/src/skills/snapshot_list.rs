//! "which snapshots do you have?": name, age and kept state of every snapshot, oldest first; of one that is named, who has it and since when.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ANYWHERE, vm_status};
use crate::host::{Feature, Machine, Snapshot};
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "snapshot.list",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::subject(), Slot::optional("snapshot", Kind::Name(Of::Snapshot))],
    allocates: false,
    planned: false,
};

/// Snapshots of a machine.
pub struct SnapshotList;

impl Skill for SnapshotList {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Snapshots]
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        if let Some(answer) = args.word("snapshot").and_then(|name| called(name, scene)) {
            return Ok(Plan::Answer(answer));
        }
        let Some(machine) = &scene.target else { return everybody(scene) };
        let dated = |reply| Ok(Plan::Answer(super::host_status::dated(reply, &machine.id.hypervisor, scene)));
        if machine.snapshots.is_empty() {
            return dated(Reply::say(Phrase::new("snapshot.list/none").with("name", &machine.name)));
        }
        let rows = machine
            .snapshots
            .iter()
            .map(|snapshot| row(if snapshot.current { "row_current" } else { "row" }, machine, snapshot))
            .collect();
        let head = Phrase::new("snapshot.list/head").with("name", &machine.name).with("count", machine.snapshots.len());
        dated(Reply::list(head, rows))
    }
}

fn row(id: &str, machine: &Machine, snapshot: &Snapshot) -> Phrase {
    Phrase::new(format!("snapshot.list/{id}"))
        .with("name", &machine.name)
        .with("snapshot", &snapshot.name)
        .with("created", snapshot.created)
        .with("state", vm_status::state(snapshot.state))
}

/// Who has the snapshot of that name, of the one machine that is asked about or of all: `None` where nobody has.
fn called(name: &str, scene: &Scene<'_>) -> Option<Reply> {
    let machines = match &scene.target {
        Some(machine) => vec![machine.clone()],
        None => super::machines_of(scene),
    };
    let having = machines.iter().flat_map(|machine| machine.snapshots.iter().map(move |snapshot| (machine, snapshot)));
    let found: Vec<_> = having.filter(|(_, snapshot)| snapshot.name.eq_ignore_ascii_case(name)).collect();
    let rows = found.iter().map(|(machine, snapshot)| row("row_of", machine, snapshot));
    match rows.collect::<Vec<_>>() {
        rows if rows.is_empty() => None,
        mut rows if rows.len() == 1 => rows.pop().map(Reply::say),
        rows => {
            let head = Phrase::new("snapshot.list/called").with("snapshot", name).with("count", rows.len());
            Some(Reply::list(head, rows))
        }
    }
}

/// At a host or the desk, with no machine named: who has which.
fn everybody(scene: &Scene<'_>) -> Result<Plan, Stop> {
    if scene.scope == Scope::Machine {
        return Err(Refusal::WhichMachine.into());
    }
    let machines = super::machines_of(scene);
    let having: Vec<_> = machines.iter().filter(|machine| !machine.snapshots.is_empty()).collect();
    if having.is_empty() {
        return Ok(Plan::Answer(Reply::say(Phrase::new("snapshot.list/nobody"))));
    }
    let rows = having.iter().map(|machine| {
        let names: Vec<String> = machine.snapshots.iter().map(|snapshot| snapshot.name.clone()).collect();
        Phrase::new("snapshot.list/row_machine")
            .with("name", super::shown(machine, &machines))
            .with("count", names.len())
            .with("names", names)
    });
    let head = Phrase::new("snapshot.list/everybody").with("count", having.len()).with("total", machines.len());
    Ok(Plan::Answer(Reply::list(head, rows.collect())))
}
