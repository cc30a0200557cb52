//! The conversation as a machine without IO: an [`Input`](machine::Input) and the time go in, [`Action`](machine::Action)s come out.
//!
//! [`machine::Machine::on`] is the one entry point. It never waits, never looks at a clock, never touches a host:
//! it asks its driver to rank a text, to make a plan, to apply one, and to say something, and is told the outcome.
//!
//! ```text
//! Said ─► frame ─► answer to the open question? ─► command patterns ─► Rank ─► slots ─► Plan ─► policy ─► Apply / question
//! ```

mod addressed;
mod adjacent;
mod agreement;
mod amend;
mod another;
mod aside;
mod beside;
pub mod book;
mod choices;
mod clause_wise;
pub mod conditions;
mod controls;
mod details;
mod follow;
mod gist;
mod hear;
mod how_to;
mod inside;
mod kept;
pub mod language;
mod ledger;
pub mod leftover;
pub mod machine;
mod meant;
mod naming;
mod offer;
mod one_more;
mod open;
mod order;
mod outcome;
mod parts;
mod pasted;
pub mod phrases;
mod picked;
mod pointed;
pub mod policy;
mod pronouns;
mod ranked;
mod readings;
pub mod reply;
pub mod session;
mod several;
mod shortened;
mod signs;
pub mod slots;
mod snapshots;
mod sparing;
pub mod spec;
mod spelling;
mod steps;
mod take_back;
mod told;
pub mod topics;
pub mod understand;
mod veto;
mod vocabulary;

pub use controls::CONTROLS;
