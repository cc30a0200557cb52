//! What the end-to-end suite starts, on loopback only and ended with its test: a real Prosody, the real `atoll`, and people
//! who talk through slixmpp, a client library written by others.

pub mod atoll;
pub mod person;
#[path = "../../agent/tests/servers/prosody.rs"]
pub mod prosody;
pub mod wire;
