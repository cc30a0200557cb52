//! Direct invitations to a room (XEP-0249).

use xmpp_parsers::jid::BareJid;
use xmpp_parsers::message::MessagePayload;
use xso::{AsXml, FromXml};

/// The namespace of XEP-0249.
pub const NS: &str = "jabber:x:conference";

/// An invitation sent by a person, not through the room.
#[derive(FromXml, AsXml, Debug, Clone, PartialEq, Eq)]
#[xml(namespace = NS, name = "x")]
pub struct DirectInvite {
    /// The room.
    #[xml(attribute)]
    pub jid: BareJid,
    /// Its password, if it has one.
    #[xml(attribute(default))]
    pub password: Option<String>,
    /// Why, in the person's words.
    #[xml(attribute(default))]
    pub reason: Option<String>,
}

impl MessagePayload for DirectInvite {}
