//! The agent's own affairs: who sees whom, which rooms it is in, its past and its health. Skills read it; ops change it.
//!
//! What must outlive the store is written to the journal as facts, and carried out by whoever holds the XMPP side.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::skill::{AgentRead, Health};
use crate::state::journal::{Journal, Told};

/// Changes who sees whom, and which rooms an entity is in. Errors say why not, for the log.
pub trait Contacts: Send + Sync {
    /// Lets a person see an entity and hear from it.
    ///
    /// # Errors
    /// An address or a name that can't be, or no XMPP.
    fn allow(&self, who: &str, entity: &str) -> Result<(), String>;
    /// Takes a person off an entity's list.
    ///
    /// # Errors
    /// As [`Contacts::allow`].
    fn remove(&self, who: &str, entity: &str) -> Result<(), String>;
    /// Joins a room as an entity; `by` is answerable for it.
    ///
    /// # Errors
    /// As [`Contacts::allow`].
    fn join(&self, room: &str, entity: &str, by: &str) -> Result<(), String>;
    /// Leaves a room.
    ///
    /// # Errors
    /// As [`Contacts::allow`].
    fn leave(&self, room: &str, entity: &str) -> Result<(), String>;
}

/// Where there is no XMPP: everything is as if somebody had done it.
pub struct Nobody;

impl Contacts for Nobody {
    fn allow(&self, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn remove(&self, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn join(&self, _: &str, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn leave(&self, _: &str, _: &str) -> Result<(), String> {
        Ok(())
    }
}

/// Looks at the health of everything the agent stands on.
pub type Look = Box<dyn Fn() -> Vec<Health> + Send + Sync>;

/// Whether a room can be at an address.
pub type MayBeRoom = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Contacts and rooms, kept in the journal, with what is asked of XMPP and of the health beside them.
pub struct ContactBook {
    journal: Arc<Journal>,
    inner: Mutex<Inner>,
    carrier: Box<dyn Contacts>,
    health: Look,
    may_be_room: MayBeRoom,
}

#[derive(Default)]
struct Inner {
    contacts: BTreeSet<(String, String)>,
    rooms: BTreeSet<(String, String)>,
}

impl ContactBook {
    /// With nobody in it yet.
    pub fn new(journal: Arc<Journal>, carrier: Box<dyn Contacts>, health: Look) -> Self {
        Self { journal, inner: Mutex::default(), carrier, health, may_be_room: Box::new(|_| true) }
    }

    /// The same, with rooms only where they can be.
    #[must_use]
    pub fn with_rooms_where(self, may_be_room: MayBeRoom) -> Self {
        Self { may_be_room, ..self }
    }

    /// Somebody sees an entity now, or no more; told by the XMPP side.
    pub fn contact(&self, who: &str, entity: &str, sees: bool) {
        let pair = (entity.to_owned(), who.to_owned());
        let mut inner = self.lock();
        if sees {
            inner.contacts.insert(pair)
        } else {
            inner.contacts.remove(&pair)
        };
    }

    /// An entity is in a room now, or no more; told by the XMPP side.
    pub fn room(&self, room: &str, entity: &str, within: bool) {
        let pair = (entity.to_owned(), room.to_owned());
        let mut inner = self.lock();
        if within {
            inner.rooms.insert(pair)
        } else {
            inner.rooms.remove(&pair)
        };
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

impl AgentRead for ContactBook {
    fn contacts(&self, entity: Option<&str>) -> Vec<(String, String)> {
        self.lock()
            .contacts
            .iter()
            .filter(|(whose, _)| entity.is_none_or(|entity| entity == whose))
            .map(|(entity, who)| (who.clone(), entity.clone()))
            .collect()
    }

    fn people(&self) -> Vec<String> {
        let inner = self.lock();
        let people: BTreeSet<&str> = inner.contacts.iter().map(|(_, who)| who.as_str()).collect();
        people.into_iter().map(str::to_owned).collect()
    }

    fn rooms(&self, entity: &str) -> Vec<String> {
        self.lock().rooms.iter().filter(|(whose, _)| whose == entity).map(|(_, room)| room.clone()).collect()
    }

    fn may_be_room(&self, room: &str) -> bool {
        (self.may_be_room)(room)
    }

    fn history(&self, about: Option<&str>, most: usize) -> Vec<Told> {
        self.journal.told(about, most)
    }

    fn health(&self) -> Vec<Health> {
        (self.health)()
    }
}

impl Contacts for ContactBook {
    fn allow(&self, who: &str, entity: &str) -> Result<(), String> {
        self.carrier.allow(who, entity)?;
        self.contact(who, entity, true);
        Ok(())
    }

    fn remove(&self, who: &str, entity: &str) -> Result<(), String> {
        self.carrier.remove(who, entity)?;
        self.contact(who, entity, false);
        Ok(())
    }

    fn join(&self, room: &str, entity: &str, by: &str) -> Result<(), String> {
        self.carrier.join(room, entity, by)?;
        self.room(room, entity, true);
        Ok(())
    }

    fn leave(&self, room: &str, entity: &str) -> Result<(), String> {
        self.carrier.leave(room, entity)?;
        self.room(room, entity, false);
        Ok(())
    }
}
