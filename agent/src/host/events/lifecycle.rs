//! What each of libvirt's lifecycle callbacks means: one table, `virDomainEventType` × its detail as in libvirt-domain.h of
//! libvirt 9 (and the few that came later), and one of the reasons that `virDomainGetState` gives for what was missed.
//!
//! | event | detail | is |
//! |---|---|---|
//! | DEFINED | ADDED | a new machine |
//! | | UPDATED | its definition changed |
//! | | RENAMED | the new name; UNDEFINED/RENAMED came before with the old one |
//! | | FROM_SNAPSHOT | the last step of a revert |
//! | UNDEFINED | REMOVED | it is gone |
//! | | RENAMED | the old name of a rename |
//! | STARTED | BOOTED | started |
//! | | MIGRATED | came from another host |
//! | | RESTORED | goes on from where it was saved |
//! | | FROM_SNAPSHOT | a step of a revert |
//! | | WAKEUP | woke up |
//! | | RECREATED | rebooted, in a new process |
//! | SUSPENDED | PAUSED | paused, unless it is a step of saving, of a snapshot, of a dump (the reason of its state says so) |
//! | | MIGRATED, POSTCOPY | a step of a move |
//! | | IOERROR | paused by a disk; IO_ERROR_REASON came before with why |
//! | | WATCHDOG | paused by its watchdog |
//! | | RESTORED | goes on from where it was saved, and stays paused |
//! | | FROM_SNAPSHOT | a step of a revert |
//! | | API_ERROR | paused by a call of libvirt that failed on the way |
//! | | POSTCOPY_FAILED | paused by a move that broke |
//! | | GUEST_SHUTDOWN | a step of a clean end |
//! | RESUMED | UNPAUSED | goes on, when it was paused; a boot and a snapshot say so too |
//! | | MIGRATED, POSTCOPY, POSTCOPY_FAILED | a step of a move |
//! | | FROM_SNAPSHOT | a step of a revert; after STARTED/RESTORED one of going on from there |
//! | STOPPED | SHUTDOWN | the guest ended cleanly, or was ended by its host (SHUTDOWN said which) |
//! | | DESTROYED | forced off |
//! | | CRASHED | crashed |
//! | | MIGRATED | went to another host |
//! | | SAVED | saved |
//! | | FAILED | its process failed |
//! | | FROM_SNAPSHOT | a step of a revert |
//! | | RECREATED | a step of a reboot |
//! | SHUTDOWN | FINISHED, GUEST | a step of a clean end |
//! | | HOST | a step of an end by the host |
//! | PMSUSPENDED | MEMORY | fell asleep |
//! | | DISK | saved itself to its own disk |
//! | CRASHED | PANICKED | crashed |
//! | | CRASHLOADED | crashed, and its crash kernel runs |

use super::sys;
use crate::host::{EventKind, State};

/// What one callback means by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// This happened.
    Is(EventKind),
    /// A step of something that another callback tells.
    Step,
    /// A pause, unless the reason of its state says that it is a step.
    Pause,
    /// It goes on, if it was paused.
    Unpause,
    /// Paused by a disk; why was said before.
    DiskError,
    /// A step of going back to a snapshot, which tells of nothing else; steps come in rising order.
    Reverting(u8),
    /// The old name of a rename.
    OldName,
    /// The host told it to end.
    EndByHost,
    /// It ended, by whom the callback before said.
    End,
}

/// Steps of a revert, in their order.
pub const STOPPED: u8 = 0;
/// Its process was started.
pub const STARTED: u8 = 1;
/// It was paused in the snapshot.
pub const SUSPENDED: u8 = 2;
/// It ran in the snapshot.
pub const RESUMED: u8 = 3;
/// The definition of the snapshot is in place.
pub const DEFINED: u8 = 4;

/// The table above.
pub fn meaning(event: i32, detail: i32) -> Meaning {
    use EventKind as Kind;
    use Meaning::{Is, Step};
    match (event, detail) {
        (sys::DEFINED, sys::DEFINED_ADDED) => Is(Kind::Defined),
        (sys::DEFINED, sys::DEFINED_RENAMED) => Is(Kind::Renamed),
        (sys::DEFINED, sys::DEFINED_FROM_SNAPSHOT) => Meaning::Reverting(DEFINED),
        (sys::DEFINED, _) => Is(Kind::Changed),
        (sys::UNDEFINED, sys::UNDEFINED_RENAMED) => Meaning::OldName,
        (sys::UNDEFINED, _) => Is(Kind::Undefined),
        (sys::STARTED, sys::STARTED_MIGRATED) => Is(Kind::MovedHere),
        (sys::STARTED, sys::STARTED_RESTORED) => Is(Kind::Restored),
        (sys::STARTED, sys::STARTED_FROM_SNAPSHOT) => Meaning::Reverting(STARTED),
        (sys::STARTED, sys::STARTED_WAKEUP) => Is(Kind::Woken),
        (sys::STARTED, sys::STARTED_RECREATED) => Is(Kind::Rebooted),
        (sys::STARTED, _) => Is(Kind::Started),
        (sys::SUSPENDED, sys::SUSPENDED_IOERROR) => Meaning::DiskError,
        (sys::SUSPENDED, sys::SUSPENDED_WATCHDOG) => Is(Kind::PausedByWatchdog),
        (sys::SUSPENDED, sys::SUSPENDED_RESTORED) => Is(Kind::RestoredPaused),
        (sys::SUSPENDED, sys::SUSPENDED_FROM_SNAPSHOT) => Meaning::Reverting(SUSPENDED),
        (sys::SUSPENDED, sys::SUSPENDED_API_ERROR) => Is(Kind::PausedByFault),
        (sys::SUSPENDED, sys::SUSPENDED_POSTCOPY_FAILED) => Is(Kind::PausedByMove),
        (sys::SUSPENDED, sys::SUSPENDED_MIGRATED | sys::SUSPENDED_POSTCOPY | sys::SUSPENDED_GUEST_SHUTDOWN) => Step,
        (sys::SUSPENDED, _) => Meaning::Pause,
        (sys::RESUMED, sys::RESUMED_UNPAUSED) => Meaning::Unpause,
        (sys::RESUMED, sys::RESUMED_FROM_SNAPSHOT) => Meaning::Reverting(RESUMED),
        (sys::STOPPED, sys::STOPPED_SHUTDOWN) => Meaning::End,
        (sys::STOPPED, sys::STOPPED_CRASHED) => Is(Kind::Crashed),
        (sys::STOPPED, sys::STOPPED_MIGRATED) => Is(Kind::MovedAway),
        (sys::STOPPED, sys::STOPPED_SAVED) => Is(Kind::Saved),
        (sys::STOPPED, sys::STOPPED_FAILED) => Is(Kind::Failed),
        (sys::STOPPED, sys::STOPPED_FROM_SNAPSHOT) => Meaning::Reverting(STOPPED),
        (sys::STOPPED, sys::STOPPED_RECREATED) => Step,
        (sys::STOPPED, _) => Is(Kind::ForcedOff),
        (sys::SHUTDOWN, sys::SHUTDOWN_HOST) => Meaning::EndByHost,
        (sys::PMSUSPENDED, sys::PMSUSPENDED_DISK) => Is(Kind::Hibernated),
        (sys::PMSUSPENDED, _) => Is(Kind::Asleep),
        (sys::CRASHED, sys::CRASHED_CRASHLOADED) => Is(Kind::CrashKernel),
        (sys::CRASHED, _) => Is(Kind::Crashed),
        // "Resumed" and "shutdown" of any other kind are steps; types newer than this table say nothing.
        _ => Step,
    }
}

/// libvirt's reasons for a state (`virDomainPausedReason`, `virDomainShutoffReason`, `virDomainRunningReason`).
mod reason {
    pub const PAUSED_MIGRATION: i32 = 2;
    pub const PAUSED_SAVE: i32 = 3;
    pub const PAUSED_DUMP: i32 = 4;
    pub const PAUSED_IOERROR: i32 = 5;
    pub const PAUSED_WATCHDOG: i32 = 6;
    pub const PAUSED_FROM_SNAPSHOT: i32 = 7;
    pub const PAUSED_SHUTTING_DOWN: i32 = 8;
    pub const PAUSED_SNAPSHOT: i32 = 9;
    pub const PAUSED_CRASHED: i32 = 10;
    pub const PAUSED_STARTING_UP: i32 = 11;
    pub const PAUSED_POSTCOPY: i32 = 12;
    pub const PAUSED_POSTCOPY_FAILED: i32 = 13;
    pub const PAUSED_API_ERROR: i32 = 14;
    pub const OFF_SHUTDOWN: i32 = 1;
    pub const OFF_CRASHED: i32 = 3;
    pub const OFF_MIGRATED: i32 = 4;
    pub const OFF_SAVED: i32 = 5;
    pub const OFF_FAILED: i32 = 6;
    pub const OFF_FROM_SNAPSHOT: i32 = 7;
    pub const RUNNING_BOOTED: i32 = 1;
    pub const RUNNING_MIGRATED: i32 = 2;
    pub const RUNNING_RESTORED: i32 = 3;
    pub const RUNNING_FROM_SNAPSHOT: i32 = 4;
    pub const RUNNING_WAKEUP: i32 = 8;
}

/// Whether a pause was a step of something else, by the state and the reason that were read after it.
pub fn is_step(state: State, reason: i32) -> bool {
    match state {
        State::Paused => matches!(
            reason,
            reason::PAUSED_MIGRATION
                | reason::PAUSED_SAVE
                | reason::PAUSED_DUMP
                | reason::PAUSED_SHUTTING_DOWN
                | reason::PAUSED_SNAPSHOT
                | reason::PAUSED_CRASHED
                | reason::PAUSED_STARTING_UP
                | reason::PAUSED_POSTCOPY
        ),
        State::Off => matches!(reason, reason::OFF_SAVED | reason::OFF_MIGRATED),
        State::Running | State::Asleep | State::Crashed => false,
    }
}

/// Whether a machine is only paused since it is on its way from one host to another.
pub fn is_step_of_move(state: State, reason: i32) -> bool {
    (state, reason) == (State::Paused, reason::PAUSED_MIGRATION)
}

/// Whether a machine goes on from where it was saved.
pub fn was_restored(state: State, reason: i32) -> bool {
    state == State::Running && reason == reason::RUNNING_RESTORED
}

/// What must have happened to a machine that could not be watched for a while, from its states before and after and
/// libvirt's reason for the latter. Where it is as it was, nobody can say.
pub fn missed(before: State, after: State, reason: i32) -> Option<EventKind> {
    use EventKind as Kind;
    Some(match (before, after) {
        (before, after) if before == after => return None,
        (before, State::Running) => match reason {
            reason::RUNNING_FROM_SNAPSHOT => Kind::Reverted,
            reason::RUNNING_WAKEUP => Kind::Woken,
            reason::RUNNING_BOOTED => Kind::Started,
            _ if before == State::Paused => Kind::Resumed,
            _ if before == State::Asleep => Kind::Woken,
            reason::RUNNING_MIGRATED => Kind::MovedHere,
            reason::RUNNING_RESTORED => Kind::Restored,
            _ => Kind::Started,
        },
        (_, State::Paused) => match reason {
            reason::PAUSED_IOERROR => Kind::PausedByDisk,
            reason::PAUSED_WATCHDOG => Kind::PausedByWatchdog,
            reason::PAUSED_FROM_SNAPSHOT => Kind::Reverted,
            reason::PAUSED_POSTCOPY_FAILED => Kind::PausedByMove,
            reason::PAUSED_API_ERROR => Kind::PausedByFault,
            _ => Kind::Paused,
        },
        (_, State::Asleep) => Kind::Asleep,
        (_, State::Crashed) => Kind::Crashed,
        (_, State::Off) => match reason {
            reason::OFF_SHUTDOWN => Kind::ShutDown,
            reason::OFF_SAVED => Kind::Saved,
            reason::OFF_MIGRATED => Kind::MovedAway,
            reason::OFF_CRASHED => Kind::Crashed,
            reason::OFF_FAILED => Kind::Failed,
            reason::OFF_FROM_SNAPSHOT => Kind::Reverted,
            _ => Kind::ForcedOff,
        },
    })
}

/// The state a machine is in after such an event; `None` when it says nothing about that.
pub fn state_after(kind: EventKind) -> Option<State> {
    use EventKind as Kind;
    match kind {
        Kind::Started | Kind::Restored | Kind::Resumed | Kind::Woken => Some(State::Running),
        Kind::Paused
        | Kind::RestoredPaused
        | Kind::PausedByDisk
        | Kind::PausedNoRoom
        | Kind::PausedByWatchdog
        | Kind::PausedByFault
        | Kind::PausedByMove => Some(State::Paused),
        Kind::Asleep | Kind::Hibernated => Some(State::Asleep),
        Kind::ShutDown | Kind::ForcedOff | Kind::Saved | Kind::MovedAway | Kind::Failed => Some(State::Off),
        Kind::Defined
        | Kind::Changed
        | Kind::Renamed
        | Kind::Undefined
        | Kind::MovedHere
        | Kind::Moved
        | Kind::Doubled
        | Kind::Crashed
        | Kind::CrashKernel
        | Kind::Rebooted
        | Kind::Reverted
        | Kind::DeviceAdded
        | Kind::DeviceRemoved
        | Kind::HostLost
        | Kind::HostBack
        | Kind::HostRead => None,
    }
}

#[cfg(test)]
mod tests {
    use EventKind as Kind;
    use Meaning::{Is, Step};

    use super::*;

    /// One test for each line of the table.
    macro_rules! table {
        ($($name:ident: $event:ident / $detail:ident => $means:expr;)*) => {
            $(#[test]
            fn $name() {
                assert_eq!(meaning(sys::$event, sys::$detail), $means);
            })*
        };
    }
    table! {
        defined_added_is_a_new_machine: DEFINED / DEFINED_ADDED => Is(Kind::Defined);
        defined_updated_is_a_changed_definition: DEFINED / DEFINED_UPDATED => Is(Kind::Changed);
        defined_renamed_is_its_new_name: DEFINED / DEFINED_RENAMED => Is(Kind::Renamed);
        defined_from_snapshot_is_the_end_of_a_revert: DEFINED / DEFINED_FROM_SNAPSHOT => Meaning::Reverting(DEFINED);
        undefined_removed_is_its_end: UNDEFINED / UNDEFINED_REMOVED => Is(Kind::Undefined);
        undefined_renamed_is_its_old_name: UNDEFINED / UNDEFINED_RENAMED => Meaning::OldName;
        started_booted_is_a_start: STARTED / STARTED_BOOTED => Is(Kind::Started);
        started_migrated_came_from_another_host: STARTED / STARTED_MIGRATED => Is(Kind::MovedHere);
        started_restored_goes_on_from_where_it_was_saved: STARTED / STARTED_RESTORED => Is(Kind::Restored);
        started_from_snapshot_is_a_revert: STARTED / STARTED_FROM_SNAPSHOT => Meaning::Reverting(STARTED);
        started_wakeup_woke_up: STARTED / STARTED_WAKEUP => Is(Kind::Woken);
        started_recreated_is_a_reboot: STARTED / STARTED_RECREATED => Is(Kind::Rebooted);
        suspended_paused_is_a_pause: SUSPENDED / SUSPENDED_PAUSED => Meaning::Pause;
        suspended_migrated_is_a_step_of_a_move: SUSPENDED / SUSPENDED_MIGRATED => Step;
        suspended_ioerror_is_a_disk: SUSPENDED / SUSPENDED_IOERROR => Meaning::DiskError;
        suspended_watchdog_is_its_watchdog: SUSPENDED / SUSPENDED_WATCHDOG => Is(Kind::PausedByWatchdog);
        suspended_restored_was_saved_paused: SUSPENDED / SUSPENDED_RESTORED => Is(Kind::RestoredPaused);
        suspended_from_snapshot_is_a_revert: SUSPENDED / SUSPENDED_FROM_SNAPSHOT => Meaning::Reverting(SUSPENDED);
        suspended_api_error_is_libvirts_fault: SUSPENDED / SUSPENDED_API_ERROR => Is(Kind::PausedByFault);
        suspended_postcopy_is_a_step_of_a_move: SUSPENDED / SUSPENDED_POSTCOPY => Step;
        suspended_postcopy_failed_is_a_broken_move: SUSPENDED / SUSPENDED_POSTCOPY_FAILED => Is(Kind::PausedByMove);
        suspended_guest_shutdown_is_a_step_of_its_end: SUSPENDED / SUSPENDED_GUEST_SHUTDOWN => Step;
        resumed_unpaused_goes_on: RESUMED / RESUMED_UNPAUSED => Meaning::Unpause;
        resumed_migrated_is_a_step_of_a_move: RESUMED / RESUMED_MIGRATED => Step;
        resumed_from_snapshot_is_a_revert: RESUMED / RESUMED_FROM_SNAPSHOT => Meaning::Reverting(RESUMED);
        resumed_postcopy_is_a_step_of_a_move: RESUMED / RESUMED_POSTCOPY => Step;
        resumed_postcopy_failed_is_a_step_of_a_move: RESUMED / RESUMED_POSTCOPY_FAILED => Step;
        stopped_shutdown_ended: STOPPED / STOPPED_SHUTDOWN => Meaning::End;
        stopped_destroyed_was_forced: STOPPED / STOPPED_DESTROYED => Is(Kind::ForcedOff);
        stopped_crashed_is_a_crash: STOPPED / STOPPED_CRASHED => Is(Kind::Crashed);
        stopped_migrated_went_to_another_host: STOPPED / STOPPED_MIGRATED => Is(Kind::MovedAway);
        stopped_saved_was_saved: STOPPED / STOPPED_SAVED => Is(Kind::Saved);
        stopped_failed_is_its_process: STOPPED / STOPPED_FAILED => Is(Kind::Failed);
        stopped_from_snapshot_is_a_revert: STOPPED / STOPPED_FROM_SNAPSHOT => Meaning::Reverting(STOPPED);
        stopped_recreated_is_a_step_of_a_reboot: STOPPED / STOPPED_RECREATED => Step;
        shutdown_finished_is_a_step_of_its_end: SHUTDOWN / SHUTDOWN_FINISHED => Step;
        shutdown_guest_is_a_step_of_its_end: SHUTDOWN / SHUTDOWN_GUEST => Step;
        shutdown_host_is_an_end_by_the_host: SHUTDOWN / SHUTDOWN_HOST => Meaning::EndByHost;
        pmsuspended_memory_fell_asleep: PMSUSPENDED / PMSUSPENDED_MEMORY => Is(Kind::Asleep);
        pmsuspended_disk_saved_itself: PMSUSPENDED / PMSUSPENDED_DISK => Is(Kind::Hibernated);
        crashed_panicked_is_a_crash: CRASHED / CRASHED_PANICKED => Is(Kind::Crashed);
        crashed_crashloaded_runs_its_crash_kernel: CRASHED / CRASHED_CRASHLOADED => Is(Kind::CrashKernel);
    }

    #[test]
    fn a_type_newer_than_the_table_says_nothing() {
        assert_eq!(meaning(99, 0), Step);
    }

    #[test]
    fn what_was_missed_is_told_from_the_reason() {
        use State::{Asleep, Crashed, Off, Paused, Running};
        for (before, after, reason, expected) in [
            (Running, Off, 1, Some(Kind::ShutDown)),
            (Running, Off, 2, Some(Kind::ForcedOff)),
            (Running, Off, 3, Some(Kind::Crashed)),
            (Running, Off, 4, Some(Kind::MovedAway)),
            (Running, Off, 5, Some(Kind::Saved)),
            (Running, Off, 6, Some(Kind::Failed)),
            (Running, Off, 7, Some(Kind::Reverted)),
            (Running, Off, 8, Some(Kind::ForcedOff)),
            (Off, Running, 1, Some(Kind::Started)),
            (Off, Running, 2, Some(Kind::MovedHere)),
            (Off, Running, 3, Some(Kind::Restored)),
            (Off, Running, 4, Some(Kind::Reverted)),
            (Off, Running, 8, Some(Kind::Woken)),
            (Paused, Running, 5, Some(Kind::Resumed)),
            (Paused, Running, 1, Some(Kind::Started)),
            (Asleep, Running, 0, Some(Kind::Woken)),
            (Running, Paused, 1, Some(Kind::Paused)),
            (Running, Paused, 5, Some(Kind::PausedByDisk)),
            (Running, Paused, 6, Some(Kind::PausedByWatchdog)),
            (Running, Paused, 7, Some(Kind::Reverted)),
            (Running, Paused, 13, Some(Kind::PausedByMove)),
            (Running, Paused, 14, Some(Kind::PausedByFault)),
            (Running, Asleep, 0, Some(Kind::Asleep)),
            (Running, Crashed, 1, Some(Kind::Crashed)),
            (Paused, Paused, 1, None),
        ] {
            assert_eq!(missed(before, after, reason), expected, "{before:?} {after:?} {reason}");
        }
    }
}
