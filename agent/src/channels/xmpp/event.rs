//! What the XMPP side tells the agent.

use minidom::Element;
use tokio::time::Duration;
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::stanza_error::DefinedCondition;

use super::connect::Down;
use super::messages::{Heard, Invitation};
use super::rooms::RoomEvent;
use super::subscriptions::Change;

/// Something the agent is to know or to answer.
#[derive(Debug)]
pub enum Event {
    /// There is a connection; everybody was told how everything is.
    Online {
        /// The server, as configured.
        server: String,
        /// How long there was none, unless it is the first.
        away: Option<Duration>,
    },
    /// There is no connection.
    Offline {
        /// Why.
        why: Down,
    },
    /// Somebody said something to an entity.
    Heard(Box<Heard>),
    /// An entity is invited to a room, by somebody who may.
    Invited(Invitation),
    /// Somebody who sees the entity and may not take it along invited it to a
    /// room. Told once a minute.
    InvitedInVain(Invitation),
    /// An entity came into a room or is out of it.
    Room(RoomEvent),
    /// Somebody added or removed an entity, or may not.
    Contact(Change),
    /// A request in one of [`ServiceConfig::features`](super::service::ServiceConfig::features),
    /// to be answered with [`Handle::answer`](super::service::Handle::answer).
    Asked(Request),
    /// The server has these messages: ids of what was [tracked](super::said::Said::tracked).
    Arrived(Vec<String>),
    /// Something an entity said came back.
    Bounced {
        /// Whom it was for.
        to: Jid,
        /// The entity that said it.
        entity: Option<String>,
        /// Its id.
        id: Option<String>,
        /// Why.
        condition: DefinedCondition,
    },
}

/// A request (IQ) that the agent answers: an ad-hoc command, say.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Where it came from, and where the answer goes.
    pub from: Jid,
    /// The person by whose rights it is judged; `None` is a stranger
    /// (somebody in a room without a real address).
    pub person: Option<BareJid>,
    /// The entity asked.
    pub entity: Option<String>,
    /// It changes something (`set`) rather than asks (`get`).
    pub set: bool,
    /// What is asked.
    pub payload: Element,
    /// The request's id.
    pub(super) id: String,
    /// The address asked, from which the answer must come.
    pub(super) to: Jid,
}
