//! "go back to before-upgrade": a machine as it was in a snapshot. What came after is lost, and is said before.

use dialogue::reply::{Choice, Phrase};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};
use grammar::token::tokens;

use super::{ANYWHERE, vm_status};
use crate::host::{Feature, Machine, Snapshot};
use crate::ops::RevertSnapshot;
use crate::skill::{Args, Change, Plan, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "snapshot.revert",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Destructive,
    role: Role::Admin,
    slots: SLOTS,
    allocates: false,
    planned: false,
};

/// What says which snapshot: a name, or the age; asked for with a list when neither is given and there are several.
pub(super) const SLOTS: &[Slot] = &[
    Slot::target(),
    Slot::optional("name", Kind::Name(Of::Snapshot)),
    Slot::optional("which", Kind::Choice(&["latest", "oldest"])),
];

/// Goes back to a snapshot.
pub struct SnapshotRevert;

impl Skill for SnapshotRevert {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Snapshots]
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let snapshot = match pick("snapshot.revert", args, machine, scene)? {
            Picked::One(snapshot) => snapshot,
            Picked::Ask(question) => return Ok(question),
        };
        let phrase = |id: &str| {
            Phrase::new(format!("snapshot.revert/{id}"))
                .with("name", &machine.name)
                .with("snapshot", &snapshot.name)
                .with("created", snapshot.created)
                .with("state", vm_status::state(snapshot.state))
        };
        let ops = vec![RevertSnapshot { machine: machine.id.clone(), name: snapshot.name.clone() }.into()];
        let mut change = Change::new(phrase("summary"), ops, phrase("done"), phrase("told"));
        let later = later_disks(machine, snapshot);
        if !later.is_empty() {
            change.caution =
                Some(Phrase::new("snapshot.revert/later_disks").with("n", later.len()).with("disks", later));
        }
        Ok(change.plan())
    }
}

/// Disks that were attached since: the domain goes back to a definition without them. Their volumes stay.
fn later_disks(machine: &Machine, snapshot: &Snapshot) -> Vec<String> {
    let Some(then) = &snapshot.disks else { return Vec::new() };
    let later = machine.disks.iter().filter(|disk| disk.is_disk() && !then.contains(&disk.target));
    later.map(|disk| disk.target.clone()).collect()
}

/// Which snapshot is meant, or the question for it.
pub(super) enum Picked<'m> {
    One(&'m Snapshot),
    Ask(Plan),
}

/// The snapshot named or described.
///
/// # Errors
/// The machine has none, or none of that name; the host can't do snapshots.
pub(super) fn pick<'m>(skill: &str, args: &Args, machine: &'m Machine, scene: &Scene<'_>) -> Result<Picked<'m>, Stop> {
    let phrase = |id: &str| Phrase::new(format!("{skill}/{id}")).with("name", &machine.name);
    if !scene.host.can(&machine.id.hypervisor, Feature::Snapshots) {
        return Err(Refusal::Unsupported { what: phrase("unsupported").with("host", &machine.id.hypervisor) }.into());
    }
    if let Some(said) = args.word("name") {
        let exact = machine.snapshots.iter().find(|snapshot| snapshot.name == said);
        return match exact
            .or_else(|| machine.snapshots.iter().find(|snapshot| snapshot.name.eq_ignore_ascii_case(said)))
        {
            Some(snapshot) => Ok(Picked::One(snapshot)),
            None => {
                let close = machine.snapshots.iter().rev().map(|snapshot| snapshot.name.clone()).collect();
                Err(Refusal::NotFound { kind: Of::Snapshot, said: said.to_owned(), close }.into())
            }
        };
    }
    let by_age = match args.word("which") {
        Some("latest") => machine.snapshots.last(),
        Some("oldest") => machine.snapshots.first(),
        _ => None,
    };
    // "the first one", where one is called "first".
    let said = scene.talk.said;
    let called = |name: &str| tokens(said).iter().any(|token| token.text.eq_ignore_ascii_case(name));
    let also = |meant: &Snapshot| machine.snapshots.iter().any(|known| known.name != meant.name && called(&known.name));
    match (by_age.filter(|meant| !also(meant)), machine.snapshots.as_slice()) {
        (Some(snapshot), _) => Ok(Picked::One(snapshot)),
        (None, []) => Err(Refusal::Unsupported { what: phrase("none") }.into()),
        (None, several) => {
            let choice = |snapshot: &Snapshot| Choice {
                label: Phrase::new("snapshot.list/row")
                    .with("snapshot", &snapshot.name)
                    .with("created", snapshot.created)
                    .with("state", vm_status::state(snapshot.state))
                    .into(),
                says: snapshot.name.clone(),
            };
            Ok(Picked::Ask(Plan::Ask {
                slot: "name",
                question: phrase("which"),
                choices: several.iter().rev().map(choice).collect(),
            }))
        }
    }
}
