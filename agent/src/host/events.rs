//! What libvirt's callbacks say, and what that means in people's words.
//!
//! libvirt tells of one thing in several callbacks: a boot is "resumed" and then "started", a clean end is "shutdown" and
//! then "stopped". [`Fold`] turns the stream of one hypervisor into one [`EventKind`] per thing that happened.
//! The calls themselves are in [`sys`], the one module that may use `unsafe`.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::host::{EventKind, State};

pub mod sys;

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
/// The same for "reverted": QEMU is stopped and started again in between.
const REVERT_ECHO: Duration = Duration::from_secs(15);

/// Folds the callbacks of one hypervisor into kinds of events.
#[derive(Debug, Default)]
pub struct Fold {
    /// Domains that were told by the host, not by the guest, to end; until they have ended.
    ended_by_host: HashSet<Uuid>,
    /// Domains that are paused as far as events told: libvirt also says "resumed" when a domain boots.
    paused: HashSet<Uuid>,
    /// When a domain was last said to have crashed, rebooted or reverted.
    last: HashMap<(Uuid, EventKind), Instant>,
}

impl Fold {
    /// Starts over after a full reading, with the domains that are paused.
    pub fn sync(&mut self, paused: impl IntoIterator<Item = Uuid>) {
        *self = Self { paused: paused.into_iter().collect(), last: std::mem::take(&mut self.last), ..Self::default() };
    }

    /// What this callback means; `None` for the steps in between.
    pub fn kind(&mut self, uuid: Uuid, what: &What, now: Instant) -> Option<EventKind> {
        let kind = match *what {
            What::Reboot => EventKind::Rebooted,
            What::DeviceAdded(_) => EventKind::DeviceAdded,
            What::DeviceRemoved(_) => EventKind::DeviceRemoved,
            What::DeviceKept(_) => return None,
            What::Lifecycle(event, detail) => self.lifecycle(uuid, event, detail)?,
        };
        match kind {
            EventKind::Paused => {
                self.paused.insert(uuid);
            }
            kind if state_after(kind).is_some() => {
                self.paused.remove(&uuid);
            }
            EventKind::Undefined => {
                self.ended_by_host.remove(&uuid);
                self.last.retain(|(of, _), _| *of != uuid);
            }
            EventKind::Reverted if self.is_echo(uuid, kind, now, REVERT_ECHO) => return None,
            EventKind::Crashed | EventKind::Rebooted if self.is_echo(uuid, kind, now, ECHO) => return None,
            _ => {}
        }
        Some(kind)
    }

    /// Remembers that this was said already, so that libvirt's own word for it is taken as an echo.
    pub fn said(&mut self, uuid: Uuid, kind: EventKind, now: Instant) {
        self.last.insert((uuid, kind), now);
    }

    fn is_echo(&mut self, uuid: Uuid, kind: EventKind, now: Instant, within: Duration) -> bool {
        let before = self.last.insert((uuid, kind), now);
        before.is_some_and(|before| now.saturating_duration_since(before) < within)
    }

    /// `virDomainEventType` 0–8 with the detail types of libvirt-domain.h.
    fn lifecycle(&mut self, uuid: Uuid, event: i32, detail: i32) -> Option<EventKind> {
        use EventKind as Kind;
        Some(match (event, detail) {
            (sys::DEFINED, sys::DEFINED_ADDED) => Kind::Defined,
            (sys::DEFINED, sys::DEFINED_FROM_SNAPSHOT) => return None, // a step of a revert
            (sys::DEFINED, _) => Kind::Changed,                        // updated, renamed
            (sys::UNDEFINED, sys::UNDEFINED_RENAMED) => return None,   // "defined, renamed" follows
            (sys::UNDEFINED, _) => Kind::Undefined,
            (sys::STARTED, sys::STARTED_FROM_SNAPSHOT) => Kind::Reverted,
            (sys::STARTED, sys::STARTED_WAKEUP) => Kind::Resumed,
            (sys::STARTED, sys::STARTED_RECREATED) => Kind::Rebooted,
            (sys::STARTED, _) => Kind::Started,
            (sys::SUSPENDED, sys::SUSPENDED_FROM_SNAPSHOT) => {
                self.paused.insert(uuid);
                Kind::Reverted
            }
            // Steps of a migration, a restore or a clean end.
            (sys::SUSPENDED, sys::SUSPENDED_MIGRATED | sys::SUSPENDED_RESTORED) => return None,
            (sys::SUSPENDED, sys::SUSPENDED_POSTCOPY | sys::SUSPENDED_GUEST_SHUTDOWN) => return None,
            (sys::SUSPENDED, _) => Kind::Paused, // asked for, or on an I/O error, by the watchdog
            (sys::RESUMED, sys::RESUMED_FROM_SNAPSHOT) => {
                self.paused.remove(&uuid);
                Kind::Reverted
            }
            (sys::RESUMED, sys::RESUMED_UNPAUSED) if self.paused.contains(&uuid) => Kind::Resumed,
            (sys::RESUMED, _) => return None, // a boot, a restore or a migration, which have their own event
            (sys::SHUTDOWN, detail) => {
                if detail == sys::SHUTDOWN_HOST {
                    self.ended_by_host.insert(uuid);
                }
                return None; // "stopped" follows
            }
            (sys::STOPPED, detail) => {
                let by_host = self.ended_by_host.remove(&uuid);
                return stopped(detail, by_host);
            }
            (sys::PMSUSPENDED, _) => Kind::Paused,
            (sys::CRASHED, _) => Kind::Crashed,
            _ => return None, // a type newer than this
        })
    }
}

/// Why a domain is off now.
fn stopped(detail: i32, by_host: bool) -> Option<EventKind> {
    Some(match detail {
        sys::STOPPED_SHUTDOWN if by_host => EventKind::ForcedOff,
        // Saved: nothing is lost, the guest goes on where it was.
        sys::STOPPED_SHUTDOWN | sys::STOPPED_SAVED => EventKind::ShutDown,
        sys::STOPPED_CRASHED => EventKind::Crashed,
        sys::STOPPED_FAILED => EventKind::Failed,
        sys::STOPPED_FROM_SNAPSHOT => EventKind::Reverted,
        sys::STOPPED_RECREATED => return None, // "started, recreated" follows
        _ => EventKind::ForcedOff,             // destroyed; migrated away
    })
}

/// What must have happened to a domain that Atoll could not watch for a while, from its states before and after and
/// libvirt's reason for the latter (`virDomainGetState`: shut off 1 shutdown, 2 destroyed, 3 crashed, 6 failed).
pub fn missed(before: State, after: State, reason: i32) -> Option<EventKind> {
    Some(match (before, after) {
        (before, after) if before == after => return None,
        (State::Paused, State::Running) => EventKind::Resumed,
        (_, State::Running) => EventKind::Started,
        (_, State::Paused) => EventKind::Paused,
        (_, State::Crashed) => EventKind::Crashed,
        (_, State::Off) => match reason {
            1 | 5 => EventKind::ShutDown,
            3 => EventKind::Crashed,
            6 => EventKind::Failed,
            _ => EventKind::ForcedOff,
        },
    })
}

/// The state a domain is in after such an event; `None` when it says nothing about that.
pub fn state_after(kind: EventKind) -> Option<State> {
    match kind {
        EventKind::Started | EventKind::Resumed => Some(State::Running),
        EventKind::Paused => Some(State::Paused),
        EventKind::ShutDown | EventKind::ForcedOff | EventKind::Failed => Some(State::Off),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_happening_is_said_once_and_by_its_right_name() {
        use EventKind as Kind;
        let reboots = [What::Reboot, What::Reboot, What::Reboot];
        let mut fold = Fold::default();
        let said: Vec<_> = reboots.iter().filter_map(|what| fold.kind(Uuid::nil(), what, Instant::now())).collect();
        assert_eq!(said, [Kind::Rebooted]);

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
            (&[(sys::STOPPED, 6), (sys::STARTED, 3)], &[Kind::Reverted]),
            (&[(sys::UNDEFINED, 1), (sys::DEFINED, 2)], &[Kind::Changed]),
            (&[(sys::DEFINED, 0), (sys::UNDEFINED, 0)], &[Kind::Defined, Kind::Undefined]),
            (&[(99, 0)], &[]),
        ];
        for (callbacks, kinds) in table {
            let mut fold = Fold::default();
            let said = callbacks.iter().map(|&(event, detail)| What::Lifecycle(event, detail));
            let said: Vec<_> = said.filter_map(|what| fold.kind(Uuid::nil(), &what, Instant::now())).collect();
            assert_eq!(said, *kinds, "{callbacks:?}");
        }
    }

    #[test]
    fn a_machine_found_paused_at_a_resync_resumes() {
        let mut fold = Fold::default();
        fold.sync([Uuid::nil()]);
        let resumed = What::Lifecycle(sys::RESUMED, sys::RESUMED_UNPAUSED);
        assert_eq!(fold.kind(Uuid::nil(), &resumed, Instant::now()), Some(EventKind::Resumed));
    }

    #[test]
    fn what_was_missed_is_told_from_the_reason() {
        assert_eq!(missed(State::Running, State::Off, 1), Some(EventKind::ShutDown));
        assert_eq!(missed(State::Running, State::Off, 2), Some(EventKind::ForcedOff));
        assert_eq!(missed(State::Off, State::Running, 1), Some(EventKind::Started));
        assert_eq!(missed(State::Paused, State::Paused, 1), None);
    }
}
