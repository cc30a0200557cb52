//! Writing messages: what an entity says, and the small signals around it.

use xmpp_parsers::chatstates::ChatState;
use xmpp_parsers::displayed_markers::{Displayed, Markable};
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::message::{Id, Lang, Message, MessageType, Thread};
use xmpp_parsers::message_correct::Replace;
use xmpp_parsers::oob::Oob;
use xmpp_parsers::receipts::{Received, Request};
use xmpp_parsers::stanza_id::OriginId;

use super::address;
use super::hints::Hint;
use super::messages::{Heard, Kind};
use super::quick::Response;
use super::replies::ReplyTo;

/// Something an entity says. Start with [`Said::answer`] or [`Said::alert`],
/// then set what else is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Local part of the speaking entity; `None` is the front desk.
    pub entity: Option<String>,
    /// To whom: a person (bare or with a device), a room, or an occupant.
    pub to: Jid,
    /// Chat, room or single message.
    pub kind: Kind,
    /// The text, complete in itself.
    pub body: String,
    /// The stanza's id; made up if absent.
    pub id: Option<String>,
    /// The earlier message of this entity that this one corrects (XEP-0308).
    pub replaces: Option<String>,
    /// The message it answers (XEP-0461), for clients that show it.
    pub reply_to: Option<ReplyTo>,
    /// The thread to stay in.
    pub thread: Option<String>,
    /// A picture or file: address and description (XEP-0066).
    pub file: Option<(String, Option<String>)>,
    /// Answers offered as buttons: value and label (XEP-0439). They must stand
    /// in the text as well.
    pub choices: Vec<(String, Option<String>)>,
    /// Whether servers are to keep it (XEP-0334).
    pub hint: Option<Hint>,
    /// Whether to ask for a receipt.
    pub receipt: bool,
    /// Kept while there is no connection.
    pub important: bool,
    /// [`Event::Arrived`](super::event::Event::Arrived) tells when the server has it.
    pub tracked: bool,
}

impl Said {
    /// The answer to what was heard: same entity, same thread, back to the
    /// room or the device it came from.
    pub fn answer(heard: &Heard, body: impl Into<String>) -> Self {
        Self {
            kind: heard.kind,
            thread: heard.thread.clone(),
            ..Self::plain(heard.entity.clone(), heard.answer_to(), body.into())
        }
    }

    /// News for a person: kept by servers, kept by us while there is no
    /// connection, and shown by phones that are asleep.
    pub fn alert(entity: Option<&str>, to: &BareJid, body: impl Into<String>) -> Self {
        Self {
            hint: Some(Hint::Store),
            important: true,
            ..Self::plain(entity.map(str::to_owned), to.clone().into(), body.into())
        }
    }

    /// News for everybody in a room.
    pub fn to_room(entity: Option<&str>, room: &BareJid, body: impl Into<String>) -> Self {
        Self { kind: Kind::Groupchat, ..Self::plain(entity.map(str::to_owned), room.clone().into(), body.into()) }
    }

    fn plain(entity: Option<String>, to: Jid, body: String) -> Self {
        Self {
            entity,
            to,
            kind: Kind::Chat,
            body,
            id: None,
            replaces: None,
            reply_to: None,
            thread: None,
            file: None,
            choices: Vec::new(),
            hint: None,
            receipt: false,
            important: false,
            tracked: false,
        }
    }

    /// The stanza, and the id by which it can be corrected later.
    pub(super) fn into_message(self, domain: &BareJid) -> (Message, String) {
        let id = self.id.unwrap_or_else(address::fresh_id);
        let mut message = Message::new_with_type(
            match self.kind {
                Kind::Chat => MessageType::Chat,
                Kind::Groupchat => MessageType::Groupchat,
                Kind::Normal => MessageType::Normal,
            },
            self.to,
        );
        message.from = Some(address::speaking(domain, self.entity.as_deref()));
        message.id = Some(Id(id.clone()));
        message.bodies.insert(Lang::new(), address::xml_text(&self.body));
        message.thread = self.thread.map(|id| Thread { parent: None, id });
        let payloads = &mut message.payloads;
        payloads.push(OriginId { id: id.clone() }.into());
        payloads.extend(self.replaces.map(|id| Replace { id: Id(id) }.into()));
        payloads.extend(self.reply_to.map(Into::into));
        payloads.extend(self.hint.map(Into::into));
        payloads.extend(self.file.map(|(url, desc)| Oob { url, desc }.into()));
        for (value, label) in self.choices {
            let value = address::xml_text(&value);
            let label = label.as_deref().map(address::xml_text);
            payloads.push(Response { value, label }.into());
        }
        if self.receipt && self.kind != Kind::Groupchat {
            payloads.push(Request.into());
            payloads.push(Markable.into());
        }
        if self.kind == Kind::Chat {
            payloads.push(ChatState::Active.into());
        }
        (message, id)
    }
}

/// A signal without text: composing, a receipt, a displayed marker.
pub(super) fn signal(domain: &BareJid, heard: &Heard, signal: Signal) -> Option<Message> {
    // Rooms are told what is said, not who is typing or has read it.
    if heard.kind == Kind::Groupchat {
        return None;
    }
    let mut message = Message::chat(heard.from.clone());
    message.from = Some(address::speaking(domain, heard.entity.as_deref()));
    let payloads = &mut message.payloads;
    match signal {
        Signal::Typing(state) => payloads.push(state.into()),
        Signal::Receipt => {
            let id = heard.id.clone().filter(|_| heard.wants_receipt)?;
            message.id = Some(Id(address::fresh_id()));
            payloads.push(Received { id }.into());
        }
        Signal::Displayed => {
            let id = heard.id.clone().filter(|_| heard.markable)?;
            message.id = Some(Id(address::fresh_id()));
            payloads.push(Displayed { id: Id(id) }.into());
        }
    }
    payloads.push(Hint::NoStore.into());
    Some(message)
}

/// The signals there are.
pub(super) enum Signal {
    /// A chat state (XEP-0085).
    Typing(ChatState),
    /// It arrived (XEP-0184).
    Receipt,
    /// It was read (XEP-0333).
    Displayed,
}
