//! Everything of `atoll` but its command line.
//!
//! A message comes in by a channel ([`chat`], XMPP), goes through [`bot`], which drives the conversation ([`dialogue`]),
//! has [`planner`] make plans from [`skills`] over what [`host`] shows, and applies them. [`teller`] tells what happened.

pub mod access;
pub mod addresses;
pub mod bot;
pub mod chat;
pub mod cli;
pub mod config;
pub mod converse;
mod desk;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod events;
pub mod explain;
mod facts;
mod greetings;
mod health;
pub mod host;
pub mod http;
pub mod journal;
pub mod known;
pub mod memory;
pub mod message;
pub mod mind;
pub mod misses;
pub mod office;
pub mod ops;
pub mod planner;
pub mod reception;
pub mod refusal;
pub mod rooms;
pub mod run;
pub mod skill;
pub mod skills;
pub mod store;
pub mod store_lock;
pub mod switchboard;
pub mod teller;
pub mod tongues;
mod turns;
pub mod xmpp;
