//! What outlives the process: the journal and its facts, and the open conversations.

pub(crate) mod facts;
pub mod journal;
pub mod lock;
pub mod store;
