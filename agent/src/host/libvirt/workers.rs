//! A bounded pool of threads for calls that block and can't be cancelled.
//!
//! A caller waits for its own time-out only. A call that nobody waits for any more is *abandoned*: it is counted until it
//! comes back, and its thread is not replaced, so a hung daemon costs its own threads and nothing else.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

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
    jobs: Sender<Job>,
    size: usize,
    stuck: Arc<AtomicUsize>,
    abandoned: Arc<Abandoned>,
}

type Job = Box<dyn FnOnce() + Send>;

const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const DONE: u8 = 2;
const GIVEN_UP: u8 = 3;

impl Workers {
    /// Starts that many threads.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub fn new(name: &str, size: usize, abandoned: Arc<Abandoned>) -> io::Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..size {
            let queue = queue.clone();
            thread::Builder::new().name(format!("{name}-{number}")).spawn(move || work(&queue))?;
        }
        Ok(Self { jobs, size, stuck: Arc::default(), abandoned })
    }

    /// Calls `f` on a thread of the pool and waits for it that long.
    ///
    /// # Errors
    /// Whether it was not begun (nothing happened) or abandoned (it may still happen).
    pub fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        if self.stuck.load(Ordering::SeqCst) >= self.size {
            return Err(NoAnswer::NotBegun);
        }
        let state = Arc::new(AtomicU8::new(WAITING));
        let (answer, answered) = channel();
        let (stuck, abandoned, theirs) = (self.stuck.clone(), self.abandoned.clone(), state.clone());
        let job = move || {
            if theirs.compare_exchange(WAITING, RUNNING, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                return;
            }
            let value = catch_unwind(AssertUnwindSafe(f));
            if theirs.compare_exchange(RUNNING, DONE, Ordering::SeqCst, Ordering::SeqCst).is_err() {
                stuck.fetch_sub(1, Ordering::SeqCst);
                abandoned.now.fetch_sub(1, Ordering::SeqCst);
                return;
            }
            // A panic drops the sender, which the caller sees. A caller that went away is no loss.
            if let Ok(value) = value {
                let _ = answer.send(value);
            }
        };
        if self.jobs.send(Box::new(job)).is_err() {
            return Err(NoAnswer::NotBegun);
        }
        match answered.recv_timeout(timeout) {
            Ok(value) => Ok(value),
            Err(RecvTimeoutError::Disconnected) => Err(NoAnswer::Panicked),
            Err(RecvTimeoutError::Timeout) => self.give_up(&state, &answered),
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

/// Takes jobs until the pool is dropped.
fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
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
        let workers = Workers::new("t", 1, abandoned.clone()).unwrap();
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
        let workers = Arc::new(Workers::new("t", 1, Arc::default()).unwrap());
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
    fn a_panic_ends_its_call_and_not_the_pool() {
        let workers = Workers::new("t", 1, Arc::default()).unwrap();
        assert_eq!(workers.run(LONG, || panic!("on purpose")), Err::<(), _>(NoAnswer::Panicked));
        assert_eq!(workers.run(LONG, || 3), Ok(3));
    }
}
