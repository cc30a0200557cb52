//! What the test suites share: transcripts, real servers, real guests.

pub mod alike;
pub mod bodies;
pub mod guest;
pub mod servers;
pub mod spoken;
pub mod transcript;
