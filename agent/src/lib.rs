//! Everything of `atoll` but its command line.
//!
//! A message comes in by a channel ([`chat`], XMPP), goes through [`bot`], which drives the conversation ([`dialogue`]),
//! has [`planner`] make plans from [`skills`] over what [`host`] shows, and applies them. [`teller`] tells what happened.

pub mod app;
pub mod channels;
pub mod cli;
pub mod config;
pub mod conversation;
pub mod engine;
pub mod error;
pub mod events;
pub mod host;
pub mod measure;
pub mod message;
pub mod nlu;
pub mod ops;
pub mod people;
pub mod refusal;
pub mod skill;
pub mod skills;
pub mod state;
