//! "which snapshots do you have?": name, age and kept state of every snapshot, oldest first.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};

use super::{ANYWHERE, vm_status};
use crate::host::Feature;
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "snapshot.list",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::subject()],
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

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let Some(machine) = &scene.target else { return everybody(scene) };
        let dated = |reply| Ok(Plan::Answer(super::host_status::dated(reply, &machine.id.hypervisor, scene)));
        if machine.snapshots.is_empty() {
            return dated(Reply::say(Phrase::new("snapshot.list/none").with("name", &machine.name)));
        }
        let rows = machine
            .snapshots
            .iter()
            .map(|snapshot| {
                Phrase::new(if snapshot.current { "snapshot.list/row_current" } else { "snapshot.list/row" })
                    .with("snapshot", &snapshot.name)
                    .with("created", snapshot.created)
                    .with("state", vm_status::state(snapshot.state))
            })
            .collect();
        let head = Phrase::new("snapshot.list/head").with("name", &machine.name).with("count", machine.snapshots.len());
        dated(Reply::list(head, rows))
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
