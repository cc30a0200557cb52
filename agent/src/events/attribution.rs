//! Whose an event is: libvirt's callbacks are matched to the ops that cause them.
//!
//! An op announces which events it will cause. While it is under way and for a few seconds after its end, the first event of
//! each such kind on its machine is its own; every other one came from outside: somebody used virsh, or the guest itself.
//! What fits while the op is under way is held until it is known how that ended, for an op that fails has caused nothing. An
//! op of which nobody knows whether it happened keeps its events, whenever they come. Times are on
//! [`HostRead::steady`](crate::host::HostRead::steady)'s clock, so that nobody's setting of a clock changes whose an event is.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::Cause;
use crate::host::{EventKind, HostEvent, MachineId};
use crate::ops::Op;

/// An op's callbacks may come this long after its answer: libvirt does not order the two.
const GRACE: Duration = Duration::from_secs(3);
/// A guest that was asked to end or to reboot may take its time.
const OBEYS_WITHIN: Duration = Duration::from_secs(600);
/// What nobody could wait for may come that late.
const UNKNOWN_FOR: Duration = Duration::from_secs(1_800);

/// An op's ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flight(u64);

/// How an op ended, as far as its caller knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was done.
    Done,
    /// It was not done.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// Whose an event is.
#[derive(Clone, Debug, PartialEq)]
pub enum Whose {
    /// That person's, and told in full with their op.
    Told(Cause),
    /// That person's, and to be told: the later half of what they began, or of what they do not know whether it happened.
    Theirs(Cause),
    /// It may be that of an op under way: known when that has ended, see [`InFlight::end`].
    Held,
    /// Nobody's of ours.
    Outside,
}

/// Ops whose callbacks are still to come.
#[derive(Default)]
pub struct InFlight {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    ops: Vec<Expected>,
}

#[derive(Debug)]
struct Expected {
    flight: Flight,
    machine: MachineId,
    /// The name of the machine that it makes: then the events are that one's, whose UUID libvirt chooses.
    made: Option<String>,
    /// What is still to come: one event of each.
    left: Vec<&'static [EventKind]>,
    cause: Cause,
    begun: Duration,
    phase: Phase,
    /// The op's own telling says all there is.
    covered: bool,
    /// The op only asks; the event comes when the guest obeys.
    asks: bool,
    held: Vec<HostEvent>,
    /// One of its events came although nobody knew whether it happened.
    seen: bool,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    UnderWay,
    Done(Duration),
    Unknown(Duration),
}

impl Expected {
    fn is_over(&self, now: Duration) -> bool {
        let until = match self.phase {
            Phase::UnderWay => return false,
            Phase::Done(at) if self.asks => at + OBEYS_WITHIN,
            Phase::Done(at) => at + GRACE,
            Phase::Unknown(at) => at + UNKNOWN_FOR,
        };
        now > until
    }

    /// Takes the event if it is one that this op causes.
    fn takes(&mut self, machine: &MachineId, event: &HostEvent) -> bool {
        let is_its = match (&self.made, &event.machine) {
            (Some(made), Some((_, name))) => made == name && self.machine.hypervisor == machine.hypervisor,
            _ => self.machine == *machine,
        };
        if !is_its || event.steady < self.begun || self.is_over(event.steady) {
            return false;
        }
        match self.left.iter().position(|kinds| kinds.contains(&event.kind)) {
            Some(at) => {
                self.left.remove(at);
                true
            }
            None => false,
        }
    }
}

impl InFlight {
    /// An op is about to be done.
    pub fn begin(&self, op: &Op, cause: Cause, now: Duration) -> Flight {
        let mut inner = self.lock();
        inner.next += 1;
        let flight = Flight(inner.next);
        let kind = op.kind();
        if let Some(machine) = op.machine().filter(|_| !kind.causes.is_empty()) {
            inner.ops.push(Expected {
                flight,
                machine: machine.clone(),
                made: op.makes().map(str::to_owned),
                left: kind.causes.to_vec(),
                cause,
                begun: now,
                phase: Phase::UnderWay,
                covered: kind.covers,
                asks: kind.asks.is_some(),
                held: Vec::new(),
                seen: false,
            });
        }
        flight
    }

    /// It ended. Gives what was held and is to be told now, with whose it is.
    pub fn end(&self, flight: Flight, ending: Ending, now: Duration) -> Vec<(HostEvent, Option<Cause>)> {
        let mut inner = self.lock();
        let Some(at) = inner.ops.iter().position(|op| op.flight == flight) else { return Vec::new() };
        let op = &mut inner.ops[at];
        let held = std::mem::take(&mut op.held);
        let cause = Some(op.cause.clone());
        match ending {
            Ending::Failed => {
                inner.ops.remove(at);
                held.into_iter().map(|event| (event, None)).collect()
            }
            Ending::Done => {
                op.phase = Phase::Done(now);
                let told = op.covered;
                if op.left.is_empty() {
                    inner.ops.remove(at);
                }
                if told { Vec::new() } else { held.into_iter().map(|event| (event, cause.clone())).collect() }
            }
            Ending::Unknown => {
                op.phase = Phase::Unknown(now);
                op.seen = !held.is_empty();
                held.into_iter().map(|event| (event, cause.clone())).collect()
            }
        }
    }

    /// It is known after all how an op ended; gives whether one of its events has told of it.
    pub fn known(&self, flight: Flight, worked: bool, now: Duration) -> bool {
        let mut inner = self.lock();
        let Some(at) = inner.ops.iter().position(|op| op.flight == flight) else { return false };
        let op = &mut inner.ops[at];
        let seen = op.seen;
        op.phase = Phase::Done(now);
        if !worked || op.left.is_empty() {
            inner.ops.remove(at);
        }
        seen
    }

    /// Whether an event has shown that an op of unknown outcome happened.
    pub fn was_seen(&self, flight: Flight) -> bool {
        self.lock().ops.iter().any(|op| op.flight == flight && op.seen)
    }

    /// Whose this event is.
    pub fn whose(&self, event: &HostEvent) -> Whose {
        let Some((machine, _)) = &event.machine else { return Whose::Outside };
        let mut inner = self.lock();
        inner.ops.retain(|op| !op.is_over(event.steady));
        let mut whose = Whose::Outside;
        // What is known to have been done comes before what may have been.
        let (known, unknown): (Vec<_>, Vec<_>) =
            inner.ops.iter_mut().partition(|op| !matches!(op.phase, Phase::Unknown(_)));
        for op in known.into_iter().chain(unknown) {
            if !op.takes(machine, event) {
                continue;
            }
            whose = match op.phase {
                Phase::UnderWay => {
                    op.held.push(event.clone());
                    Whose::Held
                }
                Phase::Done(_) if op.covered => Whose::Told(op.cause.clone()),
                Phase::Done(_) => Whose::Theirs(op.cause.clone()),
                Phase::Unknown(_) => {
                    op.seen = true;
                    Whose::Theirs(op.cause.clone())
                }
            };
            break;
        }
        // A guest that was asked to end, and has ended or begun anew in whatever way, obeys no more. What is heard right after
        // the asking may be from before it.
        let over = ends_what_was_asked(event.kind);
        inner.ops.retain(|op| match op.phase {
            Phase::Done(at) => {
                let obeys_no_more = over && op.asks && op.machine == *machine && event.steady > at + GRACE;
                !op.left.is_empty() && !obeys_no_more
            }
            Phase::UnderWay | Phase::Unknown(_) => true,
        });
        whose
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

fn ends_what_was_asked(kind: EventKind) -> bool {
    use EventKind as Kind;
    matches!(
        kind,
        Kind::ShutDown
            | Kind::ForcedOff
            | Kind::Saved
            | Kind::MovedAway
            | Kind::Moved
            | Kind::Failed
            | Kind::Crashed
            | Kind::Started
            | Kind::Restored
            | Kind::RestoredPaused
            | Kind::Reverted
            | Kind::Rebooted
            | Kind::Undefined
    )
}

#[cfg(test)]
mod tests;
