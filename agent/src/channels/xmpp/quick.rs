//! Quick responses (XEP-0439): answers offered as buttons. A client sends the
//! value of the one pressed as an ordinary message.

use xmpp_parsers::message::MessagePayload;
use xso::{AsXml, FromXml};

/// The namespace of XEP-0439.
pub const NS: &str = "urn:xmpp:tmp:quick-response";

/// One answer offered.
#[derive(FromXml, AsXml, Debug, Clone, PartialEq, Eq)]
#[xml(namespace = NS, name = "response")]
pub struct Response {
    /// What is sent when it is chosen; unique within the message.
    #[xml(attribute)]
    pub value: String,
    /// What is shown instead of the value.
    #[xml(attribute(default))]
    pub label: Option<String>,
}

impl MessagePayload for Response {}
