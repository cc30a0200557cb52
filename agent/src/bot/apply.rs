//! Applying a plan: ops in order, each written down before and after; what went wrong in words; who hears of it.
//!
//! Part of [`super::Bot`], and nobody else's: this is the only way to a host's [`HostWrite`](crate::host::HostWrite).

use dialogue::machine::Applied;
use dialogue::reply::{Phrase, Reply, Var};
use dialogue::session::Done;
use dialogue::spec::{Danger, Role, TARGET};
use grammar::selector::Selector;
use grammar::value::Value;
use jiff::Timestamp;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Bot;
use super::promises::Promise;
use crate::addresses::Entity;
use crate::error::Reference;
use crate::events::{Cause, Ending, Flight, Notice};
use crate::host::{HostError, HostErrorKind, HostEvent, MachineId};
use crate::journal::{Entry, Outcome, Told};
use crate::message::Message;
use crate::ops::{On, Op};
use crate::planner::{Made, Step, machine_of, receipt};
use crate::refusal;

impl Bot {
    /// Does a plan: every op in order, each written down before and after. Stops at the first that fails. Also how many steps something
    /// was done of.
    pub(super) fn apply(&self, message: &Message, made: &Made) -> (Applied, usize) {
        let machines: Vec<MachineId> = made.steps.iter().filter_map(machine_of).collect();
        {
            let mut writing = self.writing.lock();
            if let Some(busy) = self.busy(made, &writing) {
                return (Applied::Failed { reply: Reply::say(busy), undo: Vec::new() }, 0);
            }
            writing.extend(machines.iter().map(|machine| (machine.clone(), message.asker.name.clone())));
        }
        let _writing = Writing { bot: self, machines };
        self.apply_steps(message, made)
    }

    fn apply_steps(&self, message: &Message, made: &Made) -> (Applied, usize) {
        let mut finished: Vec<&Step> = Vec::new();
        for step in &made.steps {
            let mut held = Vec::new();
            for (done, op) in step.change.ops.iter().enumerate() {
                if let Err(stumble) = self.apply_op(message, step, op, &mut held) {
                    self.let_go(held, message);
                    let steps = finished.len() + usize::from(done > 0);
                    return (self.stumbled(message, made, &finished, done, stumble), steps);
                }
            }
            self.tell_change(message, step);
            self.watch(message, step);
            self.let_go(held, message);
            finished.push(step);
        }
        let undo = self.undoable(message, &finished);
        let mut lines: Vec<Phrase> = finished.iter().map(|step| step.change.done.clone()).collect();
        let reply =
            if lines.len() == 1 { Reply::say(lines.remove(0)) } else { Reply { rows: lines, ..Reply::default() } };
        (Applied::Done { reply, undo }, finished.len())
    }

    /// Asks a guest again that has not done yet what it was asked; not while somebody changes that machine.
    pub(super) fn apply_again(&self, message: &Message, step: &Step, op: &Op) {
        let Some(machine) = op.machine().cloned() else { return };
        {
            let mut writing = self.writing.lock();
            if writing.contains_key(&machine) {
                return;
            }
            writing.insert(machine.clone(), message.asker.name.clone());
        }
        let _writing = Writing { bot: self, machines: vec![machine] };
        let mut held = Vec::new();
        // Who asked it was told the first time; what comes of it is an event.
        if let Err(stumble) = self.apply_op(message, step, op, &mut held) {
            tracing::warn!(error = %stumble, "a guest could not be asked again");
        }
        self.let_go(held, message);
    }

    /// What "undo" is about: nothing that was done before what can't be taken back.
    fn undoable(&self, message: &Message, finished: &[&Step]) -> Vec<Done> {
        let from = finished.iter().rposition(|step| !step.change.undoable).map_or(0, |last| last + 1);
        finished[from..].iter().map(|step| self.done(message, step)).collect()
    }

    fn done(&self, message: &Message, step: &Step) -> Done {
        let receipt = serde_json::to_string(&receipt(step)).expect("a receipt is plain data");
        // Of a wish for several machines, this one's part.
        let mut call = step.call.clone();
        if let (Some(machine), true) = (&step.machine, call.args.contains_key(TARGET)) {
            let names = Selector::Names(vec![machine.name.clone()]);
            call.args.insert(TARGET.to_owned(), Value::Machines(names));
        }
        Done { call, receipt, at: message.now.timestamp(), with_last: false }
    }

    /// What happened while ops were under way, and whose it is, is told after what they did.
    fn let_go(&self, held: Vec<(HostEvent, Option<Cause>)>, message: &Message) {
        for (event, cause) in held {
            self.news(&event, cause, &message.now);
        }
    }

    fn apply_op(
        &self,
        message: &Message,
        step: &Step,
        op: &Op,
        held: &mut Vec<(HostEvent, Option<Cause>)>,
    ) -> Result<(), Stumble> {
        let id = format!("{:016x}", rand::random::<u64>());
        let before = Entry::Before {
            actor: message.asker.jid.clone().unwrap_or_default(),
            verb: step.call.skill.clone(),
            about: step.machine.as_ref().map(|machine| machine.name.clone()),
            op: serde_json::to_value(op).expect("an op is plain data"),
            id: id.clone(),
        };
        self.journal.write(Timestamp::now(), before, op.danger() >= Danger::Destructive).map_err(|error| {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "the journal can't be written; nothing is changed");
            Stumble::Journal
        })?;
        let result = match op.on() {
            On::Agent => whole(|| op.on_agent(&*self.office).map_err(Stumble::Office)),
            On::Machine(_) | On::Volume { .. } => {
                let cause = Cause { actor: message.asker.name.clone(), jid: message.asker.jid.clone() };
                let flight = self.in_flight.begin(op, cause, self.host.steady());
                let (late, end) = std::sync::mpsc::channel();
                let result = whole(|| self.host.apply_late(op, late).map_err(Stumble::Host));
                let ending = match &result {
                    Ok(()) => Ending::Done,
                    Err(Stumble::Host(error)) if error.kind.outcome_unknown() => Ending::Unknown,
                    Err(Stumble::Broke) => Ending::Unknown,
                    Err(_) => Ending::Failed,
                };
                held.extend(self.in_flight.end(flight, ending, self.host.steady()));
                if matches!(result, Err(Stumble::Host(_))) && ending == Ending::Unknown {
                    self.look_again(message, step, op, flight, &id, end);
                }
                result
            }
        };
        let (outcome, why) = match &result {
            Ok(()) => (Outcome::Done, None),
            Err(Stumble::Host(error)) if error.kind.outcome_unknown() => (Outcome::Unknown, Some(error.to_string())),
            Err(Stumble::Broke) => (Outcome::Unknown, Some(Stumble::Broke.to_string())),
            Err(stumble) => (Outcome::Failed, Some(stumble.to_string())),
        };
        // Now, not when it was said: an op may take long.
        if let Err(error) = self.journal.write(Timestamp::now(), Entry::After { id, outcome, why }, false) {
            tracing::error!(%error, "the journal can't be written");
        }
        result
    }

    /// Op `done` of the step behind those that are finished failed: what is done, what is not, and what can be taken back.
    fn stumbled(&self, message: &Message, made: &Made, finished: &[&Step], done: usize, stumble: Stumble) -> Applied {
        let step = &made.steps[finished.len()];
        let mut undo = self.undoable(message, finished);
        if done > 0 && step.change.undoable {
            undo.push(self.done(message, step));
        }
        let role = message.asker.jid.as_deref().and_then(|jid| self.access.role(jid)).unwrap_or(Role::Viewer);
        let (id, why) = match &stumble {
            Stumble::Journal => ("audit_full", None),
            Stumble::Broke => ("broke_in_op", None),
            Stumble::Host(error) if error.kind.outcome_unknown() => {
                ("unknown_outcome", Some(refusal::why(error, role)))
            }
            Stumble::Host(error) => ("failed", Some(refusal::why(error, role))),
            Stumble::Office(_) => ("failed", Some(refusal::why_kind(HostErrorKind::Failed))),
        };
        let partly = id == "failed" && (done > 0 || !finished.is_empty());
        let mut vars: Vec<(&str, Var)> = why.map(|why| ("why", Var::from(why))).into_iter().collect();
        if partly {
            let words = |step: &Step, ops: &[Op]| ops.iter().map(|op| op_words(op, step)).collect::<Vec<_>>();
            let mut is_done: Vec<Phrase> = finished.iter().flat_map(|step| words(step, &step.change.ops)).collect();
            is_done.extend(words(step, &step.change.ops[..done]));
            vars.push(("done", is_done.into()));
            let mut left = words(step, &step.change.ops[done..]);
            left.extend(made.steps[finished.len() + 1..].iter().flat_map(|step| words(step, &step.change.ops)));
            vars.push(("left", left.into()));
        }
        tracing::error!(error = %stumble, source = ?stumble.source(), "an op failed");
        Applied::Failed { reply: self.failure(if partly { "failed_partly" } else { id }, vars), undo }
    }

    /// Whoever did not learn how an op ended is told as soon as that is known.
    fn look_again(
        &self,
        message: &Message,
        step: &Step,
        op: &Op,
        flight: Flight,
        entry: &str,
        end: std::sync::mpsc::Receiver<Result<(), HostError>>,
    ) {
        let Some(machine) = &step.machine else { return };
        self.promise(Promise {
            flight,
            op: op.clone(),
            machine: machine.id.clone(),
            message: message.clone(),
            step: step.clone(),
            entry: entry.to_owned(),
            late: Some(end),
            since: self.host.steady(),
        });
    }

    pub(super) fn failure(&self, id: &str, vars: Vec<(&str, Var)>) -> Reply {
        let reference = match self.references.lock().as_mut() {
            Some(count) => {
                *count += 1;
                Reference::numbered(*count)
            }
            None => Reference::new(),
        };
        tracing::error!(%reference, failure = id, "told the person");
        let phrase = vars.into_iter().fold(Phrase::common(id), |phrase, (name, value)| phrase.with(name, value));
        Reply::say(phrase.with("reference", reference.to_string()))
    }

    /// Everybody concerned hears of a change, once, with who did it.
    pub(super) fn tell_change(&self, message: &Message, step: &Step) {
        let phrase = step.change.told.clone().with("actor", message.asker.name.as_str());
        let text = self.text(&phrase, &message.now);
        let about =
            step.machine.as_ref().map_or_else(|| self.place(&message.entity).name, |machine| machine.name.clone());
        self.write_told(Told {
            at: message.now.timestamp(),
            actor: Some(message.asker.name.clone()),
            verb: step.call.skill.clone(),
            about: about.clone(),
            text: text.clone(),
            phrase: Some(phrase.clone()),
        });
        let entity =
            step.machine.as_ref().map_or_else(|| message.entity.clone(), |machine| Entity::Machine(machine.id.clone()));
        self.notify(Notice {
            about: entity,
            name: about,
            text,
            phrase,
            except: message.asker.jid.clone(),
            except_room: message.room.clone(),
            burst: None,
        });
    }
}

/// Machines that are being changed; nobody else's while this is there, whatever becomes of the turn.
struct Writing<'a> {
    bot: &'a Bot,
    machines: Vec<MachineId>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.bot.writing.lock().retain(|machine, _| !self.machines.contains(machine));
    }
}

/// An op that panics has failed, and nobody knows how far it came.
fn whole(op: impl FnOnce() -> Result<(), Stumble>) -> Result<(), Stumble> {
    catch_unwind(AssertUnwindSafe(op)).unwrap_or(Err(Stumble::Broke))
}

/// Why an op was not done.
#[derive(Debug, thiserror::Error)]
enum Stumble {
    #[error("the journal can't be written")]
    Journal,
    #[error("something of ours broke in the middle of it")]
    Broke,
    #[error(transparent)]
    Host(HostError),
    #[error("{0}")]
    Office(String),
}

impl Stumble {
    fn source(&self) -> Option<String> {
        std::error::Error::source(self).map(ToString::to_string)
    }
}

/// An op in words, for "done so far".
fn op_words(op: &Op, step: &Step) -> Phrase {
    op.words(step.machine.as_ref().map_or("", |machine| &machine.name))
}
