//! Every change Atoll can make, one file each, with all there is to know of it: what it is done on, how much harm it can do, in
//! which states, how libvirt, the fake and the agent itself do it, which events follow, and how to see afterwards that it was
//! done. Adding one is its file, its line in [`ALL`], and its two sentences in the corpus: `> op_<verb>:` ("start web1") and
//! `> deed_<verb>:` ("start of web1").
//!
//! Everything else (plans, digest, journal, locks, attribution, follow-ups) treats all ops alike and matches on none.

use std::fmt;
use std::sync::Arc;

use dialogue::reply::Phrase;
use dialogue::spec::Danger;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::engine::jobs::Jobs;
use crate::host::mirror::Mirror;
use crate::host::{EventKind, HostErrorKind, HostWrite, Machine, MachineId, State, fake, libvirt};
use crate::people::contacts::Contacts;

mod allow_contact;
mod attach_disk;
mod clear_crash;
mod copy_disks;
mod copy_volume;
mod create_snapshot;
mod create_volume;
mod define_clone;
mod delete_snapshot;
mod delete_volume;
mod detach_disk;
mod drop_left;
mod drop_moved;
mod force_off;
mod join_room;
mod leave_room;
mod migrate;
mod mirror_disk;
mod pause;
mod point_disk;
mod reboot;
mod remove_contact;
mod reset;
mod resume;
mod revert_snapshot;
mod save;
mod shutdown;
mod start;
mod stop_job;
mod undefine;

pub use allow_contact::AllowContact;
pub use attach_disk::AttachDisk;
pub use clear_crash::ClearCrash;
pub use copy_disks::CopyDisks;
pub use copy_volume::CopyVolume;
pub use create_snapshot::CreateSnapshot;
pub use create_volume::CreateVolume;
pub use define_clone::{ClonedDisk, DefineClone};
pub use delete_snapshot::DeleteSnapshot;
pub use delete_volume::DeleteVolume;
pub use detach_disk::DetachDisk;
pub use drop_left::DropLeft;
pub use drop_moved::DropMoved;
pub use force_off::ForceOff;
pub use join_room::JoinRoom;
pub use leave_room::LeaveRoom;
pub use migrate::{Copied, Migrate};
pub use mirror_disk::MirrorDisk;
pub use pause::Pause;
pub use point_disk::PointDisk;
pub use reboot::Reboot;
pub use remove_contact::RemoveContact;
pub use reset::Reset;
pub use resume::Resume;
pub use revert_snapshot::RevertSnapshot;
pub use save::Save;
pub use shutdown::Shutdown;
pub use start::Start;
pub use stop_job::StopJob;
pub use undefine::Undefine;

/// Every op there is.
pub static ALL: [&Kind; 30] = [
    &start::KIND,
    &shutdown::KIND,
    &force_off::KIND,
    &clear_crash::KIND,
    &reboot::KIND,
    &reset::KIND,
    &pause::KIND,
    &resume::KIND,
    &save::KIND,
    &create_volume::KIND,
    &delete_volume::KIND,
    &attach_disk::KIND,
    &detach_disk::KIND,
    &mirror_disk::KIND,
    &copy_volume::KIND,
    &point_disk::KIND,
    &drop_moved::KIND,
    &migrate::KIND,
    &drop_left::KIND,
    &copy_disks::KIND,
    &define_clone::KIND,
    &undefine::KIND,
    &create_snapshot::KIND,
    &revert_snapshot::KIND,
    &delete_snapshot::KIND,
    &allow_contact::KIND,
    &remove_contact::KIND,
    &join_room::KIND,
    &leave_room::KIND,
    &stop_job::KIND,
];

/// What all ops of one kind have in common.
#[derive(Debug)]
pub struct Kind {
    /// Its name in the journal and in the corpus: `create_volume`.
    pub verb: &'static str,
    /// What is tried, as [`HostError::operation`](crate::host::HostError::operation) says it: "create volume".
    pub operation: &'static str,
    /// How much harm it can do by itself; a plan may not hold an op above its skill's danger.
    pub danger: Danger,
    /// States of its machine in which it can be done; none named: in all. Checked on the host itself when it is done.
    pub from: &'static [State],
    /// The events it causes on its machine, one of each group.
    pub causes: &'static [&'static [EventKind]],
    /// Whether what its own plan tells says all that those events say.
    pub covers: bool,
    /// Whether one of those events comes whatever state the machine is in, or a full reading finds what was done.
    pub is_heard: bool,
    /// Whether its machine is off in the end.
    pub ends: bool,
    /// For ops that only ask the guest: what is done instead when it does not obey.
    pub asks: Option<&'static Harder>,
    /// Whether it may take minutes or hours: it is waited for as long as libvirt works on it, tells how far it is, and stops when asked.
    pub is_long: bool,
    /// What people call the job that it is, as the slot `job` has it: `migration`, `copy`.
    pub called: &'static [&'static str],
    /// Whether the pause and the resuming that libvirt tells while it is done are only its steps.
    pub pauses: bool,
    /// Whether its machine is then as it was once, so that what is read anew is no news.
    pub reverts: bool,
    /// Reads one from the journal.
    pub read: fn(&Value) -> Result<Op, serde_json::Error>,
}

impl Kind {
    /// What most kinds share, for `..Kind::PLAIN`; the danger is the worst until the op says less.
    pub const PLAIN: Self = Self {
        verb: "",
        operation: "",
        danger: Danger::Authority,
        from: &[],
        causes: &[],
        covers: true,
        is_heard: false,
        ends: false,
        asks: None,
        is_long: false,
        called: &[],
        pauses: false,
        reverts: false,
        read: |_| Err(serde::de::Error::custom("no op")),
    };

    /// Whether it can be done to a machine in that state.
    pub fn can_be_done(&self, state: State) -> bool {
        self.from.is_empty() || self.from.contains(&state)
    }

    /// Whether its machine is on its way down once it is done, and goes on until its guest obeys.
    pub fn asks_to_end(&self) -> bool {
        self.ends && self.asks.is_some()
    }
}

/// The hard way for a guest that does not do what it was asked, and the sentence before it is offered.
#[derive(Debug)]
pub struct Harder {
    /// Which skill.
    pub skill: &'static str,
    /// The phrase that says what the guest did not do.
    pub preface: &'static str,
}

/// What an op is done on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On<'a> {
    /// A machine.
    Machine(&'a MachineId),
    /// A volume, there already or not.
    Volume {
        /// The configured name of the hypervisor.
        hypervisor: &'a str,
        /// The pool.
        pool: &'a str,
        /// The volume's name.
        name: &'a str,
    },
    /// The agent's own contacts and rooms; no host is asked.
    Agent,
}

/// What an op has to itself while it is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lock {
    /// A machine.
    Machine(MachineId),
    /// A volume.
    Volume {
        /// The configured name of the hypervisor.
        hypervisor: String,
        /// The pool.
        pool: String,
        /// The volume's name.
        name: String,
    },
}

impl Lock {
    /// A machine, and a volume of its hypervisor.
    fn machine_and_volume(machine: &MachineId, pool: &str, name: &str) -> Vec<Self> {
        vec![Self::Machine(machine.clone()), Self::volume(&machine.hypervisor, pool, name)]
    }

    fn volume(hypervisor: &str, pool: &str, name: &str) -> Self {
        let own = str::to_owned;
        Self::Volume { hypervisor: own(hypervisor), pool: own(pool), name: own(name) }
    }
}

/// How an op stands that takes long, where nobody heard how it ended: the agent or libvirt was stopped in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// libvirt still works on it, and it can be gone on with.
    GoesOn,
    /// libvirt is at its end, or gives it up: to be looked at again.
    Ends,
    /// It was done.
    Done,
    /// It was not, and nobody works on it any more.
    NotDone,
    /// Nobody can say.
    Unknown,
}

/// A volume that an op makes or deletes, which is left over where that is cut off in the middle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left<'a> {
    /// The configured name of the hypervisor.
    pub hypervisor: &'a str,
    /// The pool.
    pub pool: &'a str,
    /// The volume's name.
    pub name: &'a str,
}

/// One change, not yet done. Names in it were checked by the plan; XML is written in `xml/write.rs` alone.
///
/// Of the three ways to do it an op has those of where it is done; the others stay as they are, and say so.
pub trait Operation: Values + fmt::Debug + Send + Sync + 'static {
    /// What all of its kind have in common.
    fn kind(&self) -> &'static Kind;

    /// What it is done on.
    fn on(&self) -> On<'_>;

    /// The hypervisor that it changes besides the one it is done on.
    fn reaches(&self) -> Option<&str> {
        None
    }

    /// What nobody else may change meanwhile.
    fn locks(&self) -> Vec<Lock> {
        match self.on() {
            On::Machine(machine) => vec![Lock::Machine(machine.clone())],
            On::Volume { hypervisor, pool, name } => vec![Lock::volume(hypervisor, pool, name)],
            On::Agent => Vec::new(),
        }
    }

    /// What it is about, in words, when that is not its machine: a snapshot, a disk, a person.
    fn object(&self) -> Option<&str> {
        None
    }

    /// The name of the machine that it makes, whose [events](Kind::causes) are then its own.
    fn makes(&self) -> Option<&str> {
        None
    }

    /// Does it on libvirt: one call, after what must hold. Blocks, on a worker's thread.
    ///
    /// # Errors
    /// What libvirt said, or what does not hold.
    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        let _ = at;
        Err(libvirt::Fault::new(HostErrorKind::Unsupported))
    }

    /// Does it on the fake, with the same preconditions; gives the event that libvirt would send.
    ///
    /// # Errors
    /// As libvirt would fail.
    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        let _ = at;
        Err(HostErrorKind::Unsupported.into())
    }

    /// How far it is on libvirt, in percent, where it [takes long](Kind::is_long).
    ///
    /// # Errors
    /// What libvirt said.
    fn progress_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Option<u8>, libvirt::Fault> {
        at.job_progress()
    }

    /// Has libvirt stop it, where it [takes long](Kind::is_long).
    ///
    /// # Errors
    /// What libvirt said.
    fn stop_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        at.stop_job()
    }

    /// How it stands on libvirt, where it [takes long](Kind::is_long) and nobody heard how it ended. Its machine may be gone.
    ///
    /// # Errors
    /// What libvirt said.
    fn stands_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        let _ = at;
        Ok(Stands::Unknown)
    }

    /// Takes up again what libvirt still works on, and does the rest of it; tells how it stands then. Blocks as long as that takes.
    ///
    /// # Errors
    /// What libvirt said, or what does not hold.
    fn take_up_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        self.stands_on_libvirt(at)
    }

    /// Does it to the agent itself.
    ///
    /// # Errors
    /// Why not, for the log.
    fn on_agent(&self, agent: &Agent<'_>) -> Result<(), String> {
        let _ = agent;
        Err("done on a host".to_owned())
    }

    /// The `host:` line of a transcript; `name` is what its machine is called.
    fn line(&self, name: &str) -> String;

    /// How its machine is where it was not done, when that is worth a sentence.
    fn undone(&self, machine: &Machine) -> Option<Phrase> {
        let _ = machine;
        None
    }

    /// What may be left over where it is cut off in the middle.
    fn leaves(&self) -> Vec<Left<'_>> {
        Vec::new()
    }

    /// Whether its machine shows that it was done; `None` when it looks the same either way, or may yet change.
    fn shows(&self, machine: &Machine) -> Option<bool> {
        let _ = machine;
        None
    }
}

/// What ops change that are done to the agent itself.
pub struct Agent<'a> {
    /// Who sees whom, and which rooms an entity is in.
    pub contacts: &'a dyn Contacts,
    /// What is being carried out.
    pub jobs: &'a Jobs,
    /// Where jobs are carried out.
    pub host: &'a dyn HostWrite,
}

/// The values of an op as plain data.
pub trait Values {
    /// All fields by name.
    fn values(&self) -> Value;
}

impl<T: Serialize> Values for T {
    fn values(&self) -> Value {
        serde_json::to_value(self).expect("an op is plain data")
    }
}

/// An op as plans, journal and hosts hold it.
#[derive(Clone, Debug)]
pub struct Op(Arc<dyn Operation>);

impl<O: Operation> From<O> for Op {
    fn from(op: O) -> Self {
        Self(Arc::new(op))
    }
}

impl std::ops::Deref for Op {
    type Target = dyn Operation;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for Op {
    fn eq(&self, other: &Self) -> bool {
        self.kind().verb == other.kind().verb && self.0.values() == other.0.values()
    }
}

impl Serialize for Op {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = self.0.values();
        values["op"] = self.kind().verb.into();
        values.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Op {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Op {
    /// Reads one as the journal keeps it: its fields, and its verb under `op`.
    ///
    /// # Errors
    /// When no such op is known any more, or a field is missing.
    pub fn read(value: &Value) -> Result<Self, serde_json::Error> {
        let verb = value.get("op").and_then(Value::as_str).unwrap_or_default();
        match ALL.iter().find(|kind| kind.verb == verb) {
            Some(kind) => (kind.read)(value),
            None => Err(serde::de::Error::custom(format_args!("no op is called \"{verb}\""))),
        }
    }

    /// The machine it is done on.
    pub fn machine(&self) -> Option<&MachineId> {
        match self.on() {
            On::Machine(machine) => Some(machine),
            On::Volume { .. } | On::Agent => None,
        }
    }

    /// The hypervisor it is done on; `None` for the agent's own.
    pub fn hypervisor(&self) -> Option<&str> {
        match self.on() {
            On::Machine(machine) => Some(&machine.hypervisor),
            On::Volume { hypervisor, .. } => Some(hypervisor),
            On::Agent => None,
        }
    }

    /// What it is done on, for errors.
    pub fn subject(&self, mirror: &Mirror) -> String {
        match self.on() {
            On::Machine(id) => id.called(mirror.machine(id)),
            On::Volume { pool, name, .. } => format!("{pool}/{name}"),
            On::Agent => String::new(),
        }
    }

    /// How much harm it can do.
    pub fn danger(&self) -> Danger {
        self.kind().danger
    }

    /// What is tried, for errors.
    pub fn operation(&self) -> &'static str {
        self.kind().operation
    }

    /// What it does in words, for "done so far": "start web1". `name` is what its machine is called.
    pub fn words(&self, name: &str) -> Phrase {
        Phrase::common(&format!("op_{}", self.kind().verb)).with("name", self.object().unwrap_or(name))
    }

    /// What it is as a noun: "start of web1".
    pub fn deed(&self, name: &str) -> Phrase {
        Phrase::common(&format!("deed_{}", self.kind().verb)).with("name", name)
    }
}

/// For [`Kind::read`].
fn read<O: Operation + DeserializeOwned>(value: &Value) -> Result<Op, serde_json::Error> {
    O::deserialize(value).map(Op::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_there_once_and_an_unknown_one_is_named() {
        let mut verbs: Vec<&str> = ALL.iter().map(|kind| kind.verb).collect();
        verbs.sort_unstable();
        let before = verbs.len();
        verbs.dedup();
        assert_eq!(verbs.len(), before);
        let unknown = Op::read(&serde_json::json!({"op": "explode"})).unwrap_err();
        assert_eq!(unknown.to_string(), "no op is called \"explode\"");
    }

    #[test]
    fn an_op_comes_back_from_the_journal_as_it_was_written() {
        let machine = MachineId { hypervisor: "hv1".to_owned(), uuid: uuid::Uuid::from_u128(7) };
        for op in [
            Op::from(Start { machine: machine.clone() }),
            Op::from(CreateSnapshot { machine, name: "nightly".to_owned() }),
            Op::from(LeaveRoom { room: "ops@rooms.example.org".to_owned(), entity: "hv1".to_owned() }),
        ] {
            let written = serde_json::to_value(&op).unwrap();
            assert_eq!(Op::read(&written).unwrap(), op);
        }
    }
}
