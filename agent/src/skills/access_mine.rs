//! "what may I do?": who somebody is here, and what that lets them do.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};

use super::ANYWHERE;
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "access.mine",
    category: Category::People,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::subject()],
    allocates: false,
    planned: false,
};

/// What the asker may do.
pub struct AccessMine;

impl Skill for AccessMine {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let id = match scene.role {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        };
        let may = Phrase::new(format!("access.mine/{id}")).with("who", scene.asker);
        Ok(Plan::Answer(Reply::say(may).and(Phrase::new("access.mine/more"))))
    }
}
