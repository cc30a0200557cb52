//! People and what they may see: rights, addresses, contacts, languages.

pub mod access;
pub mod addresses;
pub mod contacts;
pub(crate) mod greetings;
pub mod languages;
