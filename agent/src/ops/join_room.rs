//! An entity joins a room.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Agent, Kind, On, Operation};

pub(super) static KIND: Kind = Kind {
    verb: "join_room",
    operation: "join room",
    danger: Danger::Reversible,
    read: super::read::<JoinRoom>,
    ..Kind::PLAIN
};

/// Joins a room.
#[derive(Debug, Serialize, Deserialize)]
pub struct JoinRoom {
    /// The room's bare address.
    pub room: String,
    /// The entity's name.
    pub entity: String,
    /// Who is answerable for it, by bare address.
    pub by: String,
}

impl Operation for JoinRoom {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Agent
    }

    fn object(&self) -> Option<&str> {
        Some(&self.room)
    }

    fn on_agent(&self, agent: &Agent<'_>) -> Result<(), String> {
        agent.contacts.join(&self.room, &self.entity, &self.by)
    }

    fn line(&self, _: &str) -> String {
        format!("join {} as {}", self.room, self.entity)
    }
}
