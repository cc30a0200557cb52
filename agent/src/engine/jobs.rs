//! Changes that are being carried out, and those that ended after their asker had been told that they take longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dialogue::reply::Phrase;
use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};

use super::commit::Outcome;
use super::progress::Progress;
use crate::engine::planner::{Made, Step};
use crate::message::Message;
use crate::ops::Op;

/// So many at once; who comes then waits for theirs.
const MOST: usize = 24;

/// One change that is being carried out.
pub struct Job {
    /// What people call it, from 1.
    pub number: u64,
    /// What tells it from others, also of an earlier run.
    pub id: String,
    /// Since when.
    pub begun: Timestamp,
    /// Whose it is, and where they asked.
    pub(crate) message: Message,
    pub(crate) made: Made,
    at: Mutex<(usize, usize)>,
    stopped: Mutex<Option<String>>,
    /// Whether its asker was told that it takes longer; then they are told of its end too.
    acknowledged: Mutex<bool>,
    /// What is kept in the store until they know.
    begun_in_store: Mutex<Option<u64>>,
    /// Whether the journal says that it is carried out.
    in_journal: AtomicBool,
    pub(super) progress: Mutex<Progress>,
}

impl Job {
    pub(crate) fn new(message: &Message, made: Made) -> Self {
        Self {
            number: 0,
            id: format!("{:016x}", rand::random::<u64>()),
            begun: message.now.timestamp(),
            message: message.clone(),
            made,
            at: Mutex::new((0, 0)),
            stopped: Mutex::default(),
            acknowledged: Mutex::new(false),
            begun_in_store: Mutex::default(),
            in_journal: AtomicBool::new(false),
            progress: Mutex::default(),
        }
    }

    /// One of an earlier run, which the journal knows and of whose end its asker is to be told.
    pub(super) fn again(self, at: (usize, usize)) -> Self {
        Self { at: Mutex::new(at), acknowledged: Mutex::new(true), in_journal: AtomicBool::new(true), ..self }
    }

    /// The step it is at.
    pub fn step(&self) -> Option<&Step> {
        self.made.steps.get(self.at.lock().0)
    }

    /// The op it is at.
    pub fn now(&self) -> Option<&Op> {
        let (step, op) = *self.at.lock();
        self.made.steps.get(step)?.change.ops.get(op)
    }

    /// All steps.
    pub fn steps(&self) -> &[Step] {
        &self.made.steps
    }

    /// Who asked for it.
    pub fn asker(&self) -> &str {
        &self.message.asker.name
    }

    /// No further op is begun, because that person wishes so.
    pub(crate) fn stop(&self, who: &str) {
        self.stopped.lock().get_or_insert_with(|| who.to_owned());
    }

    /// Who stopped it.
    pub(super) fn stopped(&self) -> Option<String> {
        self.stopped.lock().clone()
    }

    pub(super) fn is_at(&self, step: usize, op: usize) {
        *self.at.lock() = (step, op);
    }

    /// Where it is.
    pub(super) fn at(&self) -> (usize, usize) {
        *self.at.lock()
    }

    /// Whether it is at the last op of its last step.
    pub(super) fn is_at_its_end(&self) -> bool {
        let (step, op) = self.at();
        let ops = self.made.steps.get(step).map_or(0, |step| step.change.ops.len());
        step + 1 >= self.made.steps.len() && op + 1 >= ops
    }

    /// Whether its asker was told that it takes longer.
    pub(super) fn is_acknowledged(&self) -> bool {
        *self.acknowledged.lock()
    }

    /// Notes whether the journal says that it is carried out; gives whether it said so before.
    pub(super) fn in_journal(&self, says: bool) -> bool {
        self.in_journal.swap(says, Ordering::SeqCst)
    }

    /// What its asker is told when it goes on after it was cut off.
    pub(crate) fn again_under_way(&self) -> Phrase {
        let what =
            self.now().map_or_else(|| Phrase::common("nothing"), |op| op.deed(self.step().map_or("", Step::name)));
        Phrase::common("job_goes_on").with("number", self.number.to_string()).with("what", what)
    }

    /// What its asker is told when it takes longer.
    pub(crate) fn acknowledgement(&self) -> Phrase {
        Phrase::common("job_under_way").with("number", self.number.to_string())
    }

    /// What is kept in the store until its asker knows what came of it.
    pub(crate) fn keeps(&self, begun: Option<u64>) {
        *self.begun_in_store.lock() = begun;
    }

    /// The same, once they know.
    pub(crate) fn kept(&self) -> Option<u64> {
        self.begun_in_store.lock().take()
    }
}

/// One that ended after its asker was told that it takes longer.
pub(crate) struct Ended {
    pub job: Arc<Job>,
    pub outcome: Outcome,
}

/// All that are being carried out.
#[derive(Default)]
pub struct Jobs {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    last: u64,
    running: Vec<Arc<Job>>,
    ended: Vec<Ended>,
    taken_up: Vec<Arc<Job>>,
}

impl Jobs {
    /// Those that are being carried out, the oldest first.
    pub fn running(&self) -> Vec<Arc<Job>> {
        self.inner.lock().running.clone()
    }

    /// One of them.
    pub fn find(&self, id: &str) -> Option<Arc<Job>> {
        self.inner.lock().running.iter().find(|job| job.id == id).cloned()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.inner.lock().running.len() < MOST
    }

    /// One that was begun in an earlier run goes on.
    pub(super) fn take_up(&self, job: Job) -> Arc<Job> {
        let mut inner = self.inner.lock();
        inner.last = inner.last.max(job.number);
        let job = Arc::new(job);
        inner.running.push(Arc::clone(&job));
        job
    }

    /// What was cut off in the middle goes on: its asker is told, if they were told that it takes longer.
    pub(super) fn goes_on(&self, job: &Job) {
        let mut inner = self.inner.lock();
        let found = inner.running.iter().find(|other| other.id == job.id).filter(|_| *job.acknowledged.lock()).cloned();
        inner.taken_up.extend(found);
    }

    /// Those that go on after they were cut off, since this was last asked.
    pub(crate) fn take_taken_up(&self) -> Vec<Arc<Job>> {
        std::mem::take(&mut self.inner.lock().taken_up)
    }

    /// Waits for a while.
    pub(super) fn pause(&self, span: Duration) {
        self.changed.wait_for(&mut self.inner.lock(), span);
    }

    pub(crate) fn begin(&self, message: &Message, made: Made) -> Arc<Job> {
        let mut inner = self.inner.lock();
        inner.last += 1;
        let job = Arc::new(Job { number: inner.last, ..Job::new(message, made) });
        inner.running.push(Arc::clone(&job));
        job
    }

    /// It is carried out by its asker's own thread.
    pub(super) fn forget(&self, job: &Job) {
        self.inner.lock().running.retain(|other| other.id != job.id);
    }

    /// Its asker is told that it takes longer; false when it has ended by now.
    pub(super) fn acknowledge(&self, job: &Job) -> bool {
        let inner = self.inner.lock();
        let runs = inner.running.iter().any(|other| other.id == job.id);
        *job.acknowledged.lock() = runs;
        runs
    }

    /// It has ended. Given back when its asker waits for it.
    pub(super) fn end(&self, job: &Arc<Job>, outcome: Outcome) -> Option<Outcome> {
        let mut inner = self.inner.lock();
        inner.running.retain(|other| other.id != job.id);
        self.changed.notify_all();
        if !*job.acknowledged.lock() {
            return Some(outcome);
        }
        inner.ended.push(Ended { job: Arc::clone(job), outcome });
        None
    }

    /// Those that have ended since this was last asked, whose askers were told that they take longer.
    pub(crate) fn take_ended(&self) -> Vec<Ended> {
        std::mem::take(&mut self.inner.lock().ended)
    }

    /// Waits until nothing is being carried out; false when that takes longer.
    pub fn wait_idle(&self, timeout: Duration) -> bool {
        let busy = |inner: &mut Inner| !inner.running.is_empty();
        !self.changed.wait_while_for(&mut self.inner.lock(), busy, timeout).timed_out()
    }
}
