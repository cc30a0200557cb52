//! libvirt's callbacks and applied ops become one event with actor and reason; each is told once.
//!
//! An op announces the event it will cause; the callback that fits (machine, kind, op in flight) is known to be that
//! person's. What fits none came from outside: somebody used virsh, or the guest itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dialogue::reply::{Phrase, Var};
use jiff::{SignedDuration, Timestamp};

use crate::addresses::Entity;
use crate::host::{EventKind, HostEvent, HostOp, MachineId};
use crate::message::Message;

/// How long after an op its callback may come; a guest may take minutes to shut down.
const BELONGS_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// What everybody concerned hears.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Who says it, and whose roster hears it.
    pub about: Entity,
    /// Its name.
    pub name: String,
    /// The sentence, in the common language.
    pub text: String,
    /// The same in no language, for people who speak another.
    pub phrase: Phrase,
    /// Who knows already: the one who asked for it.
    pub except: Option<String>,
    /// The room in which it was asked for and answered.
    pub except_room: Option<String>,
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// What people call them.
    pub actor: String,
    /// Their bare address.
    pub jid: Option<String>,
}

/// An op's ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flight(u64);

#[derive(Clone, Debug)]
struct Expected {
    flight: Flight,
    machine: MachineId,
    kinds: &'static [EventKind],
    cause: Cause,
    at: Timestamp,
    /// The op's own telling says all there is; its callback is not told again.
    covered: bool,
}

/// Ops whose callbacks are still to come.
#[derive(Default)]
pub struct InFlight {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    expected: Vec<Expected>,
    unknown: HashMap<MachineId, Vec<Message>>,
}

/// Whose an event is.
#[derive(Clone, Debug, PartialEq)]
pub enum Whose {
    /// That person's, and already told in full.
    Told(Cause),
    /// That person's; this is the later half of what they began.
    Theirs(Cause),
    /// Nobody's of ours.
    Outside,
}

impl InFlight {
    /// An op is about to be done.
    pub fn begin(&self, op: &HostOp, cause: Cause, at: Timestamp) -> Flight {
        let mut inner = self.lock();
        inner.next += 1;
        let flight = Flight(inner.next);
        if let Some((machine, kinds, covered)) = expected(op) {
            inner.expected.retain(|expected| at.duration_since(expected.at) < BELONGS_WITHIN);
            inner.expected.push(Expected { flight, machine, kinds, cause, at, covered });
        }
        flight
    }

    /// It ended; what failed causes nothing.
    pub fn end(&self, flight: Flight, happened: bool) {
        if !happened {
            self.lock().expected.retain(|expected| expected.flight != flight);
        }
    }

    /// Whose this event is; each op explains one event of a kind.
    pub fn whose(&self, event: &HostEvent) -> Whose {
        let Some((machine, _)) = &event.machine else { return Whose::Outside };
        let mut inner = self.lock();
        let found = inner.expected.iter().position(|expected| {
            expected.machine == *machine
                && expected.kinds.contains(&event.kind)
                && event.at.duration_since(expected.at).abs() < BELONGS_WITHIN
        });
        match found {
            Some(index) => {
                let expected = inner.expected[index].clone();
                if expected.kinds.len() == 1 || !expected.covered {
                    inner.expected.remove(index);
                }
                if expected.covered { Whose::Told(expected.cause) } else { Whose::Theirs(expected.cause) }
            }
            None => Whose::Outside,
        }
    }

    /// Somebody was told that nobody knows whether their op happened.
    pub fn unknown(&self, machine: MachineId, message: Message) {
        self.lock().unknown.entry(machine).or_default().push(message);
    }

    /// The host is back: who is waiting to hear about its machines.
    pub fn settle(&self, hypervisor: &str) -> Vec<(MachineId, Message)> {
        let mut inner = self.lock();
        let known: Vec<MachineId> =
            inner.unknown.keys().filter(|machine| machine.hypervisor == hypervisor).cloned().collect();
        known
            .into_iter()
            .flat_map(|machine| {
                inner
                    .unknown
                    .remove(&machine)
                    .unwrap_or_default()
                    .into_iter()
                    .map(move |message| (machine.clone(), message))
            })
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The callbacks an op causes, and whether its own telling covers them.
fn expected(op: &HostOp) -> Option<(MachineId, &'static [EventKind], bool)> {
    Some(match op {
        HostOp::Start { machine } => (machine.clone(), &[EventKind::Started, EventKind::Resumed], true),
        HostOp::Shutdown { machine } => (machine.clone(), &[EventKind::ShutDown], false),
        HostOp::ForceOff { machine } => (machine.clone(), &[EventKind::ForcedOff], true),
        HostOp::Reboot { machine } => (machine.clone(), &[EventKind::Rebooted], false),
        HostOp::Reset { machine } => (machine.clone(), &[EventKind::Rebooted], true),
        HostOp::Pause { machine } => (machine.clone(), &[EventKind::Paused], true),
        HostOp::Resume { machine } => (machine.clone(), &[EventKind::Resumed], true),
        HostOp::AttachDisk { machine, .. } => (machine.clone(), &[EventKind::DeviceAdded, EventKind::Changed], true),
        HostOp::DetachDisk { machine, .. } => (machine.clone(), &[EventKind::DeviceRemoved, EventKind::Changed], true),
        HostOp::RevertSnapshot { machine, .. } => (
            machine.clone(),
            &[
                EventKind::Reverted,
                EventKind::Started,
                EventKind::Paused,
                EventKind::Resumed,
                EventKind::ForcedOff,
                EventKind::ShutDown,
            ],
            true,
        ),
        HostOp::CreateSnapshot { machine, .. } => {
            (machine.clone(), &[EventKind::Paused, EventKind::Resumed, EventKind::Changed], true)
        }
        HostOp::CreateVolume { .. } | HostOp::DeleteVolume { .. } | HostOp::DeleteSnapshot { .. } => return None,
    })
}

/// The sentence of an event.
pub fn phrase(event: &HostEvent, actor: Option<&str>) -> Phrase {
    let (id, _) = words(event.kind);
    let name = event.machine.as_ref().map_or(event.hypervisor.as_str(), |(_, name)| name.as_str());
    let actor = actor.map_or_else(
        || Var::from(Phrase::common(if by_itself(event.kind) { "by_itself" } else { "somebody_outside" })),
        Var::from,
    );
    Phrase::common(id).with("name", name).with("actor", actor)
}

/// The journal's verb of an event.
pub fn verb(kind: EventKind) -> &'static str {
    words(kind).1
}

fn by_itself(kind: EventKind) -> bool {
    matches!(kind, EventKind::ShutDown | EventKind::Rebooted | EventKind::Crashed | EventKind::Failed)
}

/// Whether everybody is told of it, or only sees it in the presence and finds it in the journal.
pub fn worth_telling(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Changed)
}

fn words(kind: EventKind) -> (&'static str, &'static str) {
    match kind {
        EventKind::Defined => ("event_defined", "event.defined"),
        EventKind::Changed => ("event_changed", "event.changed"),
        EventKind::Undefined => ("event_undefined", "event.undefined"),
        EventKind::Started => ("event_started", "event.started"),
        EventKind::Paused => ("event_paused", "event.paused"),
        EventKind::Resumed => ("event_resumed", "event.resumed"),
        EventKind::ShutDown => ("event_shut_down", "event.shut_down"),
        EventKind::ForcedOff => ("event_forced_off", "event.forced_off"),
        EventKind::Failed => ("event_failed", "event.failed"),
        EventKind::Crashed => ("event_crashed", "event.crashed"),
        EventKind::Rebooted => ("event_rebooted", "event.rebooted"),
        EventKind::Reverted => ("event_reverted", "event.reverted"),
        EventKind::DeviceAdded => ("event_device_added", "event.device_added"),
        EventKind::DeviceRemoved => ("event_device_removed", "event.device_removed"),
        EventKind::HostLost => ("event_host_lost", "event.host_lost"),
        EventKind::HostBack => ("event_host_back", "event.host_back"),
        // Never told: what it changes is seen in the contacts.
        EventKind::HostRead => ("event_host_back", "event.host_read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> MachineId {
        MachineId { hypervisor: "hv1".to_owned(), uuid: uuid::Uuid::from_u128(1) }
    }

    fn event(kind: EventKind) -> HostEvent {
        HostEvent {
            hypervisor: "hv1".to_owned(),
            machine: Some((machine(), "web1".to_owned())),
            kind,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_callback_belongs_to_the_op_that_caused_it_and_to_no_other() {
        let flights = InFlight::default();
        let alice = Cause { actor: "alice".to_owned(), jid: None };
        assert_eq!(flights.whose(&event(EventKind::Paused)), Whose::Outside, "somebody used virsh");
        flights.begin(&HostOp::Pause { machine: machine() }, alice.clone(), Timestamp::UNIX_EPOCH);
        assert_eq!(flights.whose(&event(EventKind::Resumed)), Whose::Outside);
        assert_eq!(flights.whose(&event(EventKind::Paused)), Whose::Told(alice.clone()));
        assert_eq!(flights.whose(&event(EventKind::Paused)), Whose::Outside, "the second pause is not alice's");
        let failed = flights.begin(&HostOp::Pause { machine: machine() }, alice.clone(), Timestamp::UNIX_EPOCH);
        flights.end(failed, false);
        assert_eq!(flights.whose(&event(EventKind::Paused)), Whose::Outside);
        flights.begin(&HostOp::Shutdown { machine: machine() }, alice.clone(), Timestamp::UNIX_EPOCH);
        assert_eq!(
            flights.whose(&event(EventKind::ShutDown)),
            Whose::Theirs(alice),
            "the end of a shutdown is told too"
        );
    }
}
