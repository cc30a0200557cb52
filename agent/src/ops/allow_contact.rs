//! A person may see an entity from now on, and hears what happens to it.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Agent, Kind, On, Operation};

pub(super) static KIND: Kind = Kind {
    verb: "allow_contact",
    operation: "allow contact",
    danger: Danger::Authority,
    read: super::read::<AllowContact>,
    ..Kind::PLAIN
};

/// Lets a person see an entity.
#[derive(Debug, Serialize, Deserialize)]
pub struct AllowContact {
    /// The person's bare address.
    pub who: String,
    /// The entity's name.
    pub entity: String,
}

impl Operation for AllowContact {
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
        agent.contacts.allow(&self.who, &self.entity)
    }

    fn line(&self, _: &str) -> String {
        format!("allow {} to see {}", self.who, self.entity)
    }
}
