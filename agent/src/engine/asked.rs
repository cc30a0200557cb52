//! What a guest was only asked to do. One that has just started may not listen yet and is asked to shut down again; of one that does not
//! end or reboot its asker will be told.

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::engine::planner::Step;
use crate::host::{Machine, MachineId, State};
use crate::message::Message;
use crate::ops::{Harder, Op};

/// Who has run for less may still be booting, and hear nothing.
const YOUNG: SignedDuration = SignedDuration::from_mins(2);
/// How often such a machine is asked again.
const AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// A machine that was asked to shut down or to reboot, and for whom.
#[derive(Clone)]
pub(crate) struct Asked {
    pub machine: MachineId,
    pub message: Message,
    /// The hard way.
    pub harder: &'static Harder,
    op: Op,
    step: Step,
    /// When its asker is told that it didn't.
    until: Timestamp,
    /// When it is asked once more.
    again: Option<Timestamp>,
}

impl Asked {
    /// Whether it has yet to do what it was asked: it runs, and was not off meanwhile.
    fn waits_for(&self, machine: &Machine) -> bool {
        let ending = !self.op.kind().ends || machine.ending.is_some();
        machine.state == State::Running && ending
    }
}

impl Engine {
    /// Somebody asked a machine to shut down or to reboot: if it doesn't, they are told.
    pub(super) fn watch(&self, message: &Message, step: &Step) {
        let now = message.now.timestamp();
        for (op, harder) in step.change.ops.iter().filter_map(|op| Some((op, op.kind().asks?))) {
            let Some(machine) = op.machine().cloned() else { continue };
            let Ok(until) = now.checked_add(self.caution.shutdown_patience) else { continue };
            let young = |since: Timestamp| now.duration_since(since) < YOUNG;
            let since = step.machine.as_ref().and_then(|machine| machine.since);
            let again = now.checked_add(AGAIN).ok().filter(|_| op.kind().ends && since.is_some_and(young));
            let mut asked = self.asked.lock();
            // Asked twice, told once.
            asked.retain(|one| one.machine != machine || one.message.asker != message.asker);
            let (message, step, op) = (message.clone(), step.clone(), op.clone());
            asked.push(Asked { machine, message, harder, op, step, until, again });
        }
    }

    /// A machine has rebooted: whoever waits for that need not be told that it didn't.
    pub fn has_rebooted(&self, machine: &MachineId) {
        self.asked.lock().retain(|one| one.machine != *machine || one.op.kind().ends);
    }

    /// Asks guests again that may not have listened yet, and gives those whose askers are to be told now.
    pub fn overdue(&self, now: Timestamp) -> Vec<Asked> {
        let (due, again) = {
            let mut asked = self.asked.lock();
            asked.retain(|one| self.host.machine(&one.machine).is_some_and(|machine| one.waits_for(&machine)));
            let (due, mut rest): (Vec<_>, Vec<_>) = asked.drain(..).partition(|one: &Asked| one.until <= now);
            let mut again = Vec::new();
            for one in rest.iter_mut().filter(|one| one.again.is_some_and(|at| at <= now)) {
                one.again = now.checked_add(AGAIN).ok();
                again.push(one.clone());
            }
            *asked = rest;
            (due, again)
        };
        for one in again {
            self.do_again(&one.message, &one.step, &one.op);
        }
        due
    }
}
