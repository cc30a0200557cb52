//! Rooms (XEP-0045), from the side of entities that sit in them.
//!
//! A pure state machine. Three rules matter more than the protocol: rights come
//! from an occupant's real address, never from the nick; a room is believed about
//! real addresses only if the [configuration](trust) names its service, for
//! anybody can run a service that claims its occupants are our administrators;
//! and an address at a domain where people live is never a room, whoever answers
//! there as if it were.

use std::collections::BTreeMap;

use tokio::time::{Duration, Instant};
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::muc::MucUser;
use xmpp_parsers::ns;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::stanza_error::DefinedCondition;

use self::room::{Room, State};
use self::trust::{Standing, Trust};
use super::messages::RoomInfo;

mod room;
pub mod trust;

/// How long a join may take.
const JOIN_WITHIN: Duration = Duration::from_secs(30);

/// An entity's wish to be in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The entity; `None` is the front desk.
    pub entity: Option<String>,
    /// The room.
    pub room: BareJid,
    /// The nick wanted.
    pub nick: String,
    /// The room's password.
    pub password: Option<String>,
    /// The configuration wants it there: it tries again when it is refused, and
    /// comes back when it is thrown out. Elsewhere it was taken along, and stays
    /// away when it isn't wanted.
    pub standing: bool,
}

/// What happens to an entity in a room.
#[derive(Debug, Clone, PartialEq)]
pub enum RoomEvent {
    /// It is in.
    Joined {
        /// The entity.
        entity: Option<String>,
        /// The room.
        room: BareJid,
        /// The nick that the service gave it.
        nick: String,
    },
    /// It is out.
    Left {
        /// The entity.
        entity: Option<String>,
        /// The room.
        room: BareJid,
        /// Why.
        why: Gone,
        /// It will try to get back in.
        returns: bool,
    },
}

/// Why an entity is out of a room.
#[derive(Debug, Clone, PartialEq)]
pub enum Gone {
    /// Somebody threw it out.
    Kicked,
    /// Somebody banned it.
    Banned,
    /// The room is for members now, or was destroyed.
    Closed,
    /// The service stopped.
    Shutdown,
    /// The service refused, for this reason.
    Refused(DefinedCondition),
    /// No answer.
    Silent,
    /// No room can be at such an address.
    NoRoom,
}

/// Where a stanza came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// No room that is known.
    Elsewhere,
    /// An occupant.
    Occupant(RoomInfo),
    /// Ourselves, or another of our entities.
    Ourselves,
    /// The room itself: its subject and its announcements.
    Room,
}

/// What a presence did.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// To be sent.
    pub send: Vec<Presence>,
    /// To be told.
    pub events: Vec<RoomEvent>,
    /// The room is new and locked until this entity, who made it, opens it.
    pub open: Option<Unlock>,
}

/// A new room to be opened as it is (XEP-0045 §10.1.2, an instant room).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlock {
    /// Who made it by entering.
    pub entity: Option<String>,
    /// The room.
    pub room: BareJid,
}

/// The rooms of all entities.
pub struct Rooms {
    domain: BareJid,
    trust: Trust,
    rooms: BTreeMap<(BareJid, Option<String>), Room>,
}

impl Rooms {
    /// No rooms yet.
    pub fn new(domain: BareJid, trust: Trust) -> Self {
        Self { domain, trust, rooms: BTreeMap::new() }
    }

    /// Whether a room can be at this address: not where people live, not among our own entities, not a service itself.
    pub fn possible(&self, room: &BareJid) -> bool {
        room.node().is_some() && room.domain() != self.domain.domain() && self.trust.standing(room) != Standing::Home
    }

    /// Enters a room; `None` if [no room can be](Self::possible) there. Entering one again with other settings changes them.
    pub fn join(&mut self, mut join: Join, now: Instant) -> Option<Presence> {
        if !self.possible(&join.room) {
            return None;
        }
        let key = (join.room.clone(), join.entity.clone());
        // Whoever asks for what the configuration wants anyway doesn't take that back.
        join.standing |= self.rooms.get(&key).is_some_and(|room| room.join.standing);
        let room = Room::new(join, now);
        let presence = room.enter(&self.domain);
        self.rooms.insert(key, room);
        Some(presence)
    }

    /// Leaves a room for good.
    pub fn leave(&mut self, entity: Option<&str>, room: &BareJid) -> Option<Presence> {
        let left = self.rooms.remove(&(room.clone(), entity.map(str::to_owned)))?;
        Some(left.exit(&self.domain))
    }

    /// Goodbye to every room.
    pub fn on_stop(&mut self) -> Vec<Presence> {
        let all = std::mem::take(&mut self.rooms);
        all.into_values().map(|room| room.exit(&self.domain)).collect()
    }

    /// The link is there: all rooms are entered afresh, since a server that was
    /// away may have forgotten us.
    pub fn on_link_up(&mut self, now: Instant) -> Vec<Presence> {
        let rooms = self.rooms.values_mut().filter(|room| room.state != State::Barred);
        rooms.map(|room| room.start(&self.domain, now)).collect()
    }

    /// What the configuration says has changed: rooms where none can be any more are left.
    pub fn on_trust_changed(&mut self) -> Outcome {
        let gone: Vec<_> = self.rooms.keys().filter(|(room, _)| !self.possible(room)).cloned().collect();
        let mut outcome = Outcome::default();
        for (room, entity) in gone {
            outcome.send.extend(self.leave(entity.as_deref(), &room));
            outcome.events.push(RoomEvent::Left { entity, room, why: Gone::NoRoom, returns: false });
        }
        outcome
    }

    /// Whether an entity is in a room.
    pub fn is_in(&self, entity: Option<&str>, room: &BareJid) -> bool {
        let found = self.rooms.get(&(room.clone(), entity.map(str::to_owned)));
        found.is_some_and(|room| room.state == State::In)
    }

    /// Whether an entity is in a room or on its way in.
    pub fn is_wanted(&self, entity: Option<&str>, room: &BareJid) -> bool {
        let found = self.rooms.get(&(room.clone(), entity.map(str::to_owned)));
        found.is_some_and(|room| matches!(room.state, State::Entering { .. } | State::In))
    }

    /// The rooms an entity is in.
    pub fn of(&self, entity: Option<&str>) -> Vec<BareJid> {
        let rooms = self.rooms.iter().filter(|((_, e), room)| e.as_deref() == entity && room.state == State::In);
        rooms.map(|((room, _), _)| room.clone()).collect()
    }

    /// Number of (rooms wanted, rooms in).
    pub fn count(&self) -> (usize, usize) {
        let inside = self.rooms.values().filter(|room| room.state == State::In).count();
        (self.rooms.len(), inside)
    }

    /// Who is speaking to `entity` from this address.
    ///
    /// `marked`: the message says that it came through a room. A real address is
    /// given only if the room's service is believed now; without one, whoever
    /// speaks is a stranger.
    pub fn place(&self, entity: Option<&str>, from: &Jid, marked: bool) -> Place {
        let bare = from.to_bare();
        // Servers vouch for the addresses of their people: nothing that one of them sends makes them, or anybody
        // beside them, a room.
        let standing = self.trust.standing(&bare);
        if standing == Standing::Home {
            return Place::Elsewhere;
        }
        let room = self.rooms.get(&(bare.clone(), entity.map(str::to_owned)));
        let believed = standing == Standing::Believed;
        if room.is_none() && !marked && !(believed && bare.node().is_some()) {
            return Place::Elsewhere;
        }
        let Some(nick) = from.resource().map(|nick| nick.as_str()) else {
            return Place::Room;
        };
        let real = room.filter(|_| believed).and_then(|room| room.real(nick));
        let ours = |other: &Room| other.state == State::In && other.nick == nick;
        let of_ours = self.rooms.iter().any(|((other, _), room)| *other == bare && ours(room));
        if of_ours || real.as_ref().is_some_and(|real| real.domain() == self.domain.domain()) {
            return Place::Ourselves;
        }
        Place::Occupant(RoomInfo {
            room: bare,
            nick: nick.to_owned(),
            real,
            believed,
            muc_pm: false,
            our_nick: room.map(|room| room.nick.clone()).unwrap_or_default(),
        })
    }

    /// Takes in a presence; `None` if it isn't about a room of that entity.
    pub fn on_presence(&mut self, presence: &Presence, entity: Option<&str>, now: Instant) -> Option<Outcome> {
        let from = presence.from.as_ref()?;
        let key = (from.to_bare(), entity.map(str::to_owned));
        if self.trust.standing(&key.0) == Standing::Home {
            return None;
        }
        let room = self.rooms.get_mut(&key)?;
        let nick = from.resource().map(|nick| nick.as_str().to_owned());
        let user = said_by_room(presence);
        let outcome = match (&presence.type_, nick) {
            (Type::None, Some(nick)) => room.on_here(nick, &user),
            (Type::Unavailable, Some(nick)) => room.on_gone(&nick, &user, presence, now),
            (Type::Error, _) => room.on_error(presence, &self.domain, now),
            _ => Outcome::default(),
        };
        self.forget_if_over(&key);
        Some(outcome)
    }

    /// A room that an entity was taken along to, and is out of for good, is forgotten.
    fn forget_if_over(&mut self, key: &(BareJid, Option<String>)) {
        if self.rooms.get(key).is_some_and(|room| room.state == State::Barred && !room.join.standing) {
            self.rooms.remove(key);
        }
    }

    /// A message to the room came back: it has forgotten us. Enters it again.
    pub fn on_bounce(&mut self, entity: Option<&str>, from: &Jid, now: Instant) -> Option<Presence> {
        let room = self.rooms.get_mut(&(from.to_bare(), entity.map(str::to_owned)))?;
        if room.state != State::In || from.resource().is_some() {
            return None;
        }
        Some(room.start(&self.domain, now))
    }

    /// Enters again what may be entered again by now.
    pub fn on_tick(&mut self, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        let mut over = Vec::new();
        for (key, room) in &mut self.rooms {
            match room.state {
                State::Entering { since } if now >= since + JOIN_WITHIN => {
                    let returns = room.returns();
                    outcome.events.extend(room.out(Gone::Silent, returns, now).events);
                    over.push(key.clone());
                }
                State::Out { until } if now >= until => outcome.send.push(room.start(&self.domain, now)),
                _ => {}
            }
        }
        for key in over {
            self.forget_if_over(&key);
        }
        outcome
    }
}

/// What the room itself says in a presence. Two such parts, one of which an occupant may have put in, are as good as none.
fn said_by_room(presence: &Presence) -> MucUser {
    let mut parts = presence.payloads.iter().filter(|payload| payload.is("x", ns::MUC_USER));
    match (parts.next(), parts.next()) {
        (Some(only), None) => MucUser::try_from(only.clone()).unwrap_or_default(),
        _ => MucUser::default(),
    }
}

#[cfg(test)]
mod tests;
