//! Message processing hints (XEP-0334): whether servers are to keep a message.

use xmpp_parsers::message::MessagePayload;
use xso::{AsXml, FromXml};

/// The namespace of XEP-0334.
pub const NS: &str = "urn:xmpp:hints";

/// What servers on the way are asked to do with a message.
#[derive(FromXml, AsXml, Debug, Clone, Copy, PartialEq, Eq)]
#[xml(namespace = NS, exhaustive)]
pub enum Hint {
    /// Keep it, though it may look like a message that needn't be kept.
    #[xml(name = "store")]
    Store,
    /// Keep it nowhere.
    #[xml(name = "no-store")]
    NoStore,
    /// Keep it in no archive for long.
    #[xml(name = "no-permanent-store")]
    NoPermanentStore,
    /// Don't copy it to the person's other devices.
    #[xml(name = "no-copy")]
    NoCopy,
}

impl MessagePayload for Hint {}
