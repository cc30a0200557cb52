//! What a slot is filled with, and its canonical notation.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::{
    duration::Span,
    recurrence::{Days, Recurrence},
    selector::{LAST, Selector, State},
    size::{Bytes, SizeChange},
    time::When,
};

/// What a slot is filled with.
///
/// `Display` prints what the parser of the same kind reads again as the same value (a property test): sizes and
/// durations with symbols and times in ISO 8601, which every language reads; recurrences and selectors in English,
/// which the English lexicon reads. Names and texts print bare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Which machines.
    Machines(Selector),
    /// The name of something that exists or will exist.
    Name(String),
    /// An amount of bytes.
    Size(Bytes),
    /// A new size, or how to change one.
    SizeChange(SizeChange),
    /// A whole number.
    Count(u64),
    /// A percentage; more than 100 is possible ("over 200 % of a CPU").
    Percent(u8),
    /// A length of time.
    Duration(Span),
    /// A point in time.
    When(When),
    /// Again and again.
    Recurrence(Recurrence),
    /// A canonical value of a choice.
    Choice(String),
    /// A bare or full XMPP address, lower-case localpart and domain.
    Jid(String),
    /// A MAC, IP address or CIDR network, in its usual spelling (lower-case).
    Address(String),
    /// Free text, or a help topic.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Machines(selector) => selector.fmt(f),
            Value::Size(bytes) => bytes.fmt(f),
            Value::SizeChange(change) => change.fmt(f),
            Value::Count(count) => count.fmt(f),
            Value::Percent(percent) => write!(f, "{percent} %"),
            Value::Duration(span) => span.fmt(f),
            Value::When(when) => when.fmt(f),
            Value::Recurrence(recurrence) => recurrence.fmt(f),
            Value::Name(text) | Value::Choice(text) | Value::Jid(text) | Value::Address(text) | Value::Text(text) => {
                f.write_str(text)
            }
        }
    }
}
