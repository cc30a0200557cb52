//! A bounded pool of threads for calls that block and can't be cancelled.
//!
//! A caller waits for its own time-out only. A call that nobody waits for any more is *abandoned*: it is counted until it
//! comes back, and its thread is not replaced, so a hung daemon costs its own threads and nothing else.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Abandoned calls of one hypervisor, over all its connections.
#[derive(Debug, Default)]
pub struct Abandoned {
    /// Not come back yet.
    pub now: AtomicUsize,
    /// Ever.
    pub total: AtomicU64,
}

/// Why a call brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// No thread was free in time: nothing was done.
    #[error("all threads of this host are waiting for it")]
    NotBegun,
    /// It began and did not come back in time.
    #[error("no answer in time")]
    Abandoned,
    /// It panicked.
    #[error("the call panicked")]
    Panicked,
}

/// The pool.
#[derive(Debug)]
pub struct Workers {
    name: String,
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    size: usize,
    threads: AtomicUsize,
    /// Jobs that wait or run.
    busy: Arc<AtomicUsize>,
    stuck: Arc<AtomicUsize>,
    abandoned: Arc<Abandoned>,
}

/// How often is nudged while an answer is late, and while it is very late: a job may be many calls, of which each may need it.
const NUDGE: Duration = Duration::from_millis(100);
const NUDGE_SELDOM: Duration = Duration::from_secs(1);
const VERY_LATE: Duration = Duration::from_secs(6);

type Job = Box<dyn FnOnce() + Send>;

const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const DONE: u8 = 2;
const GIVEN_UP: u8 = 3;

impl Workers {
    /// A pool of at most that many threads, each started when it is needed first: with many hosts most never are.
    pub fn new(name: &str, size: usize, abandoned: Arc<Abandoned>) -> Self {
        let (jobs, queue) = channel::<Job>();
        Self {
            name: name.to_owned(),
            jobs,
            queue: Arc::new(Mutex::new(queue)),
            size,
            threads: AtomicUsize::new(0),
            busy: Arc::default(),
            stuck: Arc::default(),
            abandoned,
        }
    }

    /// One thread more, unless there are enough.
    fn grow(&self) -> io::Result<()> {
        let more = |threads| (threads < self.size).then_some(threads + 1);
        let Ok(number) = self.threads.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more) else { return Ok(()) };
        let queue = self.queue.clone();
        let spawned = thread::Builder::new().name(format!("{}-{number}", self.name)).spawn(move || work(&queue));
        spawned.map(drop).inspect_err(|_| {
            self.threads.fetch_sub(1, Ordering::SeqCst);
        })
    }

    /// [`Workers::run_late`], with nothing to come later.
    #[cfg(test)]
    fn run<T: Send + 'static>(&self, timeout: Duration, f: impl FnOnce() -> T + Send + 'static) -> Result<T, NoAnswer> {
        self.run_late(timeout, f, drop, || ())
    }

    /// Calls `f` on a thread of the pool without waiting for it, if there is one to spare.
    pub fn start(&self, f: impl FnOnce() + Send + 'static) {
        if self.busy.load(Ordering::SeqCst) >= self.size {
            return;
        }
        let busy = self.one_more();
        let _ = self.jobs.send(Box::new(move || {
            let _busy = busy;
            // Nobody waits for it, so nobody has to know.
            drop(catch_unwind(AssertUnwindSafe(f)));
        }));
    }

    /// A job more, and a thread for it.
    fn one_more(&self) -> Counted {
        let busy = Counted::one_of(&self.busy);
        if self.busy.load(Ordering::SeqCst) > self.threads.load(Ordering::SeqCst)
            && let Err(error) = self.grow()
        {
            tracing::warn!(%error, pool = self.name, "no thread more");
        }
        busy
    }

    /// Calls `f` on a thread of the pool and waits for it that long. `late` gets, on that thread, what an abandoned call brings
    /// when it comes back, and `nudge` is called every now and then while the answer is waited for.
    ///
    /// # Errors
    /// Whether it was not begun (nothing happened) or abandoned (it may still happen).
    pub fn run_late<T: Send + 'static>(
        &self,
        timeout: Duration,
        f: impl FnOnce() -> T + Send + 'static,
        late: impl FnOnce(T) + Send + 'static,
        nudge: impl Fn(),
    ) -> Result<T, NoAnswer> {
        if self.stuck.load(Ordering::SeqCst) >= self.size {
            return Err(NoAnswer::NotBegun);
        }
        let busy = self.one_more();
        let state = Arc::new(AtomicU8::new(WAITING));
        let (answer, answered) = channel();
        let (stuck, abandoned, theirs) = (self.stuck.clone(), self.abandoned.clone(), state.clone());
        let job = move || {
            let busy = busy;
            if theirs.compare_exchange(WAITING, RUNNING, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                return;
            }
            let value = catch_unwind(AssertUnwindSafe(f));
            if theirs.compare_exchange(RUNNING, DONE, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                stuck.fetch_sub(1, Ordering::SeqCst);
                abandoned.now.fetch_sub(1, Ordering::SeqCst);
                if let Ok(value) = value {
                    late(value);
                }
                return;
            }
            // Before the answer, so that the caller's next call takes this thread.
            drop(busy);
            // A panic drops the sender, which the caller sees. A caller that went away is no loss.
            if let Ok(value) = value {
                let _ = answer.send(value);
            }
        };
        if self.jobs.send(Box::new(job)).is_err() {
            return Err(NoAnswer::NotBegun);
        }
        let begun = Instant::now();
        let deadline = begun + timeout;
        loop {
            let patience = if begun.elapsed() < VERY_LATE { NUDGE } else { NUDGE_SELDOM };
            let left = deadline.saturating_duration_since(Instant::now());
            match answered.recv_timeout(left.min(patience)) {
                Ok(value) => return Ok(value),
                Err(RecvTimeoutError::Disconnected) => return Err(NoAnswer::Panicked),
                Err(RecvTimeoutError::Timeout) if left <= patience => return self.give_up(&state, &answered),
                Err(RecvTimeoutError::Timeout) => nudge(),
            }
        }
    }

    /// The time is over: the job is taken back if nobody began it, else abandoned, unless it ends at this very moment.
    fn give_up<T>(&self, state: &AtomicU8, answered: &Receiver<T>) -> Result<T, NoAnswer> {
        if state.compare_exchange(WAITING, GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return Err(NoAnswer::NotBegun);
        }
        // Counted before it is marked, so that the job, once it comes back, never counts down first.
        self.stuck.fetch_add(1, Ordering::SeqCst);
        self.abandoned.now.fetch_add(1, Ordering::SeqCst);
        if state.compare_exchange(RUNNING, GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.abandoned.total.fetch_add(1, Ordering::SeqCst);
            return Err(NoAnswer::Abandoned);
        }
        self.stuck.fetch_sub(1, Ordering::SeqCst);
        self.abandoned.now.fetch_sub(1, Ordering::SeqCst);
        answered.recv().map_err(|_| NoAnswer::Panicked)
    }
}

/// One of a number, for as long as it is there.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn one_of(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Takes jobs until the pool is dropped.
fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_hung_call_is_counted_does_not_hold_its_caller_and_is_forgotten_when_it_returns() {
        let abandoned = Arc::new(Abandoned::default());
        let workers = Workers::new("t", 1, abandoned.clone());
        let (release, hung) = channel::<()>();
        let (left, gone) = channel::<()>();
        let call = workers.run(SHORT, move || {
            let _ = hung.recv();
            drop(left);
        });
        assert_eq!(call, Err(NoAnswer::Abandoned));
        assert_eq!(abandoned.now.load(Ordering::SeqCst), 1);
        assert_eq!(workers.run(LONG, || 1), Err(NoAnswer::NotBegun), "refused at once: the only thread is stuck");

        drop(release);
        assert!(gone.recv_timeout(LONG).is_err());
        let deadline = std::time::Instant::now() + LONG;
        while workers.run(LONG, || 2) != Ok(2) {
            assert!(std::time::Instant::now() < deadline);
            thread::yield_now();
        }
        assert_eq!((abandoned.now.load(Ordering::SeqCst), abandoned.total.load(Ordering::SeqCst)), (0, 1));
    }

    #[test]
    fn a_call_that_waited_in_line_too_long_never_happens() {
        let workers = Arc::new(Workers::new("t", 1, Arc::default()));
        let (release, held) = channel::<()>();
        let (began, begun) = channel();
        let first = workers.clone();
        let holder = thread::spawn(move || {
            first.run(LONG, move || {
                began.send(()).unwrap();
                let _ = held.recv();
            })
        });
        begun.recv().unwrap();
        let ran = Arc::new(AtomicU8::new(0));
        let mark = ran.clone();
        assert_eq!(workers.run(SHORT, move || mark.store(1, Ordering::SeqCst)), Err(NoAnswer::NotBegun));
        drop(release);
        assert_eq!(holder.join().unwrap(), Ok(()));
        assert_eq!(workers.run(LONG, || ()), Ok(()));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn two_hung_calls_leave_the_pool_to_others_and_tell_how_they_ended_when_they_come_back() {
        let workers = Workers::new("t", 3, Arc::default());
        let (told, heard) = channel();
        let releases: Vec<_> = (0..2)
            .map(|number| {
                let (release, hung) = channel::<()>();
                let told = told.clone();
                let call =
                    workers.run_late(SHORT, move || hung.recv().is_err(), move |_| told.send(number).unwrap(), || ());
                assert_eq!(call, Err(NoAnswer::Abandoned));
                release
            })
            .collect();
        assert_eq!(workers.run(LONG, || 3), Ok(3), "a third is served");
        drop(releases);
        let mut ended = [heard.recv_timeout(LONG).unwrap(), heard.recv_timeout(LONG).unwrap()];
        ended.sort_unstable();
        assert_eq!(ended, [0, 1]);
    }

    #[test]
    fn threads_are_started_as_they_are_needed() {
        let workers = Workers::new("t", 8, Arc::default());
        assert_eq!(workers.threads.load(Ordering::SeqCst), 0);
        for _ in 0..20 {
            assert_eq!(workers.run(LONG, || ()), Ok(()));
        }
        assert_eq!(workers.threads.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_panic_ends_its_call_and_not_the_pool() {
        let workers = Workers::new("t", 1, Arc::default());
        assert_eq!(workers.run(LONG, || panic!("on purpose")), Err::<(), _>(NoAnswer::Panicked));
        assert_eq!(workers.run(LONG, || 3), Ok(3));
    }
}
