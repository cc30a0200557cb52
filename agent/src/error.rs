//! Failures that people see: a short reference in the sentence, the same in the log.

use std::fmt;

/// Four hex digits that stand in the sentence and in the log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    /// A fresh one.
    pub fn new() -> Self {
        Self(format!("{:04x}", rand::random::<u16>()))
    }

    /// The reference of the n-th failure, for transcripts, whose references must not change.
    pub fn numbered(number: u64) -> Self {
        Self(format!("{number:04x}"))
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
