//! Why a host refused or failed, in more detail than [`HostErrorKind`](super::HostErrorKind): each has a sentence in
//! `phrases.txt`, `why_<sentence>`, with its values.

use super::{Unseen, Use, UsedAs};

/// A known reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Its sentence in `phrases.txt`, without `why_`.
    pub sentence: &'static str,
    /// What stands in it: names of things, and paths of the host.
    pub values: Vec<(&'static str, String)>,
}

impl Reason {
    /// A reason without values.
    pub fn new(sentence: &'static str) -> Self {
        Self { sentence, values: Vec::new() }
    }

    /// The same with one more value.
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.values.push((key, value.into()));
        self
    }

    /// A volume that somebody uses.
    pub fn used(volume: &str, by: &Use) -> Self {
        let (name, role) = match by {
            Use::Machine { name, role } => (name, role),
            Use::Volume { pool, name } => {
                return Self::new("used_volume").with("volume", volume).with("other", name).with("pool", pool);
            }
            Use::Pool(pool) => return Self::new("used_pool").with("volume", volume).with("pool", pool),
        };
        let (sentence, detail) = match role {
            UsedAs::Disk(target) => ("used_disk", Some(("target", target))),
            UsedAs::Drive(target) => ("used_drive", Some(("target", target))),
            UsedAs::Backing => ("used_backing", None),
            UsedAs::Data => ("used_data", None),
            UsedAs::Boot => ("used_boot", None),
            UsedAs::Firmware => ("used_firmware", None),
            UsedAs::Snapshot(snapshot) => ("used_snapshot", Some(("snapshot", snapshot))),
            UsedAs::Saved => ("used_saved", None),
            UsedAs::Other => ("used_other", None),
        };
        let reason = Self::new(sentence).with("volume", volume).with("name", name);
        match detail {
            Some((key, value)) => reason.with(key, value),
            None => reason,
        }
    }

    /// A volume of which nobody can say whether it is used.
    pub fn unseen(volume: &str, what: &Unseen) -> Self {
        let (sentence, other) = match what {
            Unseen::Pool(pool) => ("unseen_pool", pool),
            Unseen::Machine(name) => ("unseen_machine", name),
            Unseen::Image(path) => ("unseen_image", path),
        };
        Self::new(sentence).with("volume", volume).with("other", other)
    }
}
