//! "delete snapshot before-upgrade": the snapshot goes, the machine stays as it is. Its name is typed to confirm.

use dialogue::reply::Phrase;
use dialogue::spec::{Category, Danger, Role, Spec};

use super::ANYWHERE;
use super::snapshot_revert::{Picked, SLOTS, pick};
use crate::host::{Feature, Machine, Snapshot};
use crate::ops::DeleteSnapshot;
use crate::skill::{Args, Change, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "snapshot.delete",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Destructive,
    role: Role::Admin,
    slots: SLOTS,
    allocates: false,
    planned: false,
};

/// Deletes a snapshot.
pub struct SnapshotDelete;

impl Skill for SnapshotDelete {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Snapshots]
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        match pick("snapshot.delete", args, machine, scene)? {
            Picked::One(snapshot) => Ok(delete(machine, snapshot).plan()),
            Picked::Ask(question) => Ok(question),
        }
    }
}

/// The change that deletes it, for "delete" and for the undo of "create".
pub(super) fn delete(machine: &Machine, snapshot: &Snapshot) -> Change {
    let phrase = |id: &str| {
        Phrase::new(format!("snapshot.delete/{id}"))
            .with("name", &machine.name)
            .with("snapshot", &snapshot.name)
            .with("created", snapshot.created)
    };
    let ops = vec![DeleteSnapshot { machine: machine.id.clone(), name: snapshot.name.clone() }.into()];
    let mut change = Change::new(phrase("summary"), ops, phrase("done"), phrase("told"));
    change.typed = Some(snapshot.name.clone());
    change
}
