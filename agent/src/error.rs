//! Failures that people see: a short reference in the sentence, the same in the log; and the exit codes of what keeps a verb from its work.

use std::fmt;

use crate::config::ConfigError;
use crate::state::lock::LockError;

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

/// Does something that must not take the rest with it: if it breaks, that is logged with a reference, and everything else goes on.
pub fn guarded<T>(what: &'static str, act: impl FnOnce() -> T) -> Option<T> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
    done.inspect_err(|_| tracing::error!(reference = %Reference::new(), what, "something of ours broke; going on")).ok()
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

/// No hypervisor that is needed can be reached, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

/// The exit code of a store that another process works on.
pub const IN_USE: u8 = 5;

/// The exit code of an error: 2 the configuration is wrong, 3 a host can't be reached, 5 the store is in use, 1 anything else. (4, XMPP
/// refuses, is the doctor's: the agent tries again.)
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<ConfigError>() {
        2
    } else if error.is::<Unreachable>() {
        3
    } else if matches!(error.downcast_ref(), Some(LockError::Held { .. })) {
        IN_USE
    } else {
        1
    }
}
