//! Sizes in bytes (stand-in until the grammar crate has its own).
use serde::{Deserialize, Serialize};
use std::fmt;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 5] = [("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
        for (unit, bits) in UNITS {
            if self.0 >= 1 << bits && self.0.is_multiple_of(1 << bits) {
                return write!(f, "{} {unit}", self.0 >> bits);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}
