//! The XMPP side: every hypervisor and every machine as a contact.
//!
//! The agent sees [`service`] and the plain types around it: what was
//! [heard](messages), what is [said], which [entities] there are, what
//! [happens](event). Below are, each in a file and without a socket or a clock of
//! its own:
//!
//! | about | files |
//! |---|---|
//! | the connection | [`settings`], [`link`] (kept up), [`connect`] (one attempt), [`outbox`] (queue), [`wire`], `filter`, [`flat`], [`faults`] (hostile bytes and stanzas) |
//! | who sees whom, and what | [`contacts`], [`subscriptions`], [`presence`], [`disco`], [`avatar`], [`peers`] (what clients can do) |
//! | talking | [`messages`], [`said`], [`rooms`], [`limits`] (no endless answers) |
//! | questions of ours | [`requests`] |
//! | all of it without a socket, for tests | [`in_memory`] |
//! | extensions that the stanza library lacks | [`hints`], [`quick`], [`replies`], [`conference`], [`owner`] |
//!
//! Invariants: **no stanza ends the stream**; **a right never comes from a nick
//! or from a room that the configuration doesn't name**; **nothing that was forwarded, copied,
//! encrypted or said by ourselves is taken for a command**.

pub mod address;
pub mod avatar;
pub mod conference;
pub mod connect;
pub mod contacts;
mod core;
pub mod disco;
pub mod entities;
pub mod event;
pub mod faults;
mod filter;
pub mod flat;
pub mod hints;
pub mod in_memory;
pub mod limits;
pub mod link;
pub mod messages;
pub mod outbox;
pub mod owner;
mod pages;
pub mod peers;
pub mod presence;
pub mod quick;
pub mod replies;
pub mod requests;
pub mod rooms;
pub mod said;
pub mod service;
pub mod settings;
pub mod subscriptions;
pub mod wire;
