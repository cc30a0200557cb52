//! Contacts as they are kept: one person, one entity, who sees whom.

use serde::{Deserialize, Serialize};
use xmpp_parsers::jid::BareJid;

/// One person and one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The person's bare address.
    #[serde(with = "as_text")]
    pub person: BareJid,
    /// Local part of the entity; `None` is the front desk.
    pub entity: Option<String>,
    /// The person sees the entity.
    pub sees_us: bool,
    /// Whether the entity sees the person.
    pub seen: Seen,
}

/// Whether an entity sees a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// No.
    No,
    /// It asked and has no answer yet.
    Asked,
    /// Yes.
    Yes,
}

impl Contact {
    /// Neither sees the other: there is nothing left to keep.
    pub fn is_over(&self) -> bool {
        !self.sees_us && self.seen == Seen::No
    }
}

/// Keeps contacts. Called with a lock held: it must neither wait for long nor
/// call back.
pub trait Roster: Send + Sync {
    /// All contacts kept.
    fn load(&self) -> Vec<Contact>;
    /// Keeps a contact; forgets it if it [is over](Contact::is_over).
    fn save(&self, contact: &Contact);
}

mod as_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use xmpp_parsers::jid::BareJid;

    pub fn serialize<S: Serializer>(jid: &BareJid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(jid.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BareJid, D::Error> {
        let text = String::deserialize(deserializer)?;
        BareJid::new(&text).map_err(D::Error::custom)
    }
}
