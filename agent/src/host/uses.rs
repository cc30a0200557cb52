//! Who uses a volume, and what of that could not be seen.

use super::Reason;

/// What a file is used as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsedAs {
    /// A disk of that target.
    Disk(String),
    /// A disc or floppy in the drive of that target.
    Drive(String),
    /// What a disk's image stands on.
    Backing,
    /// Where a disk's image keeps its data.
    Data,
    /// Kernel, initial file system, device tree.
    Boot,
    /// Firmware or its variables.
    Firmware,
    /// Part of a snapshot of that name.
    Snapshot(String),
    /// Part of a state that was saved.
    Saved,
    /// Something else in its definition.
    Other,
}

/// Who uses a volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// A machine, running or only defined.
    Machine {
        /// Which one.
        name: String,
        /// As what.
        role: UsedAs,
    },
    /// Another volume, whose image stands on it or keeps its data in it.
    Volume {
        /// Its pool.
        pool: String,
        /// Its name.
        name: String,
    },
    /// A pool that is made of it.
    Pool(String),
}

/// What is known of who uses a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Who does, machines first.
    pub by: Vec<Use>,
    /// What could not be looked at, so that nobody can say whether it does: a stopped pool, an image out of reach.
    pub unseen: Vec<Unseen>,
}

impl Uses {
    /// Why a volume may not be touched; `None` when nobody uses it. When all must be seen, one of which that can't be said counts as
    /// used.
    pub fn refusal(&self, volume: &str, all_seen: bool) -> Option<Reason> {
        let unseen = || self.unseen.first().filter(|_| all_seen).map(|unseen| Reason::unseen(volume, unseen));
        self.by.first().map(|by| Reason::used(volume, by)).or_else(unseen)
    }
}

/// Something that may use a volume and could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unseen {
    /// A pool that is stopped or can't be read.
    Pool(String),
    /// The definition of a machine.
    Machine(String),
    /// An image that somebody uses and whose header can't be read.
    Image(String),
}
