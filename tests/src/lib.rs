//! What the test suites share: transcripts, real servers, real guests.

pub mod bodies;
pub mod guest;
pub mod servers;
pub mod transcript;
