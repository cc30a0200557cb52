//! Values, command patterns, the corpus file format and utterance framing.
pub mod size;
