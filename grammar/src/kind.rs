//! What a slot of a skill holds: the type that decides how its words are read.

use serde::{Deserialize, Serialize};

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A selector of machines: one, several, "all vms that are off", "it", "yourself".
    Machines,
    /// The name of something that exists.
    Name(Of),
    /// A name to be given: one token, unless quoted or exactly a known name.
    NewName(Of),
    /// An amount of bytes: "20 gigs", "1.5 TiB"; a bare number is GiB.
    Size,
    /// A new size or a change of one: "40 GB", "10 gigs more", "10 % more", "twice".
    SizeChange,
    /// A whole number: "4", "four", "a dozen".
    Count,
    /// A percentage: "90 %", "ninety percent".
    Percent,
    /// A length of time: "5 minutes", "1h30", "half an hour".
    Duration,
    /// A point in time: "in 20 minutes", "tomorrow at 8", "22:00".
    When,
    /// Again and again: "every weekday at 22:00", "hourly".
    Recurrence,
    /// One of these canonical values; their synonyms come from the lexicon.
    Choice(&'static [&'static str]),
    /// An XMPP address.
    Jid,
    /// A MAC, an IPv4 or IPv6 address, or a network in CIDR notation.
    Address,
    /// The rest of the utterance as words, as in "help snapshots".
    Topic,
    /// Free text: quoted, or the rest of the utterance.
    Text,
}

impl Kind {
    /// One of every kind, for whoever tries them all.
    pub const EACH: [Kind; 16] = [
        Kind::Machines,
        Kind::Name(Of::Machine),
        Kind::Name(Of::Snapshot),
        Kind::NewName(Of::Volume),
        Kind::Size,
        Kind::SizeChange,
        Kind::Count,
        Kind::Percent,
        Kind::Duration,
        Kind::When,
        Kind::Recurrence,
        Kind::Choice(&["qcow2", "raw"]),
        Kind::Jid,
        Kind::Address,
        Kind::Topic,
        Kind::Text,
    ];
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// A libvirt domain.
    Machine,
    /// A host that runs machines.
    Hypervisor,
    /// A disk of a machine, by target or file.
    Disk,
    /// A snapshot of a machine.
    Snapshot,
    /// A libvirt storage pool.
    Pool,
    /// A volume in a pool.
    Volume,
    /// A libvirt network.
    Network,
    /// A group chat room.
    Room,
    /// A tag given to machines.
    Tag,
    /// An installation image.
    Iso,
}

impl Of {
    /// Every kind of thing that has a name.
    pub const ALL: [Of; 10] = [
        Of::Machine,
        Of::Hypervisor,
        Of::Disk,
        Of::Snapshot,
        Of::Pool,
        Of::Volume,
        Of::Network,
        Of::Room,
        Of::Tag,
        Of::Iso,
    ];
}
