//! What the XMPP side knows of entities, and what it asks of the agent.
//!
//! The front desk, every hypervisor and every machine is an entity. Nothing is
//! registered with the server: whatever the [`Directory`] knows, exists.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xmpp_parsers::jid::BareJid;

/// What kind of entity it is. Entities of a class answer to the same things,
/// so that clients ask once per class (XEP-0115).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The domain itself: fleet questions, onboarding, administration.
    Desk,
    /// A host.
    Hypervisor,
    /// A virtual machine.
    Machine,
}

/// How an entity appears in contact lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Show {
    /// Available.
    Online,
    /// Away.
    Away,
    /// Away for long.
    Xa,
    /// Do not disturb.
    Dnd,
    /// Not there at all; many clients hide it.
    Offline,
}

/// A command that an entity offers (XEP-0050).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandInfo {
    /// Its node: the skill's id.
    pub node: String,
    /// Its name, as shown.
    pub name: String,
}

/// All that is told about an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityInfo {
    /// Local part of its address, escaped and prepared; `None` is the front desk.
    pub local: Option<String>,
    /// The name shown.
    pub name: String,
    /// What it is.
    pub class: Class,
    /// libvirt's identity of a machine or host.
    pub uuid: Option<Uuid>,
    /// Operating system, as far as known: chooses the avatar's colour.
    pub os: Option<String>,
    /// Local part of the hypervisor of a machine.
    pub parent: Option<String>,
    /// How it appears.
    pub show: Show,
    /// The short text next to it.
    pub status: String,
    /// The commands it offers.
    pub commands: Vec<CommandInfo>,
}

/// Knows the entities. Answered from memory: it is asked with a lock held, so
/// it must neither wait nor call back.
pub trait Directory: Send + Sync {
    /// The entity of a local part; `None` asks for the front desk.
    fn entity(&self, local: Option<&str>) -> Option<EntityInfo>;
    /// Whether there is an entity of that local part, or was until lately. Asked for every message.
    fn exists(&self, local: Option<&str>) -> bool {
        self.entity(local).is_some()
    }
    /// Whether it may be added to contacts: what is gone is kept only by those who have it.
    fn is_open(&self, local: Option<&str>) -> bool {
        self.exists(local)
    }
    /// Whether it exists, or nobody can say yet that it doesn't: nothing is taken from anybody then.
    fn may_exist(&self, local: Option<&str>) -> bool {
        self.exists(local)
    }
    /// All entities, the front desk among them.
    fn all(&self) -> Vec<EntityInfo>;
    /// The local parts of what is listed below an entity, in order: everything below the front desk, below a hypervisor its machines.
    fn below(&self, local: Option<&str>) -> Vec<String> {
        let is_below = |info: &EntityInfo| local.is_none() || info.parent.as_deref() == local;
        let below = self.all().into_iter().filter(is_below);
        let mut below: Vec<_> = below.filter_map(|info| info.local).collect();
        below.sort();
        below
    }
    /// The name of an entity.
    fn called(&self, local: &str) -> Option<String> {
        self.entity(Some(local)).map(|info| info.name)
    }
}

/// Decides who may see what. Same conditions as for [`Directory`].
pub trait Access: Send + Sync {
    /// Whether a person may see an entity: subscribe to it, find it in lists.
    fn may_see(&self, person: &BareJid, entity: Option<&str>) -> bool;
    /// Whether a person may take entities along to rooms.
    fn may_invite(&self, person: &BareJid) -> bool;
}
