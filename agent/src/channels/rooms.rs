//! Which rooms entities were taken along to, and by whom: kept as facts, so that a restart finds them again.
//!
//! A room of the configuration is none of these. Whoever took an entity to a room must still be allowed to, whenever that
//! is looked at; a fact that names nobody (as journals of before have them) counts for nothing and is taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use jid::BareJid;
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use crate::state::journal::{Entry, Journal, Table};

/// Facts in the journal: rooms that somebody took an entity to.
pub const ROOM: &str = "room";
/// How many rooms one person may have entities sit in by invitation.
pub const MOST_INVITED: usize = 3;

/// An entity's place in a room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat {
    /// The room.
    pub room: BareJid,
    /// Localpart of the entity; `None` is the front desk.
    pub local: Option<String>,
}

/// How a seat is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    room: String,
    local: Option<String>,
    by: String,
}

impl Kept {
    fn of(seat: &Seat, by: &BareJid) -> Self {
        Self { room: seat.room.to_string(), local: seat.local.clone(), by: by.to_string() }
    }

    fn read(value: &serde_json::Value) -> Option<(Seat, BareJid)> {
        let Self { room, local, by } = Self::deserialize(value).ok()?;
        Some((Seat { room: BareJid::new(&room).ok()?, local }, BareJid::new(&by).ok()?))
    }
}

/// All seats, and who is answerable for each.
pub struct Rooms {
    journal: Arc<Journal>,
    seats: Mutex<BTreeMap<Seat, BareJid>>,
}

impl Rooms {
    /// As the journal remembers them. Facts without a person answerable are taken back.
    pub fn new(journal: Arc<Journal>, facts: &Table) -> Self {
        let rooms = Self { journal, seats: Mutex::default() };
        for (key, value) in facts.of(ROOM) {
            match Kept::read(value) {
                Some((seat, by)) => drop(rooms.seats().insert(seat, by)),
                None => {
                    tracing::warn!(
                        key,
                        "nobody is answerable for this room, so it is not entered again: have an admin say \"join …\", or name it in the configuration"
                    );
                    rooms.write(key, serde_json::Value::Null);
                }
            }
        }
        rooms
    }

    /// An entity is taken to a room by somebody. Said again it changes nothing.
    pub fn take(&self, seat: Seat, by: &BareJid) {
        let known = self.seats().insert(seat.clone(), by.clone());
        if known.as_ref() != Some(by) {
            let kept = serde_json::to_value(Kept::of(&seat, by)).expect("a seat is plain data");
            self.write(&key(&seat), kept);
        }
    }

    /// An entity is out of a room for good.
    pub fn give_up(&self, seat: &Seat) {
        if self.seats().remove(seat).is_some() {
            self.write(&key(seat), serde_json::Value::Null);
        }
    }

    /// Gives up all seats for which nobody is answerable any more; they are to be left.
    pub fn give_up_unless(&self, answerable: impl Fn(&BareJid) -> bool) -> Vec<Seat> {
        let over: Vec<Seat> =
            self.seats().iter().filter(|(_, by)| !answerable(by)).map(|(seat, _)| seat.clone()).collect();
        for seat in &over {
            self.give_up(seat);
        }
        over
    }

    /// All seats.
    pub fn all(&self) -> Vec<Seat> {
        self.seats().keys().cloned().collect()
    }

    /// Whether somebody took as many to rooms as one person may by invitation.
    pub fn enough_of(&self, by: &BareJid) -> bool {
        self.seats().values().filter(|other| *other == by).count() >= MOST_INVITED
    }

    fn write(&self, key: &str, value: serde_json::Value) {
        if let Err(error) = self.journal.write(Timestamp::now(), Entry::fact(ROOM, key, value), false) {
            tracing::error!(%error, key, "a fact could not be written down");
        }
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<Seat, BareJid>> {
        self.seats.lock()
    }
}

fn key(seat: &Seat) -> String {
    format!("{}|{}", seat.room, seat.local.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::state::journal::Opened;
    use crate::state::lock::StoreLock;

    fn jid(text: &str) -> BareJid {
        BareJid::new(text).expect("an address")
    }

    fn seat(room: &str) -> Seat {
        Seat { room: jid(room), local: Some("hv1".to_owned()) }
    }

    fn journal(folder: &tempfile::TempDir) -> Opened {
        let lock = StoreLock::take(folder.path(), "test").expect("nobody else is there");
        Journal::open(&lock, None).expect("a journal")
    }

    fn open(folder: &tempfile::TempDir) -> Rooms {
        let Opened { journal, facts, .. } = journal(folder);
        Rooms::new(Arc::new(journal), &facts)
    }

    #[test]
    fn a_room_is_remembered_with_who_is_answerable_and_a_room_that_was_left_stays_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let (otto, alice) = (jid("otto@example.org"), jid("alice@example.org"));
        let rooms = open(&folder);
        for room in ["a@rooms.example.org", "b@rooms.example.org", "c@rooms.example.org"] {
            assert!(!rooms.enough_of(&otto));
            rooms.take(seat(room), &otto);
        }
        assert!(rooms.enough_of(&otto) && !rooms.enough_of(&alice));
        rooms.take(seat("d@rooms.example.org"), &alice);
        rooms.give_up(&seat("b@rooms.example.org"));
        drop(rooms);
        let rooms = open(&folder);
        let of = |rooms: &Rooms| rooms.all().into_iter().map(|seat| seat.room.to_string()).collect::<Vec<_>>();
        assert_eq!(of(&rooms), ["a@rooms.example.org", "c@rooms.example.org", "d@rooms.example.org"]);
        // Otto may no more: his rooms are given up, and stay so.
        let left = rooms.give_up_unless(|by| *by == alice);
        assert_eq!(left, [seat("a@rooms.example.org"), seat("c@rooms.example.org")]);
        drop(rooms);
        assert_eq!(of(&open(&folder)), ["d@rooms.example.org"]);
    }

    #[test]
    fn a_fact_that_names_nobody_is_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |key: &str, value: serde_json::Value| {
            let journal = journal(&folder).journal;
            journal.write(Timestamp::now(), Entry::fact(ROOM, key, value), false).expect("it can be written");
        };
        write("trap@example.net|hv1", json!({ "room": "trap@example.net", "entity": "hv1" }));
        write("odd@example.net|hv1", json!({ "room": "odd@example.net", "local": "hv1", "by": "x", "trusted": true }));
        assert_eq!(open(&folder).all(), []);
        assert!(journal(&folder).facts.is_empty(), "and stay so");
    }
}
