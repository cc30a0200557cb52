//! What a guest was only asked to do. One that has just started may not listen yet and is asked to shut down again; of one that does not
//! end or reboot its asker is told, and may type the name for the hard way.

use std::collections::BTreeMap;

use dialogue::machine::Input;
use dialogue::phrases::Rendered;
use dialogue::reply::Phrase;
use dialogue::session::Call;
use dialogue::spec::TARGET;
use grammar::selector::Selector;
use grammar::value::Value;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::Bot;
use super::turn::Towards;
use crate::host::{Machine, MachineId, State};
use crate::message::{Answer, Message};
use crate::ops::{Harder, Op};
use crate::planner::Step;

/// Who has run for less may still be booting, and hear nothing.
const YOUNG: SignedDuration = SignedDuration::from_mins(2);
/// How often such a machine is asked again.
const AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// A machine that was asked to shut down or to reboot, and for whom.
#[derive(Clone)]
pub(super) struct Watched {
    machine: MachineId,
    op: Op,
    harder: &'static Harder,
    step: Step,
    message: Message,
    /// When its asker is told that it didn't.
    until: Timestamp,
    /// When it is asked once more.
    again: Option<Timestamp>,
}

impl Watched {
    /// Whether it has yet to do what it was asked: it runs, and was not off meanwhile.
    fn waits_for(&self, machine: &Machine) -> bool {
        let ending = !self.op.kind().ends || machine.ending.is_some();
        machine.state == State::Running && ending
    }
}

impl Bot {
    /// Somebody asked a machine to shut down or to reboot: if it doesn't, they are told.
    pub(super) fn watch(&self, message: &Message, step: &Step) {
        let now = message.now.timestamp();
        for (op, harder) in step.change.ops.iter().filter_map(|op| Some((op, op.kind().asks?))) {
            let Some(machine) = op.machine().cloned() else { continue };
            let Ok(until) = now.checked_add(self.caution.shutdown_patience) else { continue };
            let young = |since: Timestamp| now.duration_since(since) < YOUNG;
            let since = step.machine.as_ref().and_then(|machine| machine.since);
            let again = now.checked_add(AGAIN).ok().filter(|_| op.kind().ends && since.is_some_and(young));
            let mut watched = self.watched.lock();
            // Asked twice, told once.
            watched.retain(|one| one.machine != machine || one.message.asker != message.asker);
            let (message, step, op) = (message.clone(), step.clone(), op.clone());
            watched.push(Watched { machine, op, harder, step, message, until, again });
        }
    }

    /// A machine has rebooted: whoever waits for that need not be told that it didn't.
    pub(crate) fn has_rebooted(&self, machine: &MachineId) {
        self.watched.lock().retain(|one| one.machine != *machine || one.op.kind().ends);
    }

    /// What is due: promises that can be kept, news that had to wait, and machines that have yet to do what they were asked: they are
    /// asked again, and their askers are told, and may type the name. Called every second.
    pub fn look_after(&self, now: &Zoned, say: &mut dyn FnMut(&Message, Rendered)) {
        self.look_after_on(now, &mut |message, answer| {
            say(message, answer.rendered);
            true
        });
    }

    /// The same where answers may be lost; `say` tells whether one was taken for delivery.
    pub(crate) fn look_after_on(&self, now: &Zoned, say: &mut dyn FnMut(&Message, Answer) -> bool) {
        self.keep_promises(now, None, &mut |message, rendered| {
            say(message, Answer { rendered, question: false, outcome: true });
        });
        self.tell_settled(now);
        let (due, again) = self.overdue(now.timestamp());
        for one in again {
            self.apply_again(&one.message, &one.step, &one.op);
        }
        for one in due {
            self.tell_overdue(one, now, say);
        }
    }

    /// Those whose askers are told now, and those that are asked once more.
    fn overdue(&self, now: Timestamp) -> (Vec<Watched>, Vec<Watched>) {
        let mut watched = self.watched.lock();
        watched.retain(|one| self.host.machine(&one.machine).is_some_and(|machine| one.waits_for(&machine)));
        let (due, mut rest): (Vec<_>, Vec<_>) = watched.drain(..).partition(|one: &Watched| one.until <= now);
        let mut again = Vec::new();
        for one in rest.iter_mut().filter(|one| one.again.is_some_and(|at| at <= now)) {
            one.again = now.checked_add(AGAIN).ok();
            again.push(one.clone());
        }
        *watched = rest;
        (due, again)
    }

    fn tell_overdue(&self, one: Watched, now: &Zoned, say: &mut dyn FnMut(&Message, Answer) -> bool) {
        let Some(machine) = self.host.machine(&one.machine) else { return };
        let Harder { skill, preface } = one.harder;
        let mut message = one.message;
        message.now = now.with_time_zone(message.now.time_zone().clone());
        let names = Value::Machines(Selector::Names(vec![machine.name.clone()]));
        let call = Call { skill: (*skill).to_owned(), args: BTreeMap::from([(TARGET.to_owned(), names)]) };
        let patience = self.caution.shutdown_patience;
        let preface = vec![Phrase::common(preface).with("name", machine.name.as_str()).with("span", patience)];
        let input = Input::Suggest { calls: vec![call], preface };
        let to = message.clone();
        self.turn_on(&message, input, &mut Towards { to, say: &mut *say });
    }
}
