//! What is done with a stanza that could not be read: the sender is told as
//! RFC 6120 §8.3 asks for, and a presence is used for the part that is sound.

use tokio_xmpp::xmlstream::RawStanzaHeader;
use xmpp_parsers::iq::Iq;
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::message::{Id, Message};
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::stanza::Stanza;
use xmpp_parsers::stanza_error::{DefinedCondition, ErrorType, StanzaError};
use xso::FromXmlText;

/// A stanza error without text.
pub fn error(type_: ErrorType, condition: DefinedCondition) -> StanzaError {
    StanzaError { type_, by: None, defined_condition: condition, texts: Default::default(), other: None }
}

/// The error reply to an unreadable stanza called `name`, or `None` where a
/// reply is forbidden (errors, results, presence), there is nobody to tell, or it
/// was not for an address of `domain`: servers end the stream of a component
/// that speaks in another's name.
pub fn reply(name: &str, header: &RawStanzaHeader, why: StanzaError, domain: &BareJid) -> Option<Stanza> {
    let sender: Jid = header.from.as_deref()?.parse().ok()?;
    let from: Jid = header.to.as_deref()?.parse().ok()?;
    if from.domain() != domain.domain() || sender.domain() == domain.domain() {
        return None;
    }
    let from = Some(from);
    let kind = header.type_.as_deref();
    match name {
        "iq" if !matches!(kind, Some("result" | "error")) => Some(Stanza::Iq(Iq::Error {
            from,
            to: Some(sender),
            // A request without an id can't be matched by its sender, but it
            // is owed an answer all the same.
            id: header.id.clone().unwrap_or_default(),
            error: why,
            payload: None,
        })),
        "message" if !matches!(kind, Some("error" | "groupchat" | "headline")) => {
            let mut message = Message::error(sender);
            message.from = from;
            message.id = header.id.clone().map(Id);
            message.payloads.push(why.into());
            Some(Stanza::Message(message))
        }
        _ => None,
    }
}

/// The sound part of a presence with an invalid show, priority or payload:
/// who, to whom, and whether available or asking for something.
pub fn salvage(name: &str, header: &RawStanzaHeader) -> Option<Presence> {
    if name != "presence" {
        return None;
    }
    let type_ = match header.type_.clone() {
        None => Type::None,
        Some(type_) => Type::from_xml_text(type_).ok()?,
    };
    let mut presence = Presence::new(type_);
    presence.from = Some(header.from.as_deref()?.parse().ok()?);
    presence.to = Some(header.to.as_deref()?.parse().ok()?);
    presence.id = header.id.clone();
    Some(presence)
}
