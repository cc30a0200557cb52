//! One room: entering, occupants, being thrown out.

use std::collections::HashMap;

use tokio::time::{Duration, Instant};
use xmpp_parsers::jid::BareJid;
use xmpp_parsers::muc::MucUser;
use xmpp_parsers::muc::muc::{History, Muc};
use xmpp_parsers::muc::user::Status;
use xmpp_parsers::presence::Presence;
use xmpp_parsers::stanza_error::{DefinedCondition, StanzaError};

use super::{Gone, Join, Outcome, RoomEvent, Unlock};
use crate::channels::xmpp::address;

/// The first pause before a room is entered again.
const PAUSE_MIN: Duration = Duration::from_secs(10);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(900);
/// Nicks tried in a row.
const MAX_NICKS: u32 = 5;
/// Occupants remembered per room.
const MAX_OCCUPANTS: usize = 5_000;

/// One room, from the side of one entity.
pub(super) struct Room {
    pub(super) join: Join,
    pub(super) nick: String,
    pub(super) state: State,
    pub(super) tries: u32,
    pub(super) pause: Duration,
    /// It was in once since it was wanted: then it exists, and lets us in.
    pub(super) was_in: bool,
    pub(super) occupants: HashMap<String, Option<BareJid>>,
}

#[derive(PartialEq)]
/// Where the entity stands.
pub(super) enum State {
    Entering {
        since: Instant,
    },
    In,
    Out {
        until: Instant,
    },
    /// Not until told again.
    Barred,
}

impl Room {
    /// A room about to be entered.
    pub(super) fn new(join: Join, now: Instant) -> Self {
        Self {
            nick: join.nick.clone(),
            join,
            state: State::Entering { since: now },
            tries: 0,
            pause: PAUSE_MIN,
            was_in: false,
            occupants: HashMap::new(),
        }
    }

    pub(super) fn start(&mut self, domain: &BareJid, now: Instant) -> Presence {
        self.occupants.clear();
        self.tries = 0;
        self.nick = self.join.nick.clone();
        self.state = State::Entering { since: now };
        self.enter(domain)
    }

    pub(super) fn enter(&self, domain: &BareJid) -> Presence {
        let mut muc = Muc::new().with_history(History::new().with_maxstanzas(0));
        muc.password = self.join.password.clone();
        self.towards(Presence::available(), domain).with_payload(muc)
    }

    pub(super) fn exit(&self, domain: &BareJid) -> Presence {
        self.towards(Presence::unavailable(), domain)
    }

    pub(super) fn towards(&self, presence: Presence, domain: &BareJid) -> Presence {
        let room = &self.join.room;
        // A nick that is no resource (over 1,023 bytes) is replaced, not sent.
        let full = room.with_resource_str(&self.nick).or_else(|_| room.with_resource_str("atoll"));
        let presence = presence.with_from(address::speaking(domain, self.join.entity.as_deref()));
        match full {
            Ok(full) => presence.with_to(full),
            Err(_) => presence.with_to(room.clone()),
        }
    }

    /// What the room says of an occupant's real address. Whether it is believed is [decided elsewhere](super::trust).
    pub(super) fn real(&self, nick: &str) -> Option<BareJid> {
        if self.state != State::In {
            return None;
        }
        self.occupants.get(nick)?.clone()
    }

    /// Whether it comes back by itself when it is out, though nobody said it shouldn't.
    pub(super) fn returns(&self) -> bool {
        self.join.standing || self.was_in
    }

    pub(super) fn on_here(&mut self, nick: String, user: &MucUser) -> Outcome {
        // Out is out: only entering brings it in, whatever the room says meanwhile.
        if !matches!(self.state, State::Entering { .. } | State::In) {
            return Outcome::default();
        }
        let real = match &user.items[..] {
            [only] => only.jid.as_ref().map(|jid| jid.to_bare()),
            _ => None,
        };
        let own = user.status.contains(&Status::SelfPresence);
        if self.occupants.len() < MAX_OCCUPANTS || self.occupants.contains_key(&nick) {
            self.occupants.insert(nick.clone(), real);
        }
        if !own {
            return Outcome::default();
        }
        // What the service calls us counts, not what we asked for (status 210).
        self.nick = nick;
        if self.state == State::In {
            return Outcome::default();
        }
        self.state = State::In;
        self.was_in = true;
        self.pause = PAUSE_MIN;
        let (entity, room) = (self.join.entity.clone(), self.join.room.clone());
        let open = user.status.contains(&Status::RoomHasBeenCreated);
        let open = open.then(|| Unlock { entity: entity.clone(), room: room.clone() });
        let joined = RoomEvent::Joined { entity, room, nick: self.nick.clone() };
        Outcome { send: Vec::new(), events: vec![joined], open }
    }

    pub(super) fn on_gone(&mut self, nick: &str, user: &MucUser, presence: &Presence, now: Instant) -> Outcome {
        self.occupants.remove(nick);
        let has = |status: Status| user.status.contains(&status);
        let own = has(Status::SelfPresence) || nick == self.nick && self.state == State::In;
        if !own {
            return Outcome::default();
        }
        if !matches!(self.state, State::Entering { .. } | State::In) {
            return Outcome::default();
        }
        if has(Status::NewNick) {
            if let Some(new) = user.items.iter().find_map(|item| item.nick.clone()) {
                self.nick = new;
            }
            return Outcome::default();
        }
        let destroyed =
            presence.payloads.iter().any(|payload| payload.children().any(|child| child.name() == "destroy"));
        if has(Status::Banned) {
            self.out(Gone::Banned, false, now)
        } else if destroyed || has(Status::ConfigMembersOnly) || has(Status::RemovalFromRoom) {
            self.out(Gone::Closed, false, now)
        } else if has(Status::ServiceShutdown) {
            self.out(Gone::Shutdown, true, now)
        } else if has(Status::Kicked) && !user.status.contains(&Status::ServiceErrorKick) {
            // Somebody doesn't want it there.
            self.out(Gone::Kicked, self.join.standing, now)
        } else {
            self.out(Gone::Kicked, self.returns(), now)
        }
    }

    pub(super) fn on_error(&mut self, presence: &Presence, domain: &BareJid, now: Instant) -> Outcome {
        let error = presence.payloads.iter().find_map(|p| StanzaError::try_from(p.clone()).ok());
        let condition = error.map_or(DefinedCondition::UndefinedCondition, |e| e.defined_condition);
        if self.state == State::Barred {
            return Outcome::default();
        }
        match condition {
            DefinedCondition::Conflict if self.tries < MAX_NICKS => {
                self.tries += 1;
                self.nick.push('_');
                self.state = State::Entering { since: now };
                Outcome { send: vec![self.enter(domain)], ..Outcome::default() }
            }
            // Waiting changes nothing about these: somebody must.
            DefinedCondition::Forbidden
            | DefinedCondition::NotAuthorized
            | DefinedCondition::RegistrationRequired
            | DefinedCondition::NotAllowed
            | DefinedCondition::JidMalformed => self.out(Gone::Refused(condition), false, now),
            _ => {
                let returns = self.returns();
                self.out(Gone::Refused(condition), returns, now)
            }
        }
    }

    pub(super) fn out(&mut self, why: Gone, returns: bool, now: Instant) -> Outcome {
        self.occupants.clear();
        self.state = if returns {
            let until = now + self.pause;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
            State::Out { until }
        } else {
            State::Barred
        };
        let left = RoomEvent::Left { entity: self.join.entity.clone(), room: self.join.room.clone(), why, returns };
        Outcome { events: vec![left], ..Outcome::default() }
    }
}
