//! Reading messages: from a stanza to what a person said, or to nothing.
//!
//! What must never be reacted to is left out here, so that nothing behind this
//! module can forget it: errors, headlines, our own entities, copies and
//! archives of other messages (a forged carbon is as good as a forged sender).
//! What the bot must know to judge a text comes along: whether it was late,
//! whether it was encrypted, which message it replaces.

use jiff::Timestamp;
use minidom::Element;
use xmpp_parsers::chatstates::ChatState;
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::message::{Message, MessageType};
use xmpp_parsers::ns;
use xmpp_parsers::stanza_error::{DefinedCondition, StanzaError};

use super::conference::{self, DirectInvite};
use super::replies::{self, Fallback, ReplyTo};

/// Legacy delayed delivery (XEP-0091), without a dash in its dates.
const LEGACY_DELAY: &str = "jabber:x:delay";
/// When something was sent whose date can't be right: as long ago as can be.
pub const NO_DATE: Timestamp = Timestamp::UNIX_EPOCH;
/// Everything that carries somebody else's message inside.
const ENVELOPES: [&str; 5] = [
    "urn:xmpp:carbons:2",
    "urn:xmpp:forward:0",
    "urn:xmpp:mam:2",
    "urn:xmpp:mam:1",
    "http://jabber.org/protocol/pubsub#event",
];
/// Encryption that a component can't undo: OMEMO old and new, OpenPGP old and new.
const ENCRYPTIONS: [&str; 6] =
    [ns::EME, ns::LEGACY_OMEMO, "urn:xmpp:omemo:1", "urn:xmpp:omemo:2", "jabber:x:encrypted", "urn:xmpp:openpgp:0"];

/// How a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To one entity, as part of a conversation.
    Chat,
    /// To everybody in a room.
    Groupchat,
    /// To one entity, on its own.
    Normal,
}

/// Where in a room something was said, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomInfo {
    /// The room.
    pub room: BareJid,
    /// The speaker's nick: for addressing, never for rights.
    pub nick: String,
    /// The speaker's real address, if the room told it and is believed.
    pub real: Option<BareJid>,
    /// The configuration names the room's service.
    pub believed: bool,
    /// Said to our entity alone, through the room.
    pub muc_pm: bool,
    /// The nick by which our entity goes there.
    pub our_nick: String,
}

/// What a person said to an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The sender's address as on the stanza; in a room, `room@service/nick`.
    pub from: Jid,
    /// Local part of the entity it was said to; `None` is the front desk.
    pub entity: Option<String>,
    /// The text. Empty if `encrypted`.
    pub body: String,
    /// The stanza's id.
    pub id: Option<String>,
    /// The id given by the sender's client (XEP-0359).
    pub origin_id: Option<String>,
    /// The thread it belongs to.
    pub thread: Option<String>,
    /// The earlier message it corrects (XEP-0308).
    pub replaces: Option<String>,
    /// The message it answers (XEP-0461); the quotation is no longer in the body.
    pub reply_to: Option<ReplyTo>,
    /// When it was really sent, if it was stored on the way (XEP-0203);
    /// [`NO_DATE`] when the date can't be read, or is of the future.
    pub delayed: Option<Timestamp>,
    /// It was encrypted: the body meant for clients that can't read it is dropped.
    pub encrypted: bool,
    /// A receipt was asked for (XEP-0184).
    pub wants_receipt: bool,
    /// A displayed marker was asked for (XEP-0333).
    pub markable: bool,
    /// Chat, room or single message.
    pub kind: Kind,
    /// The room, if it came through one.
    pub room: Option<RoomInfo>,
    /// The chat state that came along (XEP-0085).
    pub chat_state: Option<ChatState>,
    /// The sender's client says that it is a bot.
    pub from_bot: bool,
}

impl Heard {
    /// The address that rights are judged by: the sender's, or in a room the
    /// occupant's real one. Without one, the speaker is a stranger.
    pub fn authority(&self) -> Option<BareJid> {
        match &self.room {
            Some(room) => room.real.clone(),
            None => Some(self.from.to_bare()),
        }
    }

    /// Where an answer goes: to the room it was said in, else to the sender.
    pub fn answer_to(&self) -> Jid {
        match self.kind {
            Kind::Groupchat => self.from.to_bare().into(),
            _ => self.from.clone(),
        }
    }
}

/// A direct invitation to a room. One that is sent through the room
/// (XEP-0045 §7.8.2) is nothing to react to: who invites is only what the room says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The entity invited.
    pub entity: Option<String>,
    /// The room.
    pub room: BareJid,
    /// Who invites: the sender of the stanza.
    pub by: BareJid,
    /// The room's password.
    pub password: Option<String>,
}

/// What a message stanza turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Something was said.
    Heard(Box<Heard>),
    /// An entity is invited to a room.
    Invited(Invitation),
    /// A message of ours came back.
    Bounced {
        /// Whom it was for.
        from: Jid,
        /// The entity that sent it.
        entity: Option<String>,
        /// Its id.
        id: Option<String>,
        /// Why.
        condition: DefinedCondition,
    },
    /// Nothing to react to.
    Nothing,
}

/// Reads a message sent to an entity of `domain`.
pub fn read(message: Message, domain: &BareJid) -> Reading {
    let (Some(from), Some(to)) = (&message.from, &message.to) else {
        return Reading::Nothing;
    };
    // Our entities don't talk to each other over the wire, not even by error.
    if from.domain() == domain.domain() || to.domain() != domain.domain() {
        return Reading::Nothing;
    }
    let entity = to.node().map(|node| node.as_str().to_owned());
    let kind = match message.type_ {
        MessageType::Chat => Kind::Chat,
        MessageType::Groupchat => Kind::Groupchat,
        MessageType::Normal => Kind::Normal,
        MessageType::Headline => return Reading::Nothing,
        MessageType::Error => {
            return Reading::Bounced {
                from: from.clone(),
                entity,
                id: message.id.map(|id| id.0),
                condition: condition(message.payloads),
            };
        }
    };
    if message.payloads.iter().any(|payload| ENVELOPES.contains(&payload.ns().as_str())) {
        return Reading::Nothing;
    }
    if kind != Kind::Groupchat && message.payloads.iter().any(invites) {
        return direct_invitation(&message, entity).map_or(Reading::Nothing, Reading::Invited);
    }
    heard(message, entity, kind).map_or(Reading::Nothing, |heard| Reading::Heard(Box::new(heard)))
}

fn heard(message: Message, entity: Option<String>, kind: Kind) -> Option<Heard> {
    let (_, body) = message.get_best_body(vec![""])?;
    let mut heard = Heard {
        from: message.from.clone()?,
        entity,
        body: body.clone(),
        id: message.id.clone().map(|id| id.0),
        origin_id: None,
        thread: message.thread.clone().map(|thread| thread.id),
        replaces: None,
        reply_to: None,
        delayed: None,
        encrypted: false,
        wants_receipt: false,
        markable: false,
        kind,
        room: None,
        chat_state: None,
        from_bot: false,
    };
    let mut fallbacks = Vec::new();
    for payload in message.payloads {
        let space = payload.ns();
        let attribute = |name: &str| payload.attr(name).map(str::to_owned);
        match (payload.name(), space.as_str()) {
            ("delay", ns::DELAY) | ("x", LEGACY_DELAY) => {
                let stamp = payload.attr("stamp").unwrap_or_default();
                // Nothing was sent in the future, so such a date is worth as much as an unreadable one.
                let sent = Some(parse_stamp(stamp)).filter(|sent| *sent <= Timestamp::now()).unwrap_or(NO_DATE);
                heard.delayed = Some(heard.delayed.map_or(sent, |other| other.min(sent)));
            }
            ("origin-id", ns::SID) => heard.origin_id = attribute("id"),
            ("replace", ns::MESSAGE_CORRECT) => heard.replaces = attribute("id"),
            ("request", ns::RECEIPTS) => heard.wants_receipt = true,
            ("markable", ns::DISPLAYED_MARKERS) => heard.markable = true,
            (_, ns::CHATSTATES) => heard.chat_state = ChatState::try_from(payload).ok(),
            ("reply", replies::NS) => heard.reply_to = ReplyTo::try_from(payload).ok(),
            ("fallback", replies::NS_FALLBACK) => fallbacks.extend(Fallback::try_from(payload)),
            (_, space) if ENCRYPTIONS.contains(&space) => heard.encrypted = true,
            _ => {}
        }
    }
    if heard.encrypted {
        heard.body.clear();
    } else if heard.reply_to.is_some() {
        heard.body = replies::without_quotation(&heard.body, &fallbacks);
    }
    if heard.body.trim().is_empty() && !heard.encrypted {
        return None;
    }
    Some(heard)
}

/// Whether a message carries the mark of having come through a room.
pub fn came_through_room(message: &Message) -> bool {
    message.payloads.iter().any(|payload| payload.is("x", ns::MUC_USER))
}

/// Whether a payload is an invitation, direct or through a room.
fn invites(payload: &Element) -> bool {
    payload.is("x", conference::NS) || payload.is("x", ns::MUC_USER) && payload.has_child("invite", ns::MUC_USER)
}

/// The invitation in a message, unless a room had its hand in it.
fn direct_invitation(message: &Message, entity: Option<String>) -> Option<Invitation> {
    if came_through_room(message) {
        return None;
    }
    let payload = message.payloads.iter().find(|payload| payload.is("x", conference::NS))?;
    let invite = DirectInvite::try_from(payload.clone()).ok()?;
    let by = message.from.as_ref()?.to_bare();
    Some(Invitation { entity, room: invite.jid, by, password: invite.password })
}

fn condition(payloads: Vec<Element>) -> DefinedCondition {
    payloads
        .into_iter()
        .find_map(|payload| StanzaError::try_from(payload).ok())
        .map_or(DefinedCondition::UndefinedCondition, |error| error.defined_condition)
}

/// XEP-0082 and the older format without dashes; what can't be read is as old
/// as can be, so that it is asked about and never done.
fn parse_stamp(stamp: &str) -> Timestamp {
    let legacy = || {
        let format = "%Y%m%dT%H:%M:%S";
        let civil = jiff::civil::DateTime::strptime(format, stamp).ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    stamp.parse().ok().or_else(legacy).unwrap_or(NO_DATE)
}

#[cfg(test)]
mod tests;
