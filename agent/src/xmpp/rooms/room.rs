//! One room: entering, occupants, being thrown out.

use std::collections::HashMap;

use tokio::time::{Duration, Instant};
use xmpp_parsers::jid::BareJid;
use xmpp_parsers::muc::MucUser;
use xmpp_parsers::muc::muc::{History, Muc};
use xmpp_parsers::muc::user::Status;
use xmpp_parsers::presence::Presence;
use xmpp_parsers::stanza_error::{DefinedCondition, StanzaError};

use super::{Gone, Join, Outcome, RoomEvent};
use crate::xmpp::address;

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
    pub(super) real_addresses: bool,
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
            real_addresses: false,
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

    pub(super) fn real(&self, nick: &str) -> Option<BareJid> {
        if !self.join.trusted || self.state != State::In {
            return None;
        }
        self.occupants.get(nick)?.clone()
    }

    pub(super) fn on_here(&mut self, nick: String, user: &MucUser) -> Outcome {
        let real = user.items.iter().find_map(|item| item.jid.as_ref()).map(|jid| jid.to_bare());
        let own = user.status.contains(&Status::SelfPresence);
        if self.occupants.len() < MAX_OCCUPANTS || self.occupants.contains_key(&nick) {
            self.occupants.insert(nick.clone(), real);
        }
        if user.status.contains(&Status::NonAnonymousRoom) {
            self.real_addresses = true;
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
        self.pause = PAUSE_MIN;
        let joined = RoomEvent::Joined {
            entity: self.join.entity.clone(),
            room: self.join.room.clone(),
            nick: self.nick.clone(),
            real_addresses: self.real_addresses && self.join.trusted,
        };
        Outcome { send: Vec::new(), events: vec![joined] }
    }

    pub(super) fn on_gone(&mut self, nick: &str, user: &MucUser, presence: &Presence, now: Instant) -> Outcome {
        self.occupants.remove(nick);
        let has = |status: Status| user.status.contains(&status);
        let own = has(Status::SelfPresence) || nick == self.nick && self.state == State::In;
        if !own {
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
        } else {
            self.out(Gone::Kicked, true, now)
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
                Outcome { send: vec![self.enter(domain)], events: Vec::new() }
            }
            // Waiting changes nothing about these: somebody must.
            DefinedCondition::Forbidden
            | DefinedCondition::NotAuthorized
            | DefinedCondition::RegistrationRequired
            | DefinedCondition::NotAllowed
            | DefinedCondition::JidMalformed => self.out(Gone::Refused(condition), false, now),
            _ => self.out(Gone::Refused(condition), true, now),
        }
    }

    pub(super) fn out(&mut self, why: Gone, returns: bool, now: Instant) -> Outcome {
        self.occupants.clear();
        self.real_addresses = false;
        self.state = if returns {
            let until = now + self.pause;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
            State::Out { until }
        } else {
            State::Barred
        };
        let left = RoomEvent::Left { entity: self.join.entity.clone(), room: self.join.room.clone(), why, returns };
        Outcome { send: Vec::new(), events: vec![left] }
    }
}
