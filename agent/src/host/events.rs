//! What libvirt's callbacks say, and what that means in people's words.
//!
//! libvirt tells of one thing in several callbacks: a boot is "resumed" and then "started", a clean end is "shutdown" and
//! then "stopped". [`Fold`] turns the stream of one hypervisor into one [`EventKind`] per thing that happened.
//! What each callback means by itself is one table, [`lifecycle`]. The calls themselves are in [`sys`], the module that may use `unsafe` for it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::host::{EventKind, State};

pub mod lifecycle;
pub mod sys;

use self::lifecycle::{Meaning, is_step, meaning, was_restored};
pub use self::lifecycle::{is_step_of_move, missed, state_after};

/// One callback of one domain, or the end of a connection, as libvirt said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Of a domain.
    Domain {
        /// `virDomainGetUUID`.
        uuid: Uuid,
        /// `virDomainGetName`, then.
        name: String,
        /// What it was.
        what: What,
    },
    /// The connection ended (`virConnectRegisterCloseCallback`), with libvirt's reason.
    Closed(CloseReason),
}

/// What a domain's callback was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// `virDomainEventType` and its detail.
    Lifecycle(i32, i32),
    /// `VIR_DOMAIN_EVENT_ID_REBOOT`: the guest rebooted.
    Reboot,
    /// A device came; its alias.
    DeviceAdded(String),
    /// A device left; its alias.
    DeviceRemoved(String),
    /// The guest refused to let a device go; its alias.
    DeviceKept(String),
    /// A disk failed; QEMU's reason: `enospc`, or nothing.
    IoError(String),
}

/// Why a connection ended (`virConnectCloseReason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// A misc I/O error.
    Error,
    /// The daemon ended.
    EndOfFile,
    /// The daemon did not answer keepalives.
    Keepalive,
    /// We closed it.
    Client,
}

/// A second "crashed" within this time belongs to the first (panicked, then stopped), and so does a second "rebooted":
/// QEMU tells of each reset, and one reboot makes three.
const ECHO: Duration = Duration::from_secs(3);
/// All steps of going back to a snapshot come within this time of the first: QEMU is stopped and started again in between.
const REVERT: Duration = Duration::from_secs(15);
/// Steps of a revert of ours may come in this long after its answer.
const TRAIL: Duration = Duration::from_secs(3);
/// A disk's failure is why a machine was paused this long after at most.
const DISK_ERROR: Duration = Duration::from_secs(10);
/// What QEMU calls a host without room.
const NO_ROOM: &str = "enospc";

/// Something that happened to a domain, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What.
    pub kind: EventKind,
    /// Its name before, when it was renamed.
    pub was: Option<String>,
}

/// Folds the callbacks of one hypervisor into kinds of events.
#[derive(Debug, Default)]
pub struct Fold {
    /// Domains that were told by the host, not by the guest, to end; until they have ended.
    ended_by_host: HashSet<Uuid>,
    /// Domains that are paused as far as events told: libvirt also says "resumed" when a domain boots.
    paused: HashSet<Uuid>,
    /// When a domain was last said to have crashed or rebooted.
    last: HashMap<(Uuid, EventKind), Instant>,
    /// Domains that were started where they had been saved: libvirt says "resumed from snapshot" of them too.
    restored: HashSet<Uuid>,
    /// Domains going back to a snapshot.
    reverting: HashMap<Uuid, Reverting>,
    /// Names of domains in the middle of being renamed.
    old_names: HashMap<Uuid, String>,
    /// Why a domain's disk last failed.
    disk_errors: HashMap<Uuid, (Instant, String)>,
}

/// The steps of one revert: they come in rising order, so a step that is not above the last begins another one.
#[derive(Debug)]
struct Reverting {
    told: Instant,
    until: Instant,
    step: Option<u8>,
}

impl Fold {
    /// Starts over after a full reading, with the domains that are paused.
    pub fn sync(&mut self, paused: impl IntoIterator<Item = Uuid>) {
        let (last, reverting) = (std::mem::take(&mut self.last), std::mem::take(&mut self.reverting));
        *self = Self { paused: paused.into_iter().collect(), last, reverting, ..Self::default() };
    }

    /// What this callback means; `None` for the steps in between. `name` is the domain's name in the callback, `read` its state
    /// and libvirt's reason for it as they were read afterwards.
    pub fn kind(
        &mut self,
        uuid: Uuid,
        name: &str,
        what: &What,
        read: Option<(State, i32)>,
        now: Instant,
    ) -> Option<Happened> {
        let kind = match what {
            What::Reboot => EventKind::Rebooted,
            What::DeviceAdded(_) => EventKind::DeviceAdded,
            What::DeviceRemoved(_) => EventKind::DeviceRemoved,
            What::DeviceKept(_) => return None,
            What::IoError(reason) => {
                self.disk_errors.insert(uuid, (now, reason.clone()));
                return None;
            }
            What::Lifecycle(event, detail) => self.lifecycle(uuid, name, meaning(*event, *detail), read, now)?,
        };
        match state_after(kind) {
            Some(State::Paused) => drop(self.paused.insert(uuid)),
            Some(_) => drop(self.paused.remove(&uuid)),
            None => {}
        }
        match kind {
            EventKind::Restored => drop(self.restored.insert(uuid)),
            kind if state_after(kind).is_some() => drop(self.restored.remove(&uuid)),
            EventKind::Undefined => self.forget(uuid),
            EventKind::Crashed | EventKind::Rebooted if self.is_echo(uuid, kind, now) => return None,
            _ => {}
        }
        let was = if kind == EventKind::Renamed { self.old_names.remove(&uuid) } else { None };
        Some(Happened { kind, was })
    }

    /// A revert of ours, begun then, has worked: whether it must be said, since no callback has.
    pub fn reverted(&mut self, uuid: Uuid, begun: Instant, now: Instant) -> bool {
        let said = self.reverting.get(&uuid).is_some_and(|reverting| reverting.told >= begun);
        let step = self.reverting.get(&uuid).filter(|_| said).and_then(|reverting| reverting.step);
        self.reverting.insert(uuid, Reverting { told: now, until: now + TRAIL, step });
        !said
    }

    fn lifecycle(
        &mut self,
        uuid: Uuid,
        name: &str,
        meaning: Meaning,
        read: Option<(State, i32)>,
        now: Instant,
    ) -> Option<EventKind> {
        match meaning {
            Meaning::Is(kind) => Some(kind),
            Meaning::Step => None,
            Meaning::Pause => {
                if read.is_some_and(|(state, reason)| is_step(state, reason)) {
                    None
                } else {
                    Some(EventKind::Paused)
                }
            }
            Meaning::Unpause => self.paused.contains(&uuid).then_some(EventKind::Resumed),
            Meaning::DiskError => {
                let why = self.disk_errors.remove(&uuid);
                let fresh = why.filter(|(at, _)| now.saturating_duration_since(*at) < DISK_ERROR);
                let no_room = fresh.is_some_and(|(_, reason)| reason == NO_ROOM);
                Some(if no_room { EventKind::PausedNoRoom } else { EventKind::PausedByDisk })
            }
            Meaning::Reverting(lifecycle::RESUMED)
                if self.restored.remove(&uuid) || read.is_some_and(|(state, reason)| was_restored(state, reason)) =>
            {
                None
            }
            Meaning::Reverting(step) => {
                self.restored.remove(&uuid);
                // What it is now, it was made by the snapshot.
                match read {
                    Some((State::Paused, _)) => drop(self.paused.insert(uuid)),
                    _ => drop(self.paused.remove(&uuid)),
                }
                self.ended_by_host.remove(&uuid);
                let goes_on =
                    |reverting: &Reverting| now < reverting.until && reverting.step.is_none_or(|last| last < step);
                if let Some(reverting) = self.reverting.get_mut(&uuid).filter(|reverting| goes_on(reverting)) {
                    reverting.step = Some(step);
                    return None;
                }
                self.reverting.insert(uuid, Reverting { told: now, until: now + REVERT, step: Some(step) });
                Some(EventKind::Reverted)
            }
            Meaning::OldName => {
                self.old_names.insert(uuid, name.to_owned());
                None
            }
            Meaning::EndByHost => {
                self.ended_by_host.insert(uuid);
                None
            }
            Meaning::End => {
                let by_host = self.ended_by_host.remove(&uuid);
                Some(if by_host { EventKind::ForcedOff } else { EventKind::ShutDown })
            }
        }
    }

    fn is_echo(&mut self, uuid: Uuid, kind: EventKind, now: Instant) -> bool {
        let before = self.last.insert((uuid, kind), now);
        before.is_some_and(|before| now.saturating_duration_since(before) < ECHO)
    }

    fn forget(&mut self, uuid: Uuid) {
        self.ended_by_host.remove(&uuid);
        self.paused.remove(&uuid);
        self.restored.remove(&uuid);
        self.last.retain(|(of, _), _| *of != uuid);
        self.reverting.remove(&uuid);
        self.old_names.remove(&uuid);
        self.disk_errors.remove(&uuid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of these callbacks of one machine, each with what is read after it.
    fn said(fold: &mut Fold, callbacks: &[(What, Option<(State, i32)>)]) -> Vec<EventKind> {
        let now = Instant::now();
        let kinds = callbacks.iter().map(|(what, read)| fold.kind(Uuid::nil(), "web1", what, *read, now));
        kinds.flatten().map(|happened| happened.kind).collect()
    }

    fn unread(callbacks: &[(i32, i32)]) -> Vec<EventKind> {
        let callbacks: Vec<_> =
            callbacks.iter().map(|&(event, detail)| (What::Lifecycle(event, detail), None)).collect();
        said(&mut Fold::default(), &callbacks)
    }

    #[test]
    fn each_happening_is_said_once_and_by_its_right_name() {
        use EventKind as Kind;
        let reboots = [(What::Reboot, None), (What::Reboot, None), (What::Reboot, None)];
        assert_eq!(said(&mut Fold::default(), &reboots), [Kind::Rebooted]);

        type Row<'a> = (&'a [(i32, i32)], &'a [EventKind]);
        let table: &[Row<'_>] = &[
            (&[(sys::RESUMED, 0), (sys::STARTED, 0)], &[Kind::Started]),
            (&[(sys::SHUTDOWN, 1), (sys::STOPPED, 0)], &[Kind::ShutDown]),
            (&[(sys::SHUTDOWN, 2), (sys::STOPPED, 0)], &[Kind::ForcedOff]),
            (&[(sys::STOPPED, 1)], &[Kind::ForcedOff]),
            (&[(sys::CRASHED, 0), (sys::STOPPED, 2)], &[Kind::Crashed]),
            (&[(sys::STOPPED, 5)], &[Kind::Failed]),
            (&[(sys::SUSPENDED, 0), (sys::RESUMED, 0), (sys::RESUMED, 0)], &[Kind::Paused, Kind::Resumed]),
            (&[(sys::SUSPENDED, 0), (sys::STOPPED, 1), (sys::RESUMED, 0)], &[Kind::Paused, Kind::ForcedOff]),
            (&[(sys::DEFINED, 0), (sys::UNDEFINED, 0)], &[Kind::Defined, Kind::Undefined]),
            (&[(sys::STARTED, 2), (sys::RESUMED, 0)], &[Kind::Restored]),
            (&[(sys::STARTED, 2), (sys::RESUMED, 2)], &[Kind::Restored]),
            (
                &[(sys::STARTED, 2), (sys::SUSPENDED, 4), (sys::RESUMED, 2)],
                &[Kind::Restored, Kind::RestoredPaused, Kind::Reverted],
            ),
            (&[(sys::PMSUSPENDED, 0), (sys::STARTED, 4), (sys::RESUMED, 0)], &[Kind::Asleep, Kind::Woken]),
            (&[(sys::SUSPENDED, 1), (sys::STOPPED, 3)], &[Kind::MovedAway]),
            (&[(99, 0)], &[]),
        ];
        for (callbacks, kinds) in table {
            assert_eq!(unread(callbacks), *kinds, "{callbacks:?}");
        }
    }

    #[test]
    fn a_revert_is_said_once_and_the_next_one_again() {
        use EventKind::Reverted;
        let running = [(sys::STOPPED, 6), (sys::STARTED, 3), (sys::RESUMED, 2), (sys::DEFINED, 3)];
        let off = [(sys::STOPPED, 6), (sys::DEFINED, 3)];
        assert_eq!(unread(&running), [Reverted]);
        assert_eq!(unread(&[running, running].concat()), [Reverted, Reverted]);
        assert_eq!(unread(&[&running[1..], &off[..]].concat()), [Reverted, Reverted], "from off, then to off");
    }

    #[test]
    fn a_revert_of_ours_is_said_once_whether_libvirt_tells_of_it_or_not_and_what_follows_is_heard() {
        let (now, nobody) = (Instant::now(), Uuid::nil());
        let steps = |fold: &mut Fold, steps: &[(i32, i32)]| {
            steps
                .iter()
                .filter_map(|&(event, detail)| fold.kind(nobody, "web1", &What::Lifecycle(event, detail), None, now))
                .count()
        };
        let mut fold = Fold::default();
        assert_eq!(steps(&mut fold, &[(sys::STOPPED, 6), (sys::STARTED, 3)]), 1);
        assert!(!fold.reverted(nobody, now, now), "libvirt has told of it");
        assert_eq!(steps(&mut fold, &[(sys::DEFINED, 3)]), 0, "its last step");
        assert_eq!(steps(&mut fold, &[(sys::STOPPED, 6)]), 1, "somebody else's revert right after");
        let mut silent = Fold::default();
        assert!(silent.reverted(nobody, now, now), "a driver that tells of none");
        assert_eq!(steps(&mut silent, &[(sys::STOPPED, 1)]), 1, "a power cut is no step of it");
    }

    #[test]
    fn a_pause_that_is_a_step_of_saving_or_of_a_snapshot_is_no_pause() {
        let pause = What::Lifecycle(sys::SUSPENDED, sys::SUSPENDED_PAUSED);
        let resume = (What::Lifecycle(sys::RESUMED, sys::RESUMED_UNPAUSED), None);
        let saved = (What::Lifecycle(sys::STOPPED, sys::STOPPED_SAVED), None);
        let mut fold = Fold::default();
        for read in [(State::Paused, 3), (State::Off, 5)] {
            assert_eq!(said(&mut fold, &[(pause.clone(), Some(read)), saved.clone()]), [EventKind::Saved]);
        }
        assert_eq!(said(&mut fold, &[(pause.clone(), Some((State::Paused, 9))), resume.clone()]), [], "a snapshot");
        let asked = said(&mut fold, &[(pause, Some((State::Paused, 1))), resume]);
        assert_eq!(asked, [EventKind::Paused, EventKind::Resumed]);
    }

    #[test]
    fn a_pause_by_a_failing_disk_says_whether_room_is_missing() {
        let paused = (What::Lifecycle(sys::SUSPENDED, sys::SUSPENDED_IOERROR), None);
        let error = |reason: &str| (What::IoError(reason.to_owned()), None);
        let mut fold = Fold::default();
        assert_eq!(said(&mut fold, &[error("enospc"), paused.clone()]), [EventKind::PausedNoRoom]);
        assert_eq!(said(&mut fold, &[error("eio"), paused.clone()]), [EventKind::PausedByDisk]);
        assert_eq!(said(&mut fold, &[paused]), [EventKind::PausedByDisk]);
    }

    #[test]
    fn a_rename_tells_both_names() {
        let mut fold = Fold::default();
        let old = What::Lifecycle(sys::UNDEFINED, sys::UNDEFINED_RENAMED);
        let new = What::Lifecycle(sys::DEFINED, sys::DEFINED_RENAMED);
        assert_eq!(fold.kind(Uuid::nil(), "web1", &old, None, Instant::now()), None);
        let renamed = fold.kind(Uuid::nil(), "www", &new, None, Instant::now());
        assert_eq!(renamed, Some(Happened { kind: EventKind::Renamed, was: Some("web1".to_owned()) }));
    }

    #[test]
    fn a_machine_found_paused_at_a_resync_resumes() {
        let mut fold = Fold::default();
        fold.sync([Uuid::nil()]);
        let resumed = (What::Lifecycle(sys::RESUMED, sys::RESUMED_UNPAUSED), None);
        assert_eq!(said(&mut fold, &[resumed]), [EventKind::Resumed]);
    }
}
