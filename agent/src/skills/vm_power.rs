//! On and off: start, shut down, force off, reboot, reset, pause, resume. One table of states and ops, words in the corpus.

use std::collections::BTreeMap;

use dialogue::reply::Phrase;
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::Kind;
use grammar::value::Value;

use super::{ANYWHERE, vm_save};
use crate::host::{Feature, Machine, MachineId, State};
use crate::ops::{self, Op};
use crate::skill::{Args, Change, Plan, Receipt, Refusal, Scene, Skill, Stop};

/// In a receipt: it went on from where it was saved.
const RESTORED: &str = "restored";

/// One switch of a machine.
pub struct Power {
    spec: &'static Spec,
    /// States it may be used in.
    from: &'static [State],
    /// What is done instead in other states: whoever wants a paused one started means that it goes on.
    instead: &'static [(State, &'static Power)],
    /// What it does.
    op: fn(MachineId) -> Op,
    /// What takes it back.
    back: Option<&'static Power>,
    /// What the host must be able to do.
    features: &'static [Feature],
}

/// `virDomainCreate`; wakes one that is asleep (`virDomainPMWakeup`).
pub static START: Power = Power {
    spec: &SPECS[0],
    from: &[State::Off, State::Asleep, State::Crashed],
    instead: &[(State::Paused, &RESUME)],
    op: |machine| ops::Start { machine }.into(),
    back: Some(&SHUTDOWN),
    features: &[],
};
/// `virDomainShutdown`: asks the guest to end.
pub static SHUTDOWN: Power = Power {
    spec: &SPECS[1],
    from: &[State::Running],
    instead: &[],
    op: |machine| ops::Shutdown { machine }.into(),
    back: Some(&START),
    features: &[],
};
/// `virDomainDestroy`: pulls the plug.
pub static FORCE_OFF: Power = Power {
    spec: &SPECS[2],
    from: &[State::Running, State::Paused, State::Asleep, State::Crashed],
    instead: &[],
    op: |machine| ops::ForceOff { machine }.into(),
    back: None,
    features: &[],
};
/// `virDomainReboot`: asks the guest to start over.
pub static REBOOT: Power = Power {
    spec: &SPECS[3],
    from: &[State::Running],
    instead: &[(State::Off, &START), (State::Crashed, &START), (State::Paused, &RESUME)],
    op: |machine| ops::Reboot { machine }.into(),
    back: None,
    features: &[],
};
/// `virDomainReset`: the reset button.
pub static RESET: Power = Power {
    spec: &SPECS[4],
    from: &[State::Running, State::Paused, State::Asleep],
    instead: &[],
    op: |machine| ops::Reset { machine }.into(),
    back: None,
    features: &[Feature::Reset],
};
/// `virDomainSuspend`: stops its clock.
pub static PAUSE: Power = Power {
    spec: &SPECS[5],
    from: &[State::Running],
    instead: &[],
    op: |machine| ops::Pause { machine }.into(),
    back: Some(&RESUME),
    features: &[],
};
/// `virDomainResume`: lets it go on.
pub static RESUME: Power = Power {
    spec: &SPECS[6],
    from: &[State::Paused, State::Asleep],
    instead: &[],
    op: |machine| ops::Resume { machine }.into(),
    back: Some(&PAUSE),
    features: &[],
};

static SPECS: [Spec; 7] = [
    power("vm.start", Danger::Reversible, Role::Operator, &[Slot::target()]),
    power("vm.shutdown", Danger::Disruptive, Role::Operator, &[Slot::target()]),
    power("vm.force_off", Danger::Destructive, Role::Admin, &[Slot::target()]),
    power("vm.reboot", Danger::Disruptive, Role::Operator, &[Slot::target()]),
    power("vm.reset", Danger::Destructive, Role::Admin, &[Slot::target()]),
    power(
        "vm.pause",
        Danger::Disruptive,
        Role::Operator,
        &[Slot::target(), Slot::optional("duration", Kind::Duration)],
    ),
    power("vm.resume", Danger::Reversible, Role::Operator, &[Slot::target()]),
];

const fn power(id: &'static str, danger: Danger, role: Role, slots: &'static [Slot]) -> Spec {
    Spec { id, category: Category::Power, scopes: ANYWHERE, danger, role, slots, allocates: false, planned: false }
}

impl Skill for Power {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn features(&self) -> &'static [Feature] {
        self.features
    }

    fn instead(&self, state: State) -> Option<&'static dyn Skill> {
        let (_, other) = self.instead.iter().find(|(of, _)| *of == state)?;
        Some(*other)
    }

    fn is_part_of(&self, done: &str) -> bool {
        done == "vm.save" && matches!(self.spec.id, "vm.shutdown" | "vm.force_off" | "vm.pause")
    }

    /// Nothing wakes it by itself yet, and a pause for ever is not what was said: that must be agreed to.
    fn doubtful(&self, args: &BTreeMap<String, Value>) -> bool {
        args.contains_key("duration")
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let mut change = self.change(scene.machine()?, scene)?;
        if args.0.contains_key("duration") {
            change.caution = Some(self.phrase("summary_no_timer", scene.machine()?));
        }
        Ok(change.plan())
    }

    fn undo(&self, done: &Receipt, scene: &Scene<'_>) -> Result<Plan, Stop> {
        // What went on from where it was saved is saved again: off alone would lose it.
        if done.facts.contains_key(RESTORED) {
            return match vm_save::VmSave.plan(&Args::default(), scene)? {
                Plan::Change(change) => Ok(Change { undoable: false, ..*change }.plan()),
                other => Ok(other),
            };
        }
        match self.back {
            // What is taken back is not taken back again: "undo" goes on with what was done before.
            Some(opposite) => Ok(Change { undoable: false, ..opposite.change(scene.machine()?, scene)? }.plan()),
            None => Err(Refusal::Unsupported { what: Phrase::common("undo_unsupported") }.into()),
        }
    }
}

impl Power {
    fn change(&self, machine: &Machine, scene: &Scene<'_>) -> Result<Change, Stop> {
        if self.features.iter().any(|feature| !scene.host.can(&machine.id.hypervisor, *feature)) {
            return Err(Refusal::Unsupported { what: self.phrase("unsupported", machine) }.into());
        }
        // It does run, but not for long: that must not be taken for what was wished.
        if let (State::Running, Some(since), "vm.start") = (machine.state, machine.ending, self.spec.id) {
            let span = scene.now.timestamp().duration_since(since).max(jiff::SignedDuration::from_secs(1));
            return Err(Refusal::Unsupported { what: self.phrase("going_down", machine).with("span", span) }.into());
        }
        // What libvirt keeps of a crash it keeps of a machine without a definition too, and that one is gone with it.
        let lost = machine.state == State::Crashed && !machine.persistent && self.spec.id == "vm.start";
        if !self.from.contains(&machine.state) || lost {
            return Err(Refusal::WrongState {
                name: machine.name.clone(),
                is: machine.state,
                needs: self.phrase("needs", machine),
            }
            .into());
        }
        let mut ops = vec![(self.op)(machine.id.clone())];
        if machine.state == State::Crashed && self.spec.id == "vm.start" {
            ops.insert(0, ops::ClearCrash { machine: machine.id.clone() }.into());
        }
        // A start means something else for one that is asleep or was saved, and is said so.
        let like = match (self.spec.id, machine.state) {
            ("vm.start", State::Asleep) => "_woken",
            ("vm.start", State::Off) if machine.saved => "_restored",
            _ => "",
        };
        let phrase = |id: &str| self.phrase(&format!("{id}{like}"), machine);
        let mut change = Change::new(phrase("summary"), ops, phrase("done"), phrase("told"));
        change.undoable = self.back.is_some();
        if like == "_restored" {
            change.facts.insert(RESTORED.to_owned(), String::new());
        }
        // Off is gone, and nothing brings it back.
        if !machine.persistent && change.ops.iter().any(|op| op.kind().ends) {
            change.undoable = false;
            change.caution = Some(Phrase::new("vm.shutdown/transient").with("name", &machine.name));
        }
        Ok(change)
    }

    fn phrase(&self, id: &str, machine: &Machine) -> Phrase {
        Phrase::new(format!("{}/{id}", self.spec.id)).with("name", &machine.name)
    }
}
