//! The ways in: XMPP, the web page, the terminal; and what hands on what comes in by them.

pub mod directory;
pub(crate) mod dispatch;
pub mod http;
pub mod reception;
pub mod rooms;
pub mod terminal;
pub(crate) mod turns;
pub mod xmpp;
