//! What a skill is, as data: from its [`Spec`] come command grammar, questions, help, permission and audit names.

use grammar::kind::Kind;
use serde::{Deserialize, Serialize};

/// Where a skill may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A virtual machine's own address.
    Machine,
    /// A hypervisor's address.
    Host,
    /// The front desk: the component's bare domain.
    Desk,
}

/// How much harm a mistake does. A property of the skill; what follows from it is in [`crate::policy`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Danger {
    /// Changes nothing.
    Read,
    /// Can be taken back with no loss: start, snapshot, attach.
    Reversible,
    /// Somebody notices: shutdown, reboot, detach.
    Disruptive,
    /// Something is lost: force off, revert, delete.
    Destructive,
    /// Changes who may do what.
    Authority,
}

/// The least role that may use a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May look.
    Viewer,
    /// May run machines.
    Operator,
    /// May also destroy and decide who may.
    Admin,
}

/// The headings of help, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Talking itself.
    Talk,
    /// On and off.
    Power,
    /// Looking.
    Know,
    /// Machines come and change.
    Make,
    /// Disks, pools, snapshots.
    Storage,
    /// Networks and cards.
    Network,
    /// Inside the guest.
    Guest,
    /// Later and regularly.
    Time,
    /// Many hosts.
    Fleet,
    /// Who may, who sees, rooms, the agent itself.
    People,
}

impl Category {
    /// The key of its heading in `phrases.txt`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Talk => "talk",
            Self::Power => "power",
            Self::Know => "know",
            Self::Make => "make",
            Self::Storage => "storage",
            Self::Network => "network",
            Self::Guest => "guest",
            Self::Time => "time",
            Self::Fleet => "fleet",
            Self::People => "people",
        }
    }
}

/// Whether a slot may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Asked for, with the `?` question of the corpus.
    Required,
    /// Never asked for.
    Optional,
    /// Taken as this, in the words a person would use, when absent.
    Default(&'static str),
    /// Where something is taken from: used when given, and read only behind words that say so ("from archive").
    Origin,
    /// The machine acted on: the one spoken to; at a host or the desk the one named, the one in focus, or asked for.
    Target,
    /// The machine asked about, if one is named or spoken to; else the host or desk itself.
    Subject,
}

/// One thing a skill wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name in patterns, questions and arguments.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be absent.
    pub need: Need,
}

/// The name of the slot that holds the machine acted on.
pub const TARGET: &str = "machine";

impl Slot {
    /// The machine acted on, under the name [`TARGET`].
    pub const fn target() -> Self {
        Self { name: TARGET, kind: Kind::Machines, need: Need::Target }
    }
    /// The machine asked about, under the name [`TARGET`]; hosts and the desk answer for themselves without one.
    pub const fn subject() -> Self {
        Self { name: TARGET, kind: Kind::Machines, need: Need::Subject }
    }
    /// A slot that is asked for.
    pub const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, need: Need::Required }
    }
    /// A slot that is used when given.
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, need: Need::Optional }
    }
    /// Where something is taken from, which is never asked for.
    pub const fn origin(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, need: Need::Origin }
    }
    /// A slot with a value of its own when absent.
    pub const fn default(name: &'static str, kind: Kind, value: &'static str) -> Self {
        Self { name, kind, need: Need::Default(value) }
    }
}

/// One capability, declared once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its id: `disk.create`; permission, audit verb and corpus heading at once.
    pub id: &'static str,
    /// Its heading in help.
    pub category: Category,
    /// Where it may be asked for.
    pub scopes: &'static [Scope],
    /// How much harm a mistake does.
    pub danger: Danger,
    /// The least role that may use it.
    pub role: Role,
    /// What it wants to know.
    pub slots: &'static [Slot],
    /// Whether it takes storage, so that its plan is shown and asked even from a command.
    pub allocates: bool,
    /// Whether it is understood but not built yet.
    pub planned: bool,
}

impl Spec {
    /// The slot of that name.
    pub fn slot(&self, name: &str) -> Option<&'static Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }

    /// Whether it can be told where a thing of that kind is taken from.
    pub fn has_origin(&self, kind: Kind) -> bool {
        self.slots.iter().any(|slot| slot.need == Need::Origin && slot.kind == kind)
    }

    /// The slots whose values can't be mistaken for a name: sizes, counts and choices.
    pub fn typed(&self) -> impl Iterator<Item = &'static Slot> {
        self.slots.iter().filter(|slot| matches!(slot.kind, Kind::Size | Kind::Count | Kind::Choice(_)))
    }

    /// The slot of the name that it gives to something new.
    pub fn new_name(&self) -> Option<&'static Slot> {
        self.slots.iter().find(|slot| matches!(slot.kind, Kind::NewName(_)))
    }

    /// Whether it acts on a machine, or can be asked about one.
    pub fn has_target(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot.need, Need::Target | Need::Subject))
    }

    /// Whether a host or the desk may be meant when no machine is named.
    pub fn answers_itself(&self) -> bool {
        self.slots.iter().any(|slot| slot.need == Need::Subject)
    }

    /// Whether it can be asked for at such an entity.
    pub fn fits(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
