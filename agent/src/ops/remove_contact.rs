//! A person sees an entity no more.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Agent, Kind, On, Operation};

pub(super) static KIND: Kind = Kind {
    verb: "remove_contact",
    operation: "remove contact",
    danger: Danger::Authority,
    read: super::read::<RemoveContact>,
    ..Kind::PLAIN
};

/// Takes a person off an entity's list.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveContact {
    /// The person's bare address.
    pub who: String,
    /// The entity's name.
    pub entity: String,
}

impl Operation for RemoveContact {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Agent
    }

    fn object(&self) -> Option<&str> {
        Some(&self.who)
    }

    fn on_agent(&self, agent: &Agent<'_>) -> Result<(), String> {
        agent.contacts.remove(&self.who, &self.entity)
    }

    fn line(&self, _: &str) -> String {
        format!("remove {} from {}", self.who, self.entity)
    }
}
