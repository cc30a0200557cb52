//! Carrying out a plan: ops in order, each written down before and after; what went wrong in words; who hears of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use dialogue::machine::Applied;
use dialogue::reply::{Phrase, Reply, Var};
use dialogue::session::Done;
use dialogue::spec::{Danger, TARGET};
use grammar::selector::Selector;
use grammar::value::Value;
use jiff::Timestamp;

use super::jobs::Job;
use super::kept::{self, At};
use super::take_up::ends_what_goes_on;
use super::unknown::Promise;
use super::{Engine, locks};
use crate::engine::planner::{Made, Step, receipt};
use crate::events::{Cause, Ending, Flight, Notice};
use crate::host::{HostError, HostErrorKind, HostEvent, Machine};
use crate::message::Message;
use crate::ops::{self, Lock, On, Op};
use crate::people::addresses::Entity;
use crate::refusal;
use crate::state::journal::{self, Entry, Told};

/// What came of a plan.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For its asker.
    pub applied: Applied,
    /// The steps of which something was done.
    pub steps: Vec<Step>,
}

impl Outcome {
    /// Nothing was done.
    pub fn refused(why: Phrase) -> Self {
        Self { applied: Applied::Failed { reply: Reply::say(why), undo: Vec::new() }, steps: Vec::new() }
    }
}

/// Whether a plan was carried out in time to be answered.
pub(crate) enum Committed {
    /// It was.
    Ended(Outcome),
    /// It goes on; what comes of it is among [`Jobs::take_ended`](super::jobs::Jobs::take_ended) in the end.
    UnderWay(Arc<Job>),
}

impl Engine {
    /// Carries out a plan that was released. Blocks for as long as its asker can be kept waiting, and not longer.
    pub fn commit(self: &Arc<Self>, message: &Message, made: Made) -> Committed {
        let within = *self.answer_within.lock();
        if within.is_zero() || !self.jobs.has_room() {
            return Committed::Ended(self.carry_out(&Job::new(message, made)));
        }
        let job = self.jobs.begin(message, made);
        let (tell, told) = channel();
        let (engine, running) = (Arc::clone(self), Arc::clone(&job));
        let begun = std::thread::Builder::new().name(format!("job-{}", job.number)).spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| engine.carry_out(&running)));
            let outcome = outcome.unwrap_or_else(|_| engine.broken());
            if let Some(outcome) = engine.has_ended(&running, outcome) {
                // Whoever commits waits for it.
                let _ = tell.send(outcome);
            }
        });
        if let Err(error) = begun {
            tracing::warn!(%error, "no thread for a change: its asker waits for it");
            self.jobs.forget(&job);
            return Committed::Ended(self.carry_out(&job));
        }
        match told.recv_timeout(within) {
            Ok(outcome) => Committed::Ended(outcome),
            Err(_) if self.jobs.acknowledge(&job) => Committed::UnderWay(job),
            // It ended in this very moment.
            Err(_) => Committed::Ended(told.recv().unwrap_or_else(|_| self.broken())),
        }
    }

    pub(super) fn broken(&self) -> Outcome {
        let reply = self.failure("broke_in_op", Vec::new());
        Outcome { applied: Applied::Failed { reply, undo: Vec::new() }, steps: Vec::new() }
    }

    /// Does a plan: every op in order, each written down before and after. Stops at the first that fails.
    fn carry_out(&self, job: &Job) -> Outcome {
        let Job { message, made, .. } = job;
        let held = self.locks.take(locks::of(&made.steps), &message.asker.name);
        let busy = match &held {
            Ok(_) => self.stuck(&made.steps),
            Err((who, lock)) => Some(self.busy_with(who, lock)),
        };
        match busy {
            Some(busy) => Outcome::refused(busy),
            None => self.outcome(job, None),
        }
    }

    /// Does what is left of a plan: all of it, or what comes from where it was when the agent was stopped.
    pub(super) fn outcome(&self, job: &Job, cut: Option<&At>) -> Outcome {
        let (applied, steps) = self.apply_steps(job, cut);
        Outcome { applied, steps: job.made.steps[..steps].to_vec() }
    }

    /// Also of how many steps something was done.
    fn apply_steps(&self, job: &Job, cut: Option<&At>) -> (Applied, usize) {
        let Job { message, made, .. } = job;
        let mut finished: Vec<&Step> = Vec::new();
        for (number, step) in made.steps.iter().enumerate() {
            if cut.is_some_and(|at| number < at.step) {
                finished.push(step);
                continue;
            }
            let mut held = Vec::new();
            for (done, op) in step.change.ops.iter().enumerate() {
                let here = (number, done);
                if cut.is_some_and(|at| here < (at.step, at.op) || at.done && here == (at.step, at.op)) {
                    continue;
                }
                job.is_at(number, done);
                let cut_here = cut.filter(|at| here == (at.step, at.op)).map(|at| at.entry.as_str());
                let applied = match (cut_here, job.stopped()) {
                    (Some(entry), _) => self.apply_again(job, step, op, entry, &mut held),
                    (None, Some(who)) => Err(Stumble::Stopped(who)),
                    (None, None) if cut.is_some_and(|at| !ends_what_goes_on(&made.steps, at, here)) => {
                        Err(Stumble::CutOff { unknown: false })
                    }
                    (None, None) => self.apply_op(Some(job), message, step, op, &mut held),
                };
                if let Err(stumble) = applied.map_err(|stumble| stumble.of(job, op)) {
                    self.let_go(held, message);
                    // Where the machine is now concerns everybody, whatever else was not done.
                    if step.change.ops[..done].iter().any(|op| op.reaches().is_some()) {
                        self.tell_change(message, step);
                    }
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
    pub(super) fn do_again(&self, message: &Message, step: &Step, op: &Op) {
        let Some(machine) = op.machine().cloned() else { return };
        let Ok(_held) = self.locks.take(vec![Lock::Machine(machine)], &message.asker.name) else { return };
        let mut held = Vec::new();
        // Who asked it was told the first time; what comes of it is an event.
        if let Err(stumble) = self.apply_op(None, message, step, op, &mut held) {
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

    /// What ops change that are done to the agent itself.
    fn own(&self) -> ops::Agent<'_> {
        ops::Agent { contacts: &*self.affairs, jobs: &self.jobs, host: &*self.host }
    }

    /// What happened while ops were under way, and whose it is, is told after what they did.
    fn let_go(&self, held: Vec<(HostEvent, Option<Cause>)>, message: &Message) {
        for (event, cause) in held {
            self.news(&event, cause, &message.now);
        }
    }

    fn apply_op(
        &self,
        job: Option<&Job>,
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
        let job = job.filter(|job| kept::is_kept(job));
        let mut lines: Vec<Entry> = Vec::new();
        if let Some(job) = job {
            lines.extend((!job.in_journal(true)).then(|| kept::begins(job)));
            lines.push(kept::is_at(job, &At::of(job, &id, false)));
        }
        lines.push(before);
        self.journal.write_all(Timestamp::now(), lines, op.danger() >= Danger::Destructive).map_err(|error| {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "the journal can't be written; nothing is changed");
            Stumble::Journal
        })?;
        let result = match op.on() {
            On::Agent => whole(|| op.on_agent(&self.own()).map_err(Stumble::Agent)),
            On::Machine(_) | On::Volume { .. } => {
                let flight = self.in_flight.begin(op, cause(message), self.host.steady());
                let (late, end) = channel();
                let mut result = whole(|| self.host.apply_late(op, late).map_err(Stumble::Host));
                // libvirt may go on with it all the same.
                let lost = matches!(&result, Err(Stumble::Host(error)) if error.kind == HostErrorKind::Lost);
                if let Some(job) = job.filter(|_| lost && op.kind().is_long) {
                    result = self.take_up(job, op);
                }
                let ending = ending(&result);
                held.extend(self.in_flight.end(flight, ending, self.host.steady()));
                if matches!(result, Err(Stumble::Host(_))) && ending == Ending::Unknown {
                    self.look_again(message, step, op, flight, &id, end);
                }
                result
            }
        };
        self.write_after(job, id, &result);
        result
    }

    /// How an op ends at which the agent was stopped.
    fn apply_again(
        &self,
        job: &Job,
        step: &Step,
        op: &Op,
        entry: &str,
        held: &mut Vec<(HostEvent, Option<Cause>)>,
    ) -> Result<(), Stumble> {
        tracing::info!(job = job.number, machine = step.name(), op = op.operation(), "looking for what was cut off");
        let flight = self.in_flight.begin(op, cause(&job.message), self.host.steady());
        let result = self.take_up(job, op);
        held.extend(self.in_flight.end(flight, ending(&result), self.host.steady()));
        self.write_after(Some(job), entry.to_owned(), &result);
        result
    }

    /// How it ended, and with it where its job is now.
    fn write_after(&self, job: Option<&Job>, id: String, result: &Result<(), Stumble>) {
        let why = result.as_ref().err().map(ToString::to_string);
        let outcome = match ending(result) {
            Ending::Done => journal::Outcome::Done,
            Ending::Failed => journal::Outcome::Failed,
            Ending::Unknown => journal::Outcome::Unknown,
        };
        let mut lines = vec![Entry::After { id: id.clone(), outcome, why }];
        if let Some(job) = job {
            match result {
                Ok(()) if !job.is_at_its_end() => lines.push(kept::is_at(job, &At::of(job, &id, true))),
                _ => {
                    job.in_journal(false);
                    lines.extend(kept::ends(&job.id));
                }
            }
        }
        // Now, not when it was said: an op may take long.
        if let Err(error) = self.journal.write_all(Timestamp::now(), lines, false) {
            tracing::error!(%error, "the journal can't be written");
        }
    }

    /// Op `done` of the step behind those that are finished failed: what is done, what is not, and what can be taken back.
    fn stumbled(&self, message: &Message, made: &Made, finished: &[&Step], done: usize, stumble: Stumble) -> Applied {
        let step = &made.steps[finished.len()];
        let op = &step.change.ops[done];
        let left = self.left_by(op, &step.change.ops[..done], &stumble);
        let deleted = left.is_some() && matches!(op.on(), On::Volume { .. }) && step.change.undoable;
        let mut undo = self.undoable(message, finished);
        if (done > 0 || deleted) && step.change.undoable {
            undo.push(self.done(message, step));
        }
        let left_over = |reply: Reply| match left {
            Some(volumes) => {
                let id = if deleted && done == 0 { "behind_undo" } else { "behind" };
                reply.and(Phrase::common(id).with("volumes", volumes))
            }
            None => reply,
        };
        let role = self.role(message.asker.jid.as_deref());
        let (id, why) = match &stumble {
            Stumble::Journal => ("audit_full", None),
            Stumble::Stopped(_) => ("stopped", None),
            Stumble::Broke => ("broke_in_op", None),
            Stumble::CutOff { unknown } => (if *unknown { "cut_short_unknown" } else { "cut_short" }, None),
            Stumble::Host(error) if error.kind.outcome_unknown() => {
                ("unknown_outcome", Some(refusal::why(error, role)))
            }
            Stumble::Host(error) => ("failed", Some(refusal::why(error, role))),
            Stumble::Agent(_) => ("failed", Some(refusal::why_kind(HostErrorKind::Failed))),
        };
        let begun = done > 0 || !finished.is_empty();
        let partly = match id {
            "failed" | "stopped" | "cut_short" => begun,
            _ => id == "cut_short_unknown",
        };
        let mut vars: Vec<(&str, Var)> = why.map(|why| ("why", Var::from(why))).into_iter().collect();
        if partly {
            let words = |step: &Step, ops: &[Op]| ops.iter().map(|op| op.words(step.name())).collect::<Vec<_>>();
            let mut is_done: Vec<Phrase> = finished.iter().flat_map(|step| words(step, &step.change.ops)).collect();
            is_done.extend(words(step, &step.change.ops[..done]));
            vars.push(("n", is_done.len().into()));
            vars.push(("done", is_done.into()));
            let mut left = words(step, &step.change.ops[done..]);
            left.extend(made.steps[finished.len() + 1..].iter().flat_map(|step| words(step, &step.change.ops)));
            vars.push(("left", left.into()));
        }
        let id = if partly { format!("{id}_partly") } else { id.to_owned() };
        let with = |id: &str, vars: Vec<(&str, Var)>| {
            vars.into_iter().fold(Phrase::common(id), |phrase, (name, value)| phrase.with(name, value))
        };
        if let Stumble::CutOff { .. } = &stumble {
            tracing::warn!(error = %stumble, "a job goes no further");
            vars.push(("what", op.deed(step.name()).into()));
            let reply = self.with_state(Reply::say(with(&id, vars)), step, op);
            return Applied::Failed { reply: left_over(reply), undo };
        }
        if let Stumble::Stopped(who) = &stumble {
            vars.extend([("who", Var::from(who.as_str())), ("what", op.deed(step.name()).into())]);
            let reply = self.with_undone(Reply::say(with(&id, vars)), op);
            return Applied::Failed { reply: left_over(reply), undo };
        }
        tracing::error!(error = %stumble, source = ?stumble.source(), "an op failed");
        let mut reply = self.failure(&id, vars);
        if matches!(&stumble, Stumble::Host(error) if !error.kind.outcome_unknown()) {
            reply = self.with_undone(reply, op);
        }
        Applied::Failed { reply: left_over(reply), undo }
    }

    /// What may be left of an op that was begun, where nobody else has named it. Of what is still to be looked at it is told then.
    fn left_by(&self, op: &Op, before: &[Op], stumble: &Stumble) -> Option<Var> {
        let is_left = match stumble {
            Stumble::CutOff { .. } | Stumble::Broke => true,
            Stumble::Host(error) if error.kind.outcome_unknown() || error.kind == HostErrorKind::Exists => false,
            Stumble::Host(_) | Stumble::Stopped(_) => op.reaches().is_some(),
            Stumble::Journal | Stumble::Agent(_) => false,
        };
        if is_left { self.left_over(op, before) } else { None }
    }

    /// With how the machine is.
    fn with_state(&self, reply: Reply, step: &Step, op: &Op) -> Reply {
        let id = op.machine().or(step.machine.as_ref().map(|machine| &machine.id));
        let Some(machine) = id.and_then(|id| self.host.look_again(id)) else { return reply };
        let is = || Phrase::common("is_now").with("name", machine.name.as_str()).with("is", refusal::how(&machine));
        reply.and(op.undone(&machine).unwrap_or_else(is))
    }

    /// With how the machine is now that this was not done.
    fn with_undone(&self, reply: Reply, op: &Op) -> Reply {
        let machine = op.machine().filter(|_| op.reaches().is_some()).and_then(|id| self.host.look_again(id));
        match machine.and_then(|machine| op.undone(&machine)) {
            Some(phrase) => reply.and(phrase),
            None => reply,
        }
    }

    /// Whoever did not learn how an op ended is told as soon as that is known.
    fn look_again(
        &self,
        message: &Message,
        step: &Step,
        op: &Op,
        flight: Flight,
        entry: &str,
        end: Receiver<Result<(), HostError>>,
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
        // Where it is now, and where it was.
        let now_at =
            step.machine.as_ref().map(|machine| self.host.machine(&machine.id).unwrap_or_else(|| machine.clone()));
        let moved =
            |machine: &&Arc<Machine>| now_at.as_ref().is_some_and(|now| now.id.hypervisor != machine.id.hypervisor);
        let left = step.machine.as_ref().filter(moved).map(|machine| machine.id.hypervisor.clone());
        let entity = now_at.map_or_else(|| message.entity.clone(), |machine| Entity::Machine(machine.id.clone()));
        self.notify(Notice {
            about: entity,
            name: about,
            text,
            phrase,
            except: message.asker.jid.clone(),
            except_room: message.room.clone(),
            left,
            burst: None,
        });
    }
}

fn cause(message: &Message) -> Cause {
    Cause { actor: message.asker.name.clone(), jid: message.asker.jid.clone() }
}

fn ending(result: &Result<(), Stumble>) -> Ending {
    match result {
        Ok(()) => Ending::Done,
        Err(Stumble::Host(error)) if error.kind.outcome_unknown() => Ending::Unknown,
        Err(Stumble::Broke | Stumble::CutOff { unknown: true }) => Ending::Unknown,
        Err(_) => Ending::Failed,
    }
}

/// An op that panics has failed, and nobody knows how far it came.
pub(super) fn whole(op: impl FnOnce() -> Result<(), Stumble>) -> Result<(), Stumble> {
    catch_unwind(AssertUnwindSafe(op)).unwrap_or(Err(Stumble::Broke))
}

/// Why an op was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stumble {
    #[error("the journal can't be written")]
    Journal,
    #[error("{0} stopped it")]
    Stopped(String),
    #[error("something of ours broke in the middle of it")]
    Broke,
    #[error("it was cut off in the middle")]
    CutOff {
        /// Whether nobody can say how far it came.
        unknown: bool,
    },
    #[error(transparent)]
    Host(HostError),
    #[error("{0}")]
    Agent(String),
}

impl Stumble {
    /// What takes long and failed because somebody stopped the job, in whatever words libvirt says so.
    fn of(self, job: &Job, op: &Op) -> Self {
        match (&self, job.stopped()) {
            (Self::Host(error), Some(who)) if op.kind().is_long && !error.kind.outcome_unknown() => Self::Stopped(who),
            (Self::CutOff { unknown: false }, Some(who)) => Self::Stopped(who),
            _ => self,
        }
    }

    fn source(&self) -> Option<String> {
        std::error::Error::source(self).map(ToString::to_string)
    }
}
