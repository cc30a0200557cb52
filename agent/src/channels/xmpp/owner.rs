//! Opening a new room as its owner, with the service's defaults (XEP-0045 §10.1.2).

use xmpp_parsers::iq::IqSetPayload;
use xso::{AsXml, FromXml};

/// The owner's request with an empty form.
#[derive(FromXml, AsXml, Debug, Clone, PartialEq, Eq)]
#[xml(namespace = "http://jabber.org/protocol/muc#owner", name = "query")]
pub struct Defaults {
    #[xml(child)]
    form: EmptyForm,
}

/// A form sent in without a field: everything as it is.
#[derive(FromXml, AsXml, Debug, Clone, PartialEq, Eq)]
#[xml(namespace = "jabber:x:data", name = "x")]
struct EmptyForm {
    #[xml(attribute = "type")]
    type_: String,
}

impl Defaults {
    /// All defaults.
    pub fn new() -> Self {
        Self { form: EmptyForm { type_: "submit".to_owned() } }
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self::new()
    }
}

impl IqSetPayload for Defaults {}
