//! What was cut off in the middle, because the agent or libvirt was stopped: what libvirt still works on goes on, and of all else it is
//! found out how it ended.
//!
//! An op is never begun a second time, and after a start of the agent nothing that may take long is begun at all: what is left of a step
//! is done only where it ends what libvirt had gone on with, after the same preconditions as always.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use dialogue::reply::{Phrase, Var};
use jiff::Timestamp;

use super::commit::{Outcome, Stumble, whole};
use super::jobs::Job;
use super::kept::{self, At};
use super::{Engine, locks};
use crate::engine::planner::Step;
use crate::host::HostErrorKind;
use crate::ops::{Left, Op, Stands};
use crate::skills;
use crate::state::journal::Table;

/// How often a host that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often libvirt may say that it still ends something.
const PATIENCE: usize = 60;

/// What an earlier run was carrying out.
pub(crate) struct TakenUp {
    /// What goes on.
    pub jobs: Vec<Arc<Job>>,
    /// Ids of the ops in the journal that it is about: their askers hear of them from there.
    pub entries: Vec<String>,
}

impl Engine {
    /// Goes on with what an earlier run was carrying out: each on a thread of its own, that has to itself what it changes when this returns.
    pub fn take_up_kept(self: &Arc<Self>, facts: &Table) -> TakenUp {
        let (jobs, unreadable) = kept::all(facts, &*self.host);
        for id in unreadable {
            self.write_ends(&id);
        }
        let mut taken = TakenUp { jobs: Vec::new(), entries: Vec::new() };
        for (job, at) in jobs {
            let job = self.jobs.take_up(job.again((at.step, at.op)));
            if !self.still_may(&job) {
                job.stop(&self.desk);
            }
            taken.entries.push(at.entry.clone());
            taken.jobs.push(Arc::clone(&job));
            self.start_again(job, at);
        }
        taken
    }

    fn start_again(self: &Arc<Self>, job: Arc<Job>, at: At) {
        let (locked, begun) = channel();
        let (engine, running) = (Arc::clone(self), Arc::clone(&job));
        let go_on = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| engine.carry_on(&running, &at, &locked)));
            engine.has_ended(&running, outcome.unwrap_or_else(|_| engine.broken()));
        };
        let started = std::thread::Builder::new().name(format!("job-{}", job.number)).spawn(go_on);
        match started {
            // Nobody else changes its machine in between; dropped, it has ended by now.
            Ok(_) => drop(begun.recv()),
            Err(error) => {
                tracing::error!(%error, "no thread to go on with a job");
                self.has_ended(&job, self.broken());
            }
        }
    }

    fn carry_on(&self, job: &Job, at: &At, locked: &Sender<()>) -> Outcome {
        let held = self.locks.take(locks::of(job.steps()), &job.message.asker.name);
        if let Err((who, lock)) = &held {
            return Outcome::refused(self.busy_with(who, lock));
        }
        let _ = locked.send(());
        self.outcome(job, Some(at))
    }

    /// It is not carried out any more. Its outcome is given back where its asker waits for it.
    pub(super) fn has_ended(&self, job: &Arc<Job>, outcome: Outcome) -> Option<Outcome> {
        if job.in_journal(false) {
            self.write_ends(&job.id);
        }
        self.jobs.end(job, outcome)
    }

    fn write_ends(&self, id: &str) {
        if let Err(error) = self.journal.write_all(Timestamp::now(), kept::ends(id).into(), false) {
            tracing::error!(%error, "the journal can't be written");
        }
    }

    /// Whether whoever asked for it has lost no right meanwhile.
    fn still_may(&self, job: &Job) -> bool {
        let role = |person: &str| self.access.role(person);
        let may = |step: &Step| {
            let needed = skills::find(&step.call.skill).map(|skill| skill.spec().role);
            needed.is_some_and(|needed| job.message.asker.jid.as_deref().is_none_or(|jid| role(jid) >= Some(needed)))
        };
        job.steps().iter().all(may)
    }

    /// How an op ends that was cut off: gone on with where libvirt still works on it, else looked at. Waits for its hosts as long as they
    /// can't be reached.
    pub(super) fn take_up(&self, job: &Job, op: &Op) -> Result<(), Stumble> {
        whole(|| self.follow(job, op))
    }

    fn follow(&self, job: &Job, op: &Op) -> Result<(), Stumble> {
        let (mut told, mut patience) = (false, PATIENCE);
        loop {
            match self.reachable(op) {
                Some(true) => {}
                Some(false) => {
                    self.jobs.pause(AGAIN);
                    continue;
                }
                None => return Err(Stumble::CutOff { unknown: true }),
            }
            let mut stands = self.host.stands(op);
            if let Ok(Stands::GoesOn | Stands::Ends) = stands {
                let goes_on = stands.as_ref().is_ok_and(|stands| *stands == Stands::GoesOn) && job.stopped().is_none();
                if !goes_on && let Err(error) = self.host.stop(op) {
                    tracing::info!(%error, "what was cut off could not be stopped, and may have ended");
                }
                if goes_on && !std::mem::replace(&mut told, true) {
                    self.jobs.goes_on(job);
                }
                stands = self.host.take_up(op);
            }
            match stands {
                Ok(Stands::Done) => return Ok(()),
                Ok(Stands::NotDone) => return Err(Stumble::CutOff { unknown: false }),
                Ok(Stands::Unknown) => return self.shown(op),
                Ok(Stands::GoesOn | Stands::Ends) if patience == 0 => return Err(Stumble::CutOff { unknown: true }),
                Ok(Stands::GoesOn | Stands::Ends) => patience -= 1,
                Err(error) if is_away(error.kind) => tracing::warn!(%error, "looking again at what was cut off"),
                Err(error) if error.kind == HostErrorKind::NotFound => return Err(Stumble::CutOff { unknown: true }),
                Err(error) => return Err(Stumble::Host(error)),
            }
            self.jobs.pause(AGAIN);
        }
    }

    /// What its machine shows of an op of which libvirt can't say more.
    fn shown(&self, op: &Op) -> Result<(), Stumble> {
        let machine = op.machine().and_then(|id| self.host.look_again(id));
        match machine.and_then(|machine| op.shows(&machine)) {
            Some(true) => Ok(()),
            shows => Err(Stumble::CutOff { unknown: shows.is_none() }),
        }
    }

    /// Whether the hosts of an op can be reached, and have been read; `None` when one is configured no more, or the op is on none.
    fn reachable(&self, op: &Op) -> Option<bool> {
        let hosts = self.host.hypervisors();
        let is_up = |name: &str| {
            let host = hosts.iter().find(|host| host.name == name)?;
            Some(host.unreachable.is_none() && host.read)
        };
        let here = is_up(op.hypervisor()?)?;
        Some(here & op.reaches().map_or(Some(true), is_up)?)
    }

    /// The volumes that an op was at and that are there, or of which nobody can say; but none that others have named.
    pub(crate) fn left_over(&self, op: &Op, named: &[Op]) -> Option<Var> {
        let named: Vec<Left<'_>> = named.iter().flat_map(|op| op.leaves()).collect();
        let is_there = |left: &Left<'_>| {
            let volumes = self.host.volumes(left.hypervisor, left.pool);
            volumes.map_or(true, |volumes| volumes.iter().any(|volume| volume.name == left.name))
        };
        let left = op.leaves().into_iter().filter(|left| !named.contains(left) && is_there(left));
        let here = op.hypervisor();
        let phrase = |left: Left<'_>| {
            let id = if here == Some(left.hypervisor) { "volume_here" } else { "volume_on" };
            let phrase = Phrase::common(id).with("pool", left.pool).with("volume", left.name);
            phrase.with("host", left.hypervisor)
        };
        let volumes: Vec<Phrase> = left.map(phrase).collect();
        if volumes.is_empty() { None } else { Some(volumes.into()) }
    }
}

/// Whether it is worth asking again.
fn is_away(kind: HostErrorKind) -> bool {
    kind.outcome_unknown() || matches!(kind, HostErrorKind::Unreachable | HostErrorKind::Full)
}

/// Whether an op may be done that comes behind one at which the agent was stopped: only what ends a step that takes long.
pub(super) fn ends_what_goes_on(steps: &[Step], at: &At, (step, op): (usize, usize)) -> bool {
    let is_long = |op: &Op| op.kind().is_long;
    let ops = steps.get(at.step).map(|step| step.change.ops.as_slice()).unwrap_or_default();
    step == at.step && ops.iter().take(at.op + 1).any(is_long) && !ops.iter().skip(op).any(is_long)
}

#[cfg(test)]
mod tests {
    use dialogue::session::Call;
    use grammar::size::Bytes;

    use super::*;
    use crate::host::MachineId;
    use crate::ops::{CreateVolume, DropMoved, MirrorDisk, Save};
    use crate::skill::Change;

    #[test]
    fn after_a_start_only_the_end_of_what_libvirt_went_on_with_is_done() {
        let machine = MachineId { hypervisor: "hv1".to_owned(), uuid: uuid::Uuid::from_u128(7) };
        let own = str::to_owned;
        let (hypervisor, pool, name, format) = (own("hv1"), own("ssd"), own("web1.qcow2"), own("qcow2"));
        let (target, volume) = (own("vda"), name.clone());
        let moves: Vec<Op> = vec![
            CreateVolume {
                hypervisor,
                pool: pool.clone(),
                name: name.clone(),
                format: format.clone(),
                capacity: Bytes(1),
            }
            .into(),
            MirrorDisk { machine: machine.clone(), target: target.clone(), pool: pool.clone(), volume, format }.into(),
            DropMoved {
                machine: machine.clone(),
                target,
                pool: own("default"),
                name: name.clone(),
                now_at: (pool, name),
            }
            .into(),
        ];
        let step = |ops: Vec<Op>| Step {
            call: Call::default(),
            machine: None,
            change: Change::new(Phrase::common("x"), ops, Phrase::common("x"), Phrase::common("x")),
            asked: false,
        };
        let steps = [step(moves), step(vec![Save { machine }.into()])];
        let at = |op: usize| At { step: 0, op, entry: String::new(), done: true };
        assert!(ends_what_goes_on(&steps, &at(1), (0, 2)));
        assert!(!ends_what_goes_on(&steps, &at(0), (0, 1)), "what takes long is not begun");
        assert!(!ends_what_goes_on(&steps, &at(2), (1, 0)), "nor another step");
    }
}
