//! An entity leaves a room.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Agent, Kind, On, Operation};

pub(super) static KIND: Kind = Kind {
    verb: "leave_room",
    operation: "leave room",
    danger: Danger::Reversible,
    read: super::read::<LeaveRoom>,
    ..Kind::PLAIN
};

/// Leaves a room.
#[derive(Debug, Serialize, Deserialize)]
pub struct LeaveRoom {
    /// The room's bare address.
    pub room: String,
    /// The entity's name.
    pub entity: String,
}

impl Operation for LeaveRoom {
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
        agent.contacts.leave(&self.room, &self.entity)
    }

    fn line(&self, _: &str) -> String {
        format!("leave {} as {}", self.room, self.entity)
    }
}
