//! Facts that outlive the store (who sees whom, addresses, rooms), written to the journal in order and behind the back of
//! whoever notes them: no lock is held and nobody waits while the disk is slow. What could not be written is tried again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::state::journal::{Entry, Journal};

/// Most facts written in one go.
const BATCH: usize = 4_096;
/// How long after a failure they are tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a stop waits for what is still to be written.
const GOODBYE: Duration = Duration::from_secs(10);

/// Takes facts and has them written.
pub struct Facts {
    /// Until it is dropped.
    notes: Option<Sender<Note>>,
    writer: Option<JoinHandle<()>>,
}

enum Note {
    Fact(Entry),
    /// To be told when all before it is written.
    Flush(Sender<()>),
}

impl Facts {
    /// Writes to that journal, on a thread of its own that ends with this.
    pub fn new(journal: Arc<Journal>) -> Self {
        let (notes, heard) = channel();
        let writer = std::thread::Builder::new().name("facts".to_owned()).spawn(move || run(&journal, &heard));
        let writer = writer.inspect_err(|error| tracing::error!(%error, "no thread to write facts down")).ok();
        Self { notes: Some(notes), writer }
    }

    fn send(&self, note: Note) -> bool {
        self.notes.as_ref().is_some_and(|notes| notes.send(note).is_ok())
    }

    /// Notes a fact; `null` takes it back.
    pub fn note(&self, sort: &str, key: &str, value: Value) {
        if !self.send(Note::Fact(Entry::fact(sort, key, value))) {
            tracing::error!(sort, key, "a fact could not be written down");
        }
    }

    /// Waits until all that was noted is written; false when that takes too long.
    pub fn flush(&self) -> bool {
        let (done, waited) = channel();
        self.send(Note::Flush(done)) && waited.recv_timeout(GOODBYE).is_ok()
    }
}

impl Drop for Facts {
    /// What is noted is written, or tried once more, before the journal is let go.
    fn drop(&mut self) {
        drop(self.notes.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn run(journal: &Journal, notes: &Receiver<Note>) {
    let mut flushes: Vec<Sender<()>> = Vec::new();
    let mut failed = false;
    loop {
        let first = if failed { notes.recv_timeout(AGAIN) } else { notes.recv().map_err(RecvTimeoutError::from) };
        let ended = matches!(first, Err(RecvTimeoutError::Disconnected));
        let mut facts: Vec<Entry> = Vec::new();
        for note in first.into_iter().chain(notes.try_iter().take(BATCH)) {
            match note {
                Note::Fact(fact) => facts.push(fact),
                Note::Flush(done) => flushes.push(done),
            }
        }
        let new = facts.len();
        // What can't be written the journal keeps, and writes before anything else; handed over again it would stand there twice.
        match journal.write_all(Timestamp::now(), facts, false) {
            Ok(()) => {
                failed = false;
                for done in flushes.drain(..) {
                    // Whoever waited may have given up.
                    let _ = done.send(());
                }
            }
            Err(error) => {
                if !failed {
                    tracing::error!(%error, facts = new, "facts can't be written down; trying again");
                }
                failed = true;
            }
        }
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::lock::StoreLock;

    #[test]
    fn facts_are_written_in_order_and_a_flush_waits_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Journal::open(&StoreLock::take(folder.path(), "test").unwrap(), None).unwrap();
        let facts = Facts::new(Arc::new(open().journal));
        for number in 0..10_000 {
            facts.note("address", &format!("vm-{}", number % 5_000), serde_json::json!(number));
        }
        let begun = std::time::Instant::now();
        assert!(facts.flush());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        drop(facts);
        let kept = open().facts;
        assert_eq!(kept.of("address").count(), 5_000);
        let newest = |(key, value): (&str, &Value)| key == format!("vm-{}", value.as_u64().unwrap_or_default() - 5_000);
        assert!(kept.of("address").all(newest));
        let mut lines = Vec::new();
        Journal::read(folder.path(), |line| lines.extend(line.entry)).unwrap();
        let values = lines.iter().filter_map(|entry| match entry {
            Entry::Fact { value, .. } => value.as_u64(),
            _ => None,
        });
        assert!(values.eq(0..10_000), "each once, in order");
    }
}
