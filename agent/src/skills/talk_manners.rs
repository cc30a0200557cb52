//! "hello", "thanks", "bye": a greeting by name with the state in one line, and the other courtesies.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Spec};

use super::ANYWHERE;
use crate::host::State;
use crate::skill::{Args, Plan, Scene, Skill, Stop};

/// One courtesy.
pub struct Manners(&'static Spec);

/// "bye".
pub static BYE: Manners = Manners(&SPECS[0]);
/// "hello".
pub static GREET: Manners = Manners(&SPECS[1]);
/// "thanks".
pub static THANKS: Manners = Manners(&SPECS[2]);

static SPECS: [Spec; 3] = [courtesy("talk.bye"), courtesy("talk.greet"), courtesy("talk.thanks")];

const fn courtesy(id: &'static str) -> Spec {
    Spec {
        id,
        category: Category::Talk,
        scopes: ANYWHERE,
        danger: Danger::Read,
        role: Role::Viewer,
        slots: &[],
        allocates: false,
        planned: false,
    }
}

impl Skill for Manners {
    fn spec(&self) -> &'static Spec {
        self.0
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let phrase =
            if self.0.id == GREET.0.id { greeting(scene) } else { Phrase::new(format!("{}/answer", self.0.id)) };
        Ok(Plan::Answer(Reply::say(phrase.with("asker", scene.asker).with("entity", scene.entity))))
    }
}

/// From the mirror alone: a greeting is answered even when libvirt is not.
fn greeting(scene: &Scene<'_>) -> Phrase {
    let of_host = |machine: &crate::host::Machine| scene.hypervisor.is_none_or(|host| machine.id.hypervisor == host);
    match (scene.scope, &scene.target) {
        (Scope::Machine, Some(machine)) => Phrase::new("talk.greet/machine").with("state", key(machine.state)),
        _ => {
            let machines = scene.host.machines();
            let mine = || machines.iter().filter(|machine| of_host(machine));
            let id = if scene.scope == Scope::Desk { "desk" } else { "host" };
            Phrase::new(format!("talk.greet/{id}"))
                .with("count", mine().count())
                .with("running", mine().filter(|machine| machine.state == State::Running).count())
        }
    }
}

/// A state as a key for the selectors of texts.
pub(super) fn key(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Paused | State::Asleep => "paused",
        State::Off => "off",
        State::Crashed => "crashed",
    }
}
