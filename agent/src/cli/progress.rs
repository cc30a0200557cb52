//! Says on standard error that something takes its time, so that nobody takes it for stuck; standard output stays clean.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// Something is going on until this is dropped.
pub(super) struct Progress {
    begun: Instant,
    ended: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// The classifier learns from that many phrasings.
    pub(super) fn learning(phrasings: usize) -> Box<dyn std::any::Any> {
        Box::new(Self::begin(&format!("learning from {phrasings} phrasings, once for this version of the corpus")))
    }

    fn begin(what: &str) -> Self {
        eprintln!("atoll: {what} …");
        let begun = Instant::now();
        let (end, ended) = channel();
        let ticker = std::thread::spawn(move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                eprintln!("atoll: … {} s", begun.elapsed().as_secs());
            }
        });
        Self { begun, ended: Some((end, ticker)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, ticker)) = self.ended.take() {
            drop(end);
            // It only waits for this.
            let _ = ticker.join();
        }
        eprintln!("atoll: learnt in {:.1} s", self.begun.elapsed().as_secs_f64());
    }
}
