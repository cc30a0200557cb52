//! What `event:` lines of a transcript say.

use crate::host::EventKind;

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
