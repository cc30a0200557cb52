//! "who are you?": name, UUID, where it lives and since when it runs; a host and the desk say what they look after.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Spec};

use super::{ANYWHERE, talk_manners, vm_status};
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "talk.who_are_you",
    category: Category::Talk,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[],
    allocates: false,
    planned: false,
};

/// Introduces itself.
pub struct TalkWhoAreYou;

impl Skill for TalkWhoAreYou {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let reply = match (scene.scope, &scene.target) {
            (Scope::Machine, Some(machine)) => Reply::say(
                Phrase::new("talk.who_are_you/machine")
                    .with("entity", &machine.name)
                    .with("host", &machine.id.hypervisor)
                    .with("uuid", machine.id.uuid.to_string())
                    .with("state", talk_manners::key(machine.state)),
            )
            .and(vm_status::sentence(machine, scene)),
            (scope, _) => {
                let machines = scene.host.machines();
                let hosts: Vec<String> = scene.host.hypervisors().into_iter().map(|host| host.name).collect();
                let mine = machines
                    .iter()
                    .filter(|machine| scene.hypervisor.is_none_or(|host| machine.id.hypervisor == host))
                    .count();
                let id = if scope == Scope::Desk { "desk" } else { "host" };
                Reply::say(
                    Phrase::new(format!("talk.who_are_you/{id}"))
                        .with("entity", scene.entity)
                        .with("machines", mine)
                        .with("hosts", hosts),
                )
            }
        };
        Ok(Plan::Answer(reply))
    }
}
