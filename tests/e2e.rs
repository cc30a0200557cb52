//! End to end: the real `atoll` through a real Prosody, with a client that others wrote (slixmpp), on libvirt's test driver or on
//! real QEMU guests. Each test sees what a person would see, and looks at the host or the journal only to prove it.
//!
//! Everything is on loopback, on ports and in folders of the test's own, and ends with it.

#[path = "e2e/access.rs"]
mod access;
#[path = "e2e/command_line.rs"]
mod command_line;
#[path = "e2e/commands.rs"]
mod commands;
#[path = "e2e/contacts.rs"]
mod contacts;
#[path = "e2e/delivery.rs"]
mod delivery;
#[path = "e2e/events.rs"]
mod events;
#[path = "e2e/guests.rs"]
mod guests;
#[path = "e2e/interrupted.rs"]
mod interrupted;
#[path = "e2e/jobs.rs"]
mod jobs;
#[path = "e2e/legs.rs"]
mod legs;
#[path = "e2e/messages.rs"]
mod messages;
#[path = "e2e/names.rs"]
mod names;
#[path = "e2e/page.rs"]
mod page;
#[path = "e2e/rooms.rs"]
mod rooms;
#[path = "e2e/settings.rs"]
mod settings;
#[path = "e2e/store.rs"]
mod store;
#[path = "e2e/survival.rs"]
mod survival;
#[path = "e2e/talk.rs"]
mod talk;
#[path = "e2e/world.rs"]
mod world;
