//! What Atoll can see of the hypervisors and what it can do to them.
//!
//! [`HostRead`] is all a skill ever gets: the mirror (names, states, devices; kept by events) and a few named live
//! calls with a deadline. [`HostWrite`] is held by `engine/` alone; a skill cannot change a host, by type.
//! Both are implemented by the libvirt bridge and by the fake of the tests, under one suite.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::mpsc::Sender;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use grammar::size::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ops::{Op, Stands};

mod event;
pub mod events;
pub mod fake;
mod figures;
pub mod libvirt;
pub mod mirror;
pub mod names;
pub mod reason;
mod uses;
pub mod xml;

pub use self::event::{EventKind, HostEvent};
pub use self::figures::{HostInfo, MachineStats};
pub use self::mirror::Naming;
pub use self::reason::Reason;
pub use self::uses::{Unseen, Use, UsedAs, Uses};

/// A machine. The UUID is libvirt's; names and hosts may change, this does not: two of these are the same when their UUIDs are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MachineId {
    /// The configured name of the hypervisor that it is on, or was when this was noted.
    pub hypervisor: String,
    /// `virDomainGetUUID`.
    pub uuid: Uuid,
}

impl PartialEq for MachineId {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl Eq for MachineId {}

impl Hash for MachineId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl PartialOrd for MachineId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MachineId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl MachineId {
    /// What it is called, for people, by what is found of it: its name, or who it is when it is not there.
    pub fn called(&self, found: Option<Arc<Machine>>) -> String {
        found.map_or_else(|| self.to_string(), |machine| machine.name.clone())
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hypervisor, self.uuid)
    }
}

/// The state of a domain, as people speak of it (`virDomainState` folded).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Running, blocked or on its way down.
    Running,
    /// Paused.
    Paused,
    /// Suspended by the guest's own power management; it wakes up, or is woken.
    Asleep,
    /// Shut off, saved or not.
    Off,
    /// Crashed, kept by libvirt for a look.
    Crashed,
}

/// One domain, as the mirror knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Who it is.
    pub id: MachineId,
    /// libvirt's name of it.
    pub name: String,
    /// Its title, one line that people chose (`<title>`).
    pub title: Option<String>,
    /// What its definition says about it (`<description>`).
    pub description: Option<String>,
    /// The name that what made it keeps in the metadata: OpenStack's `nova:name` and the like.
    pub metadata_name: Option<String>,
    /// Its state.
    pub state: State,
    /// Since when it is in that state, as far as Atoll saw it; `None` before the first event.
    pub since: Option<Timestamp>,
    /// Virtual CPUs it has now.
    pub vcpus: u32,
    /// Most virtual CPUs it can be given without a new start.
    pub vcpus_max: u32,
    /// Memory it has now (the balloon's size).
    pub memory: Bytes,
    /// Most memory it can be given without a new start.
    pub memory_max: Bytes,
    /// Its disks and drives, in the order of its definition.
    pub disks: Vec<Disk>,
    /// Its network cards, in the order of its definition.
    pub nics: Vec<Nic>,
    /// What it has of its host: passed-through devices, shared folders, a TPM.
    pub passed: Vec<Passed>,
    /// Whether it starts by UEFI with its variables in flash, which no internal snapshot can hold.
    pub uefi: bool,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// Whether the definition outlives a power-off.
    pub persistent: bool,
    /// Whether it starts with its host.
    pub autostart: bool,
    /// The operating system by libosinfo's id in the metadata ("debian12"), when given.
    pub os: Option<String>,
    /// Its memory was saved when it was stopped: the next start goes on from there.
    pub saved: bool,
    /// It runs and was asked by us to shut down, then.
    pub ending: Option<Timestamp>,
    /// It is paused as a step of its move to another host, or still comes here: it counts only where it is nowhere else.
    pub moving: bool,
}

impl Machine {
    /// A machine of which nothing else is known yet: no devices, persistent.
    pub fn new(id: MachineId, name: impl Into<String>, state: State) -> Self {
        Self {
            id,
            name: name.into(),
            title: None,
            description: None,
            metadata_name: None,
            state,
            since: None,
            vcpus: 1,
            vcpus_max: 1,
            memory: Bytes(0),
            memory_max: Bytes(0),
            disks: Vec::new(),
            nics: Vec::new(),
            passed: Vec::new(),
            uefi: false,
            snapshots: Vec::new(),
            persistent: true,
            autostart: false,
            os: None,
            saved: false,
            ending: None,
            moving: false,
        }
    }

    /// What it is called besides its name: its title, and the name in its metadata. Not unique.
    pub fn also_called(&self) -> impl Iterator<Item = &str> {
        [&self.title, &self.metadata_name].into_iter().flatten().map(String::as_str)
    }
}

/// A disk or drive of a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// Target device in the guest's order: `vda`.
    pub target: String,
    /// `disk`, `cdrom`, `floppy`, `lun`.
    pub device: String,
    /// libvirt's type of what is behind it: `file`, `block`, `volume`, `network`, `dir`, `nvme`, `vhostuser`.
    pub kind: String,
    /// How a disk of the network is reached: `rbd`, `iscsi`, `nbd`, `https`.
    pub protocol: Option<String>,
    /// Path, volume, or name on the network behind it; `None` for an empty drive, and for a network disk without a name.
    pub source: Option<String>,
    /// Pool and volume name, when the source is a volume of a known pool.
    pub volume: Option<(String, String)>,
    /// Image format: `qcow2`, `raw`.
    pub format: String,
    /// Bus: `virtio`, `sata`.
    pub bus: String,
    /// Whether the guest can't write to it.
    pub readonly: bool,
    /// Whether its definition says that several machines may write to it at once (`<shareable>`).
    pub shared: bool,
}

impl Disk {
    /// Whether it holds data, unlike drives for discs and floppies.
    pub fn is_disk(&self) -> bool {
        matches!(self.device.as_str(), "disk" | "lun")
    }

    /// Whether nothing is in it: only a drive whose source is nowhere at all.
    pub fn is_empty(&self) -> bool {
        self.source.is_none() && self.volume.is_none() && self.protocol.is_none() && self.kind != "nvme"
    }
}

/// A network card of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// `52:54:00:12:34:56`.
    pub mac: Option<String>,
    /// libvirt's type of what it is connected to: `network`, `bridge`, `direct`, `user`, `hostdev`.
    pub kind: String,
    /// Which network, bridge or host device.
    pub source: Option<String>,
    /// `virtio`, `e1000e`.
    pub model: Option<String>,
}

/// Something of the host that a domain is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// What sort of thing.
    pub kind: PassedKind,
    /// Which: an address, a pair of vendor and product, a folder, a version.
    pub what: String,
}

/// Sorts of things that a domain is given of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedKind {
    /// A PCI device: a graphics card, a network card.
    Pci,
    /// A USB device.
    Usb,
    /// A SCSI device of the host.
    Scsi,
    /// A slice of a device (`mdev`): a virtual GPU.
    Mediated,
    /// Another device of the host.
    Other,
    /// USB devices of whoever looks at its screen.
    Redirected,
    /// A TPM, of the host or emulated.
    Tpm,
    /// A folder of the host.
    Folder,
}

/// How full a disk is (`virDomainGetBlockInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskUse {
    /// Size the guest sees.
    pub capacity: Bytes,
    /// Bytes it takes on the host.
    pub allocation: Bytes,
}

impl DiskUse {
    /// The least that a copy is counted with.
    const LEAST: Bytes = Bytes(1 << 20);

    /// What a copy of it takes at most: a sparse image grows no further while it is copied than to all that it can hold; `whole` when
    /// what is empty is copied too.
    pub fn of_copy(&self, whole: bool) -> Bytes {
        if whole { self.capacity } else { self.allocation.max(Self::LEAST) }
    }
}

/// A snapshot of a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// When it was taken.
    pub created: Timestamp,
    /// The domain's state kept in it.
    pub state: State,
    /// Whether the domain's disks stand on it now.
    pub current: bool,
    /// Targets of the disks that the domain had then; `None` when its definition is not kept in it.
    pub disks: Option<Vec<String>>,
}

/// A storage pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Type in libvirt's words: `dir`, `nfs`, `logical`.
    pub kind: String,
    /// Whether it is active.
    pub active: bool,
    /// Its size.
    pub capacity: Bytes,
    /// What is still free.
    pub available: Bytes,
}

/// A volume in a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Its name: `data.qcow2`.
    pub name: String,
    /// Where it is on the host.
    pub path: String,
    /// Size a guest sees.
    pub capacity: Bytes,
    /// Bytes it takes.
    pub allocation: Bytes,
}

/// One configured hypervisor, as the mirror knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypervisor {
    /// The configured name.
    pub name: String,
    /// The libvirt URI.
    pub uri: String,
    /// `None` when reachable; else since when not, and libvirt's words for why.
    pub unreachable: Option<(Timestamp, String)>,
    /// Whether its machines have been read since the start. While they have not, nobody can say which there are.
    pub read: bool,
}

/// What a host may or may not be able to do; a plan refuses before its first op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// Attach and detach devices.
    DeviceAttach,
    /// Create and delete volumes.
    Volumes,
    /// Snapshots of a domain.
    Snapshots,
    /// Reset without a clean end.
    Reset,
    /// Memory kept on disk while off.
    Save,
    /// Disks copied and moved while on.
    BlockJobs,
    /// Machines moved to other hosts: only where there are several.
    Migrate,
}

/// What a skill sees of the fleet. Mirror calls never block; live calls have a deadline of a few seconds.
pub trait HostRead: Send + Sync {
    /// All configured hypervisors.
    fn hypervisors(&self) -> Vec<Hypervisor>;
    /// All machines of all hypervisors, by name.
    fn machines(&self) -> Vec<Arc<Machine>>;
    /// One machine, on whichever host it is now: of one that is on several, where it runs.
    fn machine(&self, id: &MachineId) -> Option<Arc<Machine>>;
    /// Whether anything is called otherwise than before: then these numbers are others.
    fn naming(&self) -> Naming;
    /// Machines of that name, upper or lower case; asked for every word of every message, so it looks at no others.
    fn named(&self, name: &str) -> Vec<Arc<Machine>>;
    /// Machines with that title, or that name in their metadata, upper or lower case; asked for as often.
    fn also_called(&self, name: &str) -> Vec<Arc<Machine>>;
    /// Machines of hypervisors that were not read since the start, as they are remembered: who they are, and their names.
    fn remembered(&self) -> Vec<(MachineId, String)> {
        Vec::new()
    }
    /// The pools of a hypervisor (mirror).
    fn pools(&self, hypervisor: &str) -> Vec<Pool>;
    /// Whether that hypervisor can do such things.
    fn can(&self, hypervisor: &str, feature: Feature) -> bool;
    /// Live: a machine, read again, so that a plan that would change it rests on how it is now. Where it can't be read
    /// in time this is what the mirror has; what changes later is found by the preconditions of the op.
    fn look_again(&self, id: &MachineId) -> Option<Arc<Machine>> {
        self.machine(id)
    }
    /// Time since some fixed moment, on the clock that stamps [`HostEvent::steady`]: one that nobody sets.
    fn steady(&self) -> Duration {
        steady()
    }
    /// Live: what a machine uses now.
    ///
    /// # Errors
    /// As [`HostError`]: unreachable, timed out, gone.
    fn stats(&self, id: &MachineId) -> Result<MachineStats, HostError>;
    /// Live: what the running machines of a hypervisor use now, asked for all at once.
    ///
    /// # Errors
    /// As [`HostError`]; a machine that tells nothing is simply not among them.
    fn usage(&self, hypervisor: &str) -> Result<HashMap<Uuid, MachineStats>, HostError>;
    /// Live: how full one disk is.
    ///
    /// # Errors
    /// As [`HostError`].
    fn disk_use(&self, id: &MachineId, target: &str) -> Result<DiskUse, HostError>;
    /// Live: the names of the networks of a hypervisor that are active.
    ///
    /// # Errors
    /// As [`HostError`].
    fn networks(&self, hypervisor: &str) -> Result<Vec<String>, HostError>;
    /// Live: the volumes of a pool.
    ///
    /// # Errors
    /// As [`HostError`].
    fn volumes(&self, hypervisor: &str, pool: &str) -> Result<Vec<Volume>, HostError>;
    /// Live: who uses a volume, found on the host itself: every definition, snapshot, pool and image of it.
    ///
    /// # Errors
    /// As [`HostError`].
    fn uses(&self, hypervisor: &str, pool: &str, volume: &str) -> Result<Uses, HostError>;
    /// Live: how far an op is that takes long, in percent; `None` when nobody can say.
    ///
    /// # Errors
    /// As [`HostError`].
    fn progress(&self, op: &Op) -> Result<Option<u8>, HostError>;
    /// Live: how an op stands that takes long, where nobody heard how it ended. Blocks for as long as the host takes.
    ///
    /// # Errors
    /// As [`HostError`].
    fn stands(&self, op: &Op) -> Result<Stands, HostError> {
        let _ = op;
        Ok(Stands::Unknown)
    }
    /// Live: hardware and versions.
    ///
    /// # Errors
    /// As [`HostError`].
    fn host_info(&self, hypervisor: &str) -> Result<HostInfo, HostError>;
}

/// Does ops. Each checks its preconditions when applied; blocking, called on a blocking thread.
pub trait HostWrite: Send + Sync {
    /// Does one op.
    ///
    /// # Errors
    /// As [`HostError`]; [`HostErrorKind::TimedOut`] and [`HostErrorKind::Lost`] mean that the outcome is unknown.
    fn apply(&self, op: &Op) -> Result<(), HostError>;

    /// The same. When the call was given up on and is still under way, `late` hears how it ended once it comes back, be it
    /// minutes later; `late` is dropped when there is nothing more to come.
    ///
    /// # Errors
    /// As [`HostWrite::apply`].
    fn apply_late(&self, op: &Op, late: Late) -> Result<(), HostError> {
        drop(late);
        self.apply(op)
    }

    /// Takes up again an op that takes long and that libvirt [goes on with](Stands::GoesOn), and does the rest of it; how it stands then.
    ///
    /// # Errors
    /// As [`HostWrite::apply`].
    fn take_up(&self, op: &Op) -> Result<Stands, HostError> {
        let _ = op;
        Ok(Stands::Unknown)
    }

    /// Has an op that takes long stop on the way: then it fails with [`HostErrorKind::Stopped`], or was done just before.
    ///
    /// # Errors
    /// As [`HostError`]: most ops can't be stopped.
    fn stop(&self, op: &Op) -> Result<(), HostError>;
}

/// Hears how an op ended that its caller could not wait for.
pub type Late = Sender<Result<(), HostError>>;

/// Time since the first call, which no setting of a clock changes.
pub fn steady() -> Duration {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGIN.elapsed()
}

/// What went wrong at the host, mapped once from libvirt's codes.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {on}: {kind}")]
pub struct HostError {
    /// What sort of failure.
    pub kind: HostErrorKind,
    /// What was tried: `start`, `attach disk`.
    pub operation: &'static str,
    /// On what: a machine's or volume's name.
    pub on: String,
    /// Why exactly, when it is known: it has a sentence of its own.
    pub reason: Option<Reason>,
    /// libvirt's own words.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Kinds of [`HostError`], told apart by type and never by string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostErrorKind {
    /// It is not there any more.
    #[error("not found")]
    NotFound,
    /// Something of that name is there already.
    #[error("exists already")]
    Exists,
    /// It is in a state that does not allow this.
    #[error("wrong state")]
    WrongState,
    /// This driver can't do it.
    #[error("not supported by this host")]
    Unsupported,
    /// libvirt does not let us.
    #[error("access denied by the host")]
    Denied,
    /// No space left, no memory left.
    #[error("no room left")]
    NoRoom,
    /// Somebody else is changing it.
    #[error("busy")]
    Busy,
    /// There is no connection; nothing was done.
    #[error("host unreachable")]
    Unreachable,
    /// All threads for such calls wait for the host already; nothing was done.
    #[error("too many calls of this host under way")]
    Full,
    /// The connection broke during the call: it may or may not have happened.
    #[error("connection lost, outcome unknown")]
    Lost,
    /// No answer in time: it may or may not have happened.
    #[error("no answer in time, outcome unknown")]
    TimedOut,
    /// It was stopped on the way because somebody asked for that.
    #[error("stopped on request")]
    Stopped,
    /// Anything else libvirt said.
    #[error("failed")]
    Failed,
}

impl HostErrorKind {
    /// Whether nobody can say if the op happened.
    pub fn outcome_unknown(self) -> bool {
        matches!(self, Self::Lost | Self::TimedOut)
    }
}
