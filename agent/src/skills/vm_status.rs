//! "are you running?", "is web1 up?": the state of a machine, and since when. At a host or the desk, with no machine named, how that is.

use dialogue::reply::{Phrase, Reply, Var};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};
use grammar::kind::Kind;
use jiff::SignedDuration;

use super::{ANYWHERE, host_status, talk_how_are_you, talk_manners};
use crate::host::{Machine, State};
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "vm.status",
    category: Category::Know,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[
        Slot::subject(),
        Slot::optional("ask", Kind::Choice(&["when"])),
        Slot::optional("trouble", Kind::Choice(&["trouble"])),
    ],
    allocates: false,
    planned: false,
};

/// The state of a machine.
pub struct VmStatus;

impl Skill for VmStatus {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let Some(machine) = &scene.target else {
            return match scene.scope {
                Scope::Machine => Err(Refusal::WhichMachine.into()),
                Scope::Host | Scope::Desk => Ok(Plan::Answer(host_status::report(scene, None)?)),
            };
        };
        Ok(Plan::Answer(match args.word("trouble") {
            // Somebody says that something is wrong with it: all there is to see, and what could be done.
            Some(_) => {
                let offer = Phrase::new("vm.status/offer").with("name", &machine.name);
                let mut rows = talk_how_are_you::figures(machine, scene);
                rows.push(offer.with("state", talk_manners::key(machine.state)));
                Reply { rows, ..Reply::say(sentence(machine, scene)) }
            }
            None => {
                let reply = Reply::say(sentence(machine, scene));
                // Asked since when, where nobody was there to see it begin.
                let unknown = args.word("ask").is_some() && machine.since.is_none();
                if unknown { reply.and(Phrase::new("vm.status/since_unknown")) } else { reply }
            }
        }))
    }
}

/// One sentence on a machine: its state and since when, or that its host can't be reached.
pub(super) fn sentence(machine: &Machine, scene: &Scene<'_>) -> Phrase {
    let unreachable = scene
        .host
        .hypervisors()
        .into_iter()
        .find(|host| host.name == machine.id.hypervisor)
        .and_then(|host| host.unreachable);
    if let Some((since, _)) = unreachable {
        return Phrase::new("vm.status/unreachable")
            .with("name", &machine.name)
            .with("host", &machine.id.hypervisor)
            .with("since", since)
            .with("state", how(machine));
    }
    if let Some(ending) = machine.ending.filter(|_| machine.state == State::Running) {
        return Phrase::new("vm.status/ending").with("name", &machine.name).with("span", since_span(ending, scene));
    }
    let id = match machine.state {
        State::Running => "running",
        State::Paused => "paused",
        State::Asleep => "asleep",
        State::Off if machine.saved => "saved",
        State::Off => "off",
        State::Crashed => "crashed",
    };
    let phrase = Phrase::new(format!("vm.status/{id}{}", if machine.since.is_some() { "_since" } else { "" }))
        .with("name", &machine.name);
    match machine.since {
        Some(since) => phrase.with("since", since).with("span", since_span(since, scene)),
        None => phrase,
    }
}

/// The word for how a machine is: that for its state, "saved" or "shutting down".
pub(super) fn how(machine: &Machine) -> Phrase {
    match machine.state {
        State::Off if machine.saved => Phrase::new("vm.status/word_saved"),
        State::Running if machine.ending.is_some() => Phrase::new("vm.status/word_ending"),
        other => state(other),
    }
}

/// The word for a state: "running".
pub(super) fn state(state: State) -> Phrase {
    Phrase::new(match state {
        State::Running => "vm.status/word_running",
        State::Paused => "vm.status/word_paused",
        State::Asleep => "vm.status/word_asleep",
        State::Off => "vm.status/word_off",
        State::Crashed => "vm.status/word_crashed",
    })
}

fn since_span(since: jiff::Timestamp, scene: &Scene<'_>) -> Var {
    let span: SignedDuration = scene.now.timestamp().duration_since(since);
    span.into()
}
