//! The XMPP side.

pub mod connect;
pub mod faults;
pub mod flat;
pub mod link;
pub mod outbox;
pub mod wire;
pub mod conference;
pub mod hints;
pub mod messages;
pub mod quick;
pub mod replies;
pub mod address;
pub mod limits;
pub mod said;
pub mod avatar;
pub mod disco;
pub mod entities;
pub mod presence;
pub mod subscriptions;
pub mod rooms;
pub mod peers;
pub mod requests;
mod core;
pub mod event;
pub mod service;
