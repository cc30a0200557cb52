//! Servers for tests, on loopback only: a scripted raw one and a real Prosody,
//! with a client for it.

#![expect(dead_code, reason = "each test binary uses a part of it")]

pub mod client;
pub mod fake;
pub mod odd;
pub mod prosody;
pub mod tls;
