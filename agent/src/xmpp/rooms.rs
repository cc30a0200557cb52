//! Rooms (XEP-0045), from the side of entities that sit in them.
//!
//! A pure state machine. Two rules matter more than the protocol: rights come
//! from an occupant's real address, never from the nick; and a room is believed
//! about real addresses only if its service is trusted, for anybody can run a
//! service that claims its occupants are our administrators.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::{Duration, Instant};
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::muc::MucUser;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::stanza_error::DefinedCondition;

use self::room::{Room, State};
use super::messages::RoomInfo;

mod room;

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
    /// The room is believed about its occupants' real addresses. Only for
    /// services that the operator runs or named; else everybody is a guest.
    pub trusted: bool,
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
        /// Real addresses can be seen: people can be known by them.
        real_addresses: bool,
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
}

/// The rooms of all entities.
pub struct Rooms {
    domain: BareJid,
    rooms: BTreeMap<(BareJid, Option<String>), Room>,
    /// Services with a room that was entered: no person has an address there.
    services: BTreeSet<String>,
}

impl Rooms {
    /// No rooms yet.
    pub fn new(domain: BareJid) -> Self {
        Self { domain, rooms: BTreeMap::new(), services: BTreeSet::new() }
    }

    /// Enters a room. Entering one again with other settings changes them.
    pub fn join(&mut self, join: Join, now: Instant) -> Presence {
        let key = (join.room.clone(), join.entity.clone());
        let room = Room::new(join, now);
        let presence = room.enter(&self.domain);
        self.rooms.insert(key, room);
        presence
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

    /// Whether a bare address is a room of this entity.
    pub fn contains(&self, entity: Option<&str>, room: &BareJid) -> bool {
        self.rooms.contains_key(&(room.clone(), entity.map(str::to_owned)))
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
    /// `marked`: the message says that it came through a room.
    pub fn place(&self, entity: Option<&str>, from: &Jid, marked: bool) -> Place {
        let bare = from.to_bare();
        let room = self.rooms.get(&(bare.clone(), entity.map(str::to_owned)));
        let service = self.services.contains(bare.domain().as_str()) && bare.node().is_some();
        if room.is_none() && !service && !marked {
            return Place::Elsewhere;
        }
        let Some(nick) = from.resource().map(|nick| nick.as_str()) else {
            return Place::Room;
        };
        let real = room.and_then(|room| room.real(nick));
        let ours = |other: &Room| other.state == State::In && other.nick == nick;
        let of_ours = self.rooms.iter().any(|((other, _), room)| *other == bare && ours(room));
        if of_ours || real.as_ref().is_some_and(|real| real.domain() == self.domain.domain()) {
            return Place::Ourselves;
        }
        Place::Occupant(RoomInfo {
            room: bare,
            nick: nick.to_owned(),
            real,
            muc_pm: false,
            our_nick: room.map(|room| room.nick.clone()).unwrap_or_default(),
        })
    }

    /// Takes in a presence; `None` if it isn't about a room of that entity.
    pub fn on_presence(&mut self, presence: &Presence, entity: Option<&str>, now: Instant) -> Option<Outcome> {
        let from = presence.from.as_ref()?;
        let room = self.rooms.get_mut(&(from.to_bare(), entity.map(str::to_owned)))?;
        let nick = from.resource().map(|nick| nick.as_str().to_owned());
        let user = presence.payloads.iter().find_map(|p| MucUser::try_from(p.clone()).ok());
        let user = user.unwrap_or_default();
        let outcome = match (&presence.type_, nick) {
            (Type::None, Some(nick)) => {
                let outcome = room.on_here(nick, &user);
                if room.state == State::In {
                    self.services.insert(from.domain().as_str().to_owned());
                }
                outcome
            }
            (Type::Unavailable, Some(nick)) => room.on_gone(&nick, &user, presence, now),
            (Type::Error, _) => room.on_error(presence, &self.domain, now),
            _ => Outcome::default(),
        };
        Some(outcome)
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
        for room in self.rooms.values_mut() {
            match room.state {
                State::Entering { since } if now >= since + JOIN_WITHIN => {
                    outcome.events.extend(room.out(Gone::Silent, true, now).events);
                }
                State::Out { until } if now >= until => outcome.send.push(room.start(&self.domain, now)),
                _ => {}
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
