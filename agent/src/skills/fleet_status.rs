//! "how is everybody?": how all hypervisors of this agent are doing, live, whichever of them is asked.

use dialogue::spec::{Category, Danger, Role, Scope, Spec};

use super::host_status;
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "fleet.status",
    category: Category::Fleet,
    scopes: &[Scope::Host, Scope::Desk],
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[],
    allocates: false,
    planned: false,
};

/// How all hypervisors are doing.
pub struct FleetStatus;

impl Skill for FleetStatus {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        Ok(Plan::Answer(host_status::report_of(&scene.host.hypervisors(), scene)?))
    }
}
