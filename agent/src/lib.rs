//! Everything of `atoll` but its command line.
pub mod host;
