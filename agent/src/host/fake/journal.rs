//! The words of the fake: ops as `host:` lines of a transcript, and the words of `event:` lines.

use crate::host::{EventKind, HostOp};

/// An op as one line; `name` is what its machine is called.
pub fn line(op: &HostOp, name: &str) -> String {
    match op {
        HostOp::Start { .. } => format!("start {name}"),
        HostOp::Shutdown { .. } => format!("shut down {name}"),
        HostOp::ForceOff { .. } => format!("force off {name}"),
        HostOp::ClearCrash { .. } => format!("clear crashed {name}"),
        HostOp::Reboot { .. } => format!("reboot {name}"),
        HostOp::Reset { .. } => format!("reset {name}"),
        HostOp::Pause { .. } => format!("pause {name}"),
        HostOp::Resume { .. } => format!("resume {name}"),
        HostOp::CreateVolume { pool, name: volume, format, capacity, .. } => {
            format!("create volume {pool}/{volume} {capacity} {format}")
        }
        HostOp::DeleteVolume { pool, name: volume, .. } => format!("delete volume {pool}/{volume}"),
        HostOp::AttachDisk { pool, volume, target, .. } => format!("attach {name} {target} {pool}/{volume}"),
        HostOp::DetachDisk { target, .. } => format!("detach {name} {target}"),
        HostOp::CreateSnapshot { name: snapshot, .. } => format!("snapshot {name} {snapshot}"),
        HostOp::RevertSnapshot { name: snapshot, .. } => format!("revert {name} {snapshot}"),
        HostOp::DeleteSnapshot { name: snapshot, .. } => format!("delete snapshot {name} {snapshot}"),
    }
}

/// What an `event:` line says happened, and the new name of a machine that was renamed.
pub fn event(what: &str) -> Option<(EventKind, Option<String>)> {
    if let Some(name) = what.trim().strip_prefix("renamed ") {
        return Some((EventKind::Renamed, Some(name.to_owned())));
    }
    let kind = match what.trim() {
        "defined" => EventKind::Defined,
        "changed" => EventKind::Changed,
        "undefined" => EventKind::Undefined,
        "started" => EventKind::Started,
        "restored" => EventKind::Restored,
        "restored paused" => EventKind::RestoredPaused,
        "moved here" => EventKind::MovedHere,
        "moved away" => EventKind::MovedAway,
        "woke up" => EventKind::Woken,
        "paused" => EventKind::Paused,
        "paused by disk" => EventKind::PausedByDisk,
        "paused no room" => EventKind::PausedNoRoom,
        "paused by watchdog" => EventKind::PausedByWatchdog,
        "paused by fault" => EventKind::PausedByFault,
        "paused by move" => EventKind::PausedByMove,
        "resumed" => EventKind::Resumed,
        "shut down" => EventKind::ShutDown,
        "forced off" => EventKind::ForcedOff,
        "saved" => EventKind::Saved,
        "failed" => EventKind::Failed,
        "crashed" => EventKind::Crashed,
        "crash kernel" => EventKind::CrashKernel,
        "fell asleep" => EventKind::Asleep,
        "hibernated" => EventKind::Hibernated,
        "rebooted" => EventKind::Rebooted,
        "reverted" => EventKind::Reverted,
        "device added" => EventKind::DeviceAdded,
        "device removed" => EventKind::DeviceRemoved,
        _ => return None,
    };
    Some((kind, None))
}
