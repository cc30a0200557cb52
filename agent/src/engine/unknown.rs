//! "I don't know whether that happened; I will look again and tell you": kept, whatever becomes of it.
//!
//! An op of unknown outcome is remembered with whose it was until it comes back, an event shows that it happened, or its host
//! can be seen again. While libvirt still works on it nobody else changes that machine, and everybody else is served.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use dialogue::phrases::Rendered;
use dialogue::reply::{Phrase, Reply};
use jiff::{Timestamp, Zoned};

use super::Engine;
use crate::engine::planner::Step;
use crate::events::Flight;
use crate::host::{HostError, Machine, MachineId};
use crate::message::Message;
use crate::ops::Op;
use crate::refusal;
use crate::state::journal::{Entry, Outcome};

/// How often a host is asked for an op that was cut off; each time it may take its time to answer.
const TRIES: usize = 4;
/// When nothing more is to come, it is looked at after that long: a connection that broke has been noticed by then.
const LOOK_AFTER: Duration = Duration::from_secs(6);

/// An op whose end nobody waited for.
pub(super) struct Promise {
    pub flight: Flight,
    pub op: Op,
    pub machine: MachineId,
    pub message: Message,
    pub step: Step,
    /// Its id in the journal.
    pub entry: String,
    /// How it ends, as long as it is under way.
    pub late: Option<Receiver<Result<(), HostError>>>,
    pub since: Duration,
}

/// What became of an op.
enum Found {
    Happened,
    Failed(HostError),
    /// Nobody can say; how the machine is now says it best.
    Seen,
}

impl Engine {
    /// What became of an op that an earlier run was cut off in: whether its machine shows that it was done. What libvirt still works on is
    /// stopped, since nobody is left who would go on from there. Blocks.
    pub fn cut_off(&self, op: &Op) -> Option<bool> {
        // While libvirt still begins with it nobody else gets an answer.
        let progress = || self.host.progress(op).ok();
        let goes_on = op.kind().is_long && (0..TRIES).find_map(|_| progress()).flatten().is_some();
        if goes_on && let Err(error) = self.host.stop(op) {
            tracing::warn!(%error, "what was cut off could not be stopped");
        }
        op.shows(&*self.host.look_again(op.machine()?)?)
    }

    /// Somebody's op on that machine that libvirt still works on: who is told to wait, and for what.
    pub(super) fn still_busy(&self, machine: &Machine) -> Option<Phrase> {
        let promises = self.promises.lock();
        let stuck = promises.iter().find(|promise| promise.machine == machine.id && promise.late.is_some())?;
        Some(
            Phrase::common("still_busy")
                .with("host", &machine.id.hypervisor)
                .with("who", stuck.message.asker.name.as_str())
                .with("deed", stuck.op.deed(&machine.name)),
        )
    }

    pub(super) fn promise(&self, promise: Promise) {
        self.promises.lock().push(promise);
    }

    /// Tells everybody whose op is known by now how it ended. `seen`: machines of a host that has just come back, of which
    /// what is to be known is known. Called every second.
    pub fn keep_promises(
        &self,
        now: &Zoned,
        seen: Option<&dyn Fn(&MachineId) -> bool>,
        say: &mut dyn FnMut(&Message, Rendered),
    ) {
        let found: Vec<(Promise, Found)> = {
            let mut promises = self.promises.lock();
            let all = std::mem::take(&mut *promises);
            let mut found = Vec::new();
            for mut promise in all {
                match self.found(&mut promise, seen) {
                    Some(outcome) => found.push((promise, outcome)),
                    None => promises.push(promise),
                }
            }
            found
        };
        for (promise, outcome) in found {
            self.keep_promise(&promise, &outcome, now, say);
        }
    }

    fn found(&self, promise: &mut Promise, seen: Option<&dyn Fn(&MachineId) -> bool>) -> Option<Found> {
        let ended = promise.late.as_ref().map(Receiver::try_recv);
        match ended {
            Some(Ok(Ok(()))) => return Some(Found::Happened),
            Some(Ok(Err(error))) if !error.kind.outcome_unknown() => return Some(Found::Failed(error)),
            Some(Ok(Err(_)) | Err(TryRecvError::Disconnected)) => promise.late = None,
            Some(Err(TryRecvError::Empty)) | None => {}
        }
        if self.in_flight.was_seen(promise.flight) {
            return Some(Found::Happened);
        }
        if seen.is_some_and(|seen| seen(&promise.machine)) {
            return Some(Found::Seen);
        }
        let waited = self.host.steady().saturating_sub(promise.since) >= LOOK_AFTER;
        let reachable = || {
            let hosts = self.host.hypervisors();
            hosts.iter().any(|host| host.name == promise.machine.hypervisor && host.unreachable.is_none())
        };
        if promise.late.is_some() || !waited || !reachable() {
            return None;
        }
        Some(Found::Seen)
    }

    fn keep_promise(&self, promise: &Promise, found: &Found, now: &Zoned, say: &mut dyn FnMut(&Message, Rendered)) {
        let Promise { flight, op, machine, message, step, entry, .. } = promise;
        let machine = self.host.look_again(machine);
        let shows = machine.as_ref().and_then(|machine| op.shows(machine));
        let (outcome, why) = match (found, shows) {
            (Found::Happened, _) | (Found::Seen, Some(true)) => (Some(Outcome::Done), None),
            (Found::Failed(error), _) => (Some(Outcome::Failed), Some(error)),
            (Found::Seen, _) => (None, None),
        };
        let told = match outcome {
            Some(outcome) => {
                let after = Entry::After { id: entry.clone(), outcome, why: why.map(ToString::to_string) };
                if let Err(error) = self.journal.write(Timestamp::now(), after, false) {
                    tracing::error!(%error, "the journal can't be written");
                }
                // What was only seen to be so may still have its event to come, if there is one that everybody hears.
                match found {
                    Found::Seen if op.kind().is_heard => true,
                    _ => self.in_flight.known(*flight, outcome == Outcome::Done, self.host.steady()),
                }
            }
            None => true,
        };
        if outcome == Some(Outcome::Done) && !told {
            self.tell_change(message, step);
        }
        let phrase = match &machine {
            None => Phrase::common("outcome_gone"),
            Some(machine) => {
                let id = match (outcome, shows, why) {
                    (Some(Outcome::Done), ..) => "outcome_done",
                    (_, _, Some(_)) => "outcome_failed",
                    (_, Some(false), _) => "outcome_not_done",
                    _ => "outcome_known",
                };
                let phrase = Phrase::common(id)
                    .with("name", machine.name.as_str())
                    .with("is", refusal::how(machine))
                    .with("deed", op.deed(&machine.name));
                let role = self.role(message.asker.jid.as_deref());
                match why {
                    Some(error) => phrase.with("why", refusal::why(error, role)),
                    None => phrase,
                }
            }
        };
        let left = if outcome == Some(Outcome::Done) { None } else { self.left_over(op, &[]) };
        let reply = Reply::say(phrase);
        let reply = match left {
            Some(volumes) => reply.and(Phrase::common("behind").with("volumes", volumes)),
            None => reply,
        };
        let rendered = self.phrases(message.asker.jid.as_deref()).reply(&reply, now);
        say(message, rendered);
    }
}
