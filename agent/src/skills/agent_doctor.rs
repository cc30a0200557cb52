//! "check yourself": every component of the agent, and what is wrong with those that fail.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Spec};

use super::ANYWHERE;
use crate::skill::{Args, Health, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "agent.doctor",
    category: Category::People,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Operator,
    slots: &[],
    allocates: false,
    planned: false,
};

/// Health of the agent.
pub struct AgentDoctor;

impl Skill for AgentDoctor {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let mut legs = scene.affairs.health();
        // What is wrong stands first; the rest stays in the order it was looked at.
        legs.sort_by_key(|health| health.state.is_ok());
        let wrong = legs.iter().filter(|health| health.state.is_err()).count();
        let head = Phrase::new(if wrong == 0 { "agent.doctor/well" } else { "agent.doctor/ill" })
            .with("wrong", wrong)
            .with("count", legs.len());
        let rows = legs
            .into_iter()
            .map(|Health { leg, state }| {
                let (id, detail) = match state {
                    Ok(detail) => ("row", detail),
                    Err(why) => ("row_wrong", why),
                };
                let leg = Phrase::new(format!("agent.doctor/leg_{leg}"));
                Phrase::new(format!("agent.doctor/{id}")).with("leg", leg).with("detail", detail)
            })
            .collect();
        Ok(Plan::Answer(Reply::list(head, rows)))
    }
}
