//! What happens on a host: an event and its kind.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MachineId;

/// Something that happened on a host, from libvirt's callbacks or from the watch over connections.
#[derive(Clone, Debug, PartialEq)]
pub struct HostEvent {
    /// Which hypervisor.
    pub hypervisor: String,
    /// Which domain, with its name then; `None` for the host itself.
    pub machine: Option<(MachineId, String)>,
    /// What happened.
    pub kind: EventKind,
    /// What it was called before, when it was renamed; which hypervisor it was on, when it moved; which it runs on too.
    pub was: Option<String>,
    /// When Atoll heard of it.
    pub at: Timestamp,
    /// The same, on [`HostRead::steady`](super::HostRead::steady)'s clock.
    pub steady: Duration,
}

/// Kinds of events, libvirt's lifecycle (`virDomainEventType` with its detail), reboot, I/O error and device callbacks folded.
/// Which is made of what: `events/lifecycle.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A new definition.
    Defined,
    /// The definition changed.
    Changed,
    /// It has another name now.
    Renamed,
    /// The definition is gone.
    Undefined,
    /// Started: booted.
    Started,
    /// Started where it had been saved.
    Restored,
    /// The same, and paused, as it was when it was saved.
    RestoredPaused,
    /// Came here from a host that is none of ours.
    MovedHere,
    /// Woke up from its sleep.
    Woken,
    /// Paused.
    Paused,
    /// Paused by libvirt, since a disk failed.
    PausedByDisk,
    /// Paused by libvirt, since the host has no room left for a disk.
    PausedNoRoom,
    /// Paused by its watchdog.
    PausedByWatchdog,
    /// Paused by libvirt, since one of its own calls failed on the way.
    PausedByFault,
    /// Paused by libvirt, since its move to another host broke on the way.
    PausedByMove,
    /// Resumed.
    Resumed,
    /// The guest ended cleanly.
    ShutDown,
    /// Stopped by force (`virsh destroy`) or by the host.
    ForcedOff,
    /// Stopped with its memory saved.
    Saved,
    /// Went to a host that is none of ours.
    MovedAway,
    /// Is on this host now and no more on another of ours.
    Moved,
    /// Runs here, and on another of our hosts too.
    Doubled,
    /// Ended because its process failed.
    Failed,
    /// Crashed.
    Crashed,
    /// Crashed, and its crash kernel runs.
    CrashKernel,
    /// Fell asleep by the guest's own power management.
    Asleep,
    /// The guest saved itself to its own disk, and goes off.
    Hibernated,
    /// Rebooted.
    Rebooted,
    /// Reverted to a snapshot.
    Reverted,
    /// A device came.
    DeviceAdded,
    /// A device left.
    DeviceRemoved,
    /// The connection to the hypervisor was lost.
    HostLost,
    /// The connection is back and the mirror was read again.
    HostBack,
    /// The machines of the hypervisor were read for the first time, or the machine is another way in the middle of something:
    /// it is shown so, and nothing is told.
    HostRead,
}
