//! "hibernate": memory to disk, then off; the next start goes on from there. Taken back by "undo", which starts it.

use dialogue::reply::Phrase;
use dialogue::spec::{Category, Danger, Role, Slot, Spec};

use super::ANYWHERE;
use crate::host::{Feature, Passed, PassedKind, State};
use crate::ops::{Save, Start};
use crate::skill::{Args, Change, Plan, Receipt, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "vm.save",
    category: Category::Power,
    scopes: ANYWHERE,
    danger: Danger::Disruptive,
    role: Role::Operator,
    slots: &[Slot::target()],
    allocates: true,
    planned: false,
};

/// Saves a machine's memory and switches it off.
pub struct VmSave;

impl Skill for VmSave {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Save]
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let host = &machine.id.hypervisor;
        let phrase = |id: &str| Phrase::new(format!("vm.save/{id}")).with("name", &machine.name).with("host", host);
        if !matches!(machine.state, State::Running | State::Paused) {
            let (name, is) = (machine.name.clone(), machine.state);
            return Err(Refusal::WrongState { name, is, needs: phrase("needs") }.into());
        }
        let refuse = |what| Err(Refusal::Unsupported { what }.into());
        if !scene.host.can(host, Feature::Save) {
            return refuse(phrase("unsupported"));
        }
        // Nobody would know of what was saved when the definition is gone.
        if !machine.persistent {
            return refuse(phrase("transient"));
        }
        // A device of the host has a state that nobody can read.
        let given =
            |passed: &&Passed| matches!(passed.kind, PassedKind::Pci | PassedKind::Mediated | PassedKind::Other);
        if let Some(passed) = machine.passed.iter().find(given) {
            return refuse(phrase("passed").with("device", &passed.what));
        }
        let ops = vec![Save { machine: machine.id.clone() }.into()];
        let mut change =
            Change::new(phrase("summary").with("size", machine.memory), ops, phrase("done"), phrase("told"));
        change.undoable = true;
        Ok(change.plan())
    }

    fn undo(&self, _: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        let phrase = |id: &str| Phrase::new(format!("vm.start/{id}_restored")).with("name", &machine.name);
        if machine.state != State::Off || !machine.saved {
            let what = Phrase::new("vm.save/undo_gone").with("name", &machine.name);
            return Err(Refusal::Unsupported { what }.into());
        }
        let ops = vec![Start { machine: machine.id.clone() }.into()];
        Ok(Change::new(phrase("summary"), ops, phrase("done"), phrase("told")).plan())
    }
}
