//! "which version are you?": Atoll's version, and that of the hypervisor underneath.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Spec};

use super::ANYWHERE;
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "agent.version",
    category: Category::People,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[],
    allocates: false,
    planned: false,
};

/// Version of the agent.
pub struct AgentVersion;

impl Skill for AgentVersion {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let mut reply = Reply::say(Phrase::new("agent.version/version").with("version", env!("CARGO_PKG_VERSION")));
        // A host that doesn't answer is no reason to keep our own version to ourselves.
        if let Some(info) = scene.hypervisor.and_then(|host| scene.host.host_info(host).ok()) {
            reply = reply.and(
                Phrase::new("agent.version/below")
                    .with("driver", &info.driver)
                    .with("version", &info.version)
                    .with("libvirt", &info.libvirt),
            );
        }
        Ok(Plan::Answer(reply))
    }
}
