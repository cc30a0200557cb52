//! How well people are understood: contracts in JSON over the same conversation as the agent's.

pub mod converse;
pub mod evaluate;
pub mod explain;
