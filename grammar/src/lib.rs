//! Values, command patterns, the corpus file format and utterance framing.
//!
//! From the outside in:
//!
//! - [`frame`] takes an utterance apart: to whom, greeting, polite words, "and then" parts, and the *stance* of
//!   each part (a request, a how-to question, a report, a negation, …), which is what keeps "don't stop db" from
//!   stopping anything.
//! - [`answer`] reads a reply to an open question: yes, no, "the second one", "no, 30".
//! - [`pattern`] is the command grammar: all patterns of all skills, matched against the whole utterance.
//! - [`read`] reads typed values ("20 gigs", "tomorrow at 8", "all vms that are off") anywhere in a text.
//! - [`language`] tells in which language a text is written.
//! - [`corpus`] parses the text files in which skills keep their words; [`lexicon`] parses the words of a language.
//!
//! Nothing here does IO or looks at a clock: the time, the known names and the lexicon come in with
//! [`read::Context`]. Every language is a lexicon file; no word of any language stands in this crate, except in
//! the notation in which [`value::Value`] is stored. People read [`value::Value::said`].

pub mod address;
pub mod answer;
mod class;
pub mod clause;
pub mod condition;
pub mod corpus;
pub mod corrected;
pub mod duration;
mod family;
pub mod follow;
pub mod frame;
pub mod gather;
pub mod kind;
pub mod known;
pub mod language;
pub mod lexicon;
mod matcher;
pub mod mend;
pub mod name;
mod number;
pub mod pattern;
pub mod read;
pub mod recurrence;
mod say;
pub mod selector;
pub mod size;
pub mod spared;
pub mod spelling;
mod stance;
mod state;
pub mod time;
pub mod token;
pub mod value;

/// Longest text that is read at all, in characters; anything longer has no values, no readings and no parts.
///
/// Pest and every matcher here have a worst case; people don't type commands of this length.
pub const MAX_TEXT: usize = 1_000;
