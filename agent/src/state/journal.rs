//! The journal: append-only JSON lines, each with the hash of the one before. It is the truth; everything else can be rebuilt.
//!
//! Before an op a line says what is about to be done by whom, after it a line says how it ended; a line without its
//! other half after a crash means that nobody knows. Facts that must outlive the store (who sees whom, addresses, rooms)
//! are lines too. `fsync` before a destructive op.
//!
//! Whatever became of the file, opening goes on from what is whole: an end that was not written whole is cut off, damaged bytes are put
//! aside, and a line says what was found. What can't be written is refused where something would be done, and made up for later where
//! something already is so.

use std::collections::{BTreeSet, VecDeque};
use std::fs::OpenOptions;
use std::io::BufReader;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};

use crate::state::lock::StoreLock;

mod line;
mod look;
mod mend;
mod news;
mod read;
mod retire;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use line::{Damage, Entry, Line, Outcome, Told, Unfinished, What};
pub use look::{Seen, Verified};
use mend::mend;
pub use news::News;
use read::{Found, Reading, keep_told};
pub use retire::Compacted;
pub use table::{Holding, Table};
use write::{Disk, Real, Writer, private, sync_folder};

/// The file in the store's folder.
const FILE: &str = "journal.jsonl";
/// The ending of the file that a new journal is written to before it takes the old one's place.
const NEXT: &str = "next";
/// Most lines that wait for a disk that takes nothing.
const MOST_WAITING: usize = 100_000;

/// Why a journal can't be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system says no.
    #[error("{path}: {what}")]
    Io {
        path: PathBuf,
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
    /// Something else is in its place: a pipe, a device, a folder.
    #[error("{path} is no plain file; move it away, then a journal is begun there")]
    NoFile { path: PathBuf },
}

/// A journal that was opened.
pub struct Opened {
    /// It.
    pub journal: Journal,
    /// What holds of all that was noted.
    pub facts: Table,
    /// What was begun and never ended: now written down as unknown.
    pub unfinished: Vec<Unfinished>,
}

/// The open journal.
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Nobody else writes while this does.
    _lock: Option<Arc<StoreLock>>,
}

#[derive(Default)]
struct Inner {
    writer: Option<Writer>,
    seq: u64,
    hash: String,
    /// When the last line was written.
    last: Option<Timestamp>,
    /// The newest told lines, for "who did that?".
    told: VecDeque<Told>,
    /// What holds, with what waits.
    facts: Table,
    /// What is so and could not be written down yet.
    waiting: VecDeque<(Timestamp, Entry)>,
    /// What is wrong with it, oldest first.
    damages: Vec<Damage>,
    /// Why it can't be written.
    stuck: Option<String>,
    news: Vec<News>,
}

impl Journal {
    /// Opens or creates `journal.jsonl` in the folder of a lock, and goes on from what is whole. Lines older than `keep` are let go first.
    ///
    /// # Errors
    /// [`JournalError`]: the file can't be opened or read. A full disk is none.
    pub fn open(lock: &Arc<StoreLock>, keep: Option<SignedDuration>) -> Result<Opened, JournalError> {
        Self::open_on(lock, keep, Box::new(Real))
    }

    fn open_on(
        lock: &Arc<StoreLock>,
        keep: Option<SignedDuration>,
        disk: Box<dyn Disk>,
    ) -> Result<Opened, JournalError> {
        let path = lock.folder().join(FILE);
        plain_file(&path)?;
        // A rewriting that was cut off left a copy of part of the journal, and the whole of it here.
        let _ = std::fs::remove_file(path.with_extension(NEXT));
        if let Some(keep) = keep
            && let Err(error) = retire::retire(&path, keep, Timestamp::now(), &mut Real)
        {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "old lines of the journal can't be let go; going on with all of them");
        }
        let new = !path.exists();
        let file = private(OpenOptions::new().read(true).append(true).create(true))
            .open(&path)
            .map_err(io(&path, "can't be opened"))?;
        // root must not leave a file behind that the folder's owner can't open.
        if new && let Ok(folder) = std::fs::metadata(lock.folder()) {
            let _ = fchown(&file, Some(folder.uid()), Some(folder.gid()));
        }
        if new && let Err(error) = sync_folder(&path) {
            tracing::warn!(%error, path = %path.display(), "the folder can't be synced");
        }
        let mut reading = Reading::all(BufReader::new(&file)).map_err(io(&path, "can't be read"))?;
        let fresh_line = mend(&path, &file, &mut reading);
        let writer = Writer::new(path.clone(), file, disk, fresh_line).map_err(io(&path, "can't be read"))?;
        let Reading { seq, hash, last, told, facts, begun, found, .. } = reading;
        let mut inner = Inner { writer: Some(writer), seq, hash, last, told, facts: facts.clone(), ..Inner::default() };
        let mut entries = Vec::new();
        for Found { damage, noted, .. } in found {
            if !noted {
                entries.push(Entry::Damage(damage.clone()));
                inner.news.push(News::Damaged(damage.clone()));
            }
            inner.damages.push(damage);
        }
        entries.extend(begun.iter().map(|unfinished| Entry::After {
            id: unfinished.id.clone(),
            outcome: Outcome::Unknown,
            why: Some("the agent stopped on the way".to_owned()),
        }));
        let journal = Self { path, inner: Mutex::new(inner), _lock: Some(Arc::clone(lock)) };
        // What can't be written now is written when it can be.
        let _ = journal.write_all(Timestamp::now(), entries, true);
        Ok(Opened { journal, facts, unfinished: begun })
    }

    /// Lets go of all lines older than `keep`, as opening does: facts that hold and ops that nobody saw end are written anew before. `None`:
    /// there are none. At any moment the whole of it is on the disk, as it was or as it is then.
    ///
    /// # Errors
    /// [`JournalError`]: it can't be read or written, and is as it was.
    pub fn compact(lock: &Arc<StoreLock>, keep: SignedDuration) -> Result<Option<Compacted>, JournalError> {
        let path = lock.folder().join(FILE);
        plain_file(&path)?;
        retire::retire(&path, keep, Timestamp::now(), &mut Real)
    }

    /// Writes down that whoever runs the agent has looked at what is wrong with a journal, so that it is no alarm any more: each damage by
    /// itself, so that the next one is. The bytes stay, or are put aside as when it is opened. Gives what it was.
    ///
    /// # Errors
    /// [`JournalError`]: it can't be read or written.
    pub fn accept(lock: &Arc<StoreLock>) -> Result<Vec<Damage>, JournalError> {
        let path = lock.folder().join(FILE);
        plain_file(&path)?;
        let file = match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(&path, "can't be opened")(error)),
        };
        let mut reading = Reading::all(BufReader::new(&file)).map_err(io(&path, "can't be read"))?;
        let fresh_line = mend(&path, &file, &mut reading);
        let damages: Vec<Damage> = reading.found.into_iter().map(|found| found.damage).collect();
        let (mut seq, mut hash, mut text) = (reading.seq, reading.hash, String::new());
        for damage in &damages {
            let entry = Entry::Accepted(damage.clone());
            let (line, sealed) = Line::sealed(seq.saturating_add(1), Timestamp::now(), entry, hash);
            (seq, hash) = (line.seq, line.hash);
            text += &sealed;
            text.push('\n');
        }
        if !text.is_empty() {
            Writer::new(path.clone(), file, Box::new(Real), fresh_line)
                .and_then(|mut writer| writer.append(&text, true))
                .map_err(io(&path, "can't be written"))?;
        }
        Ok(damages)
    }

    /// A journal in memory, for `explain` and transcripts.
    pub fn in_memory() -> Self {
        Self { path: PathBuf::new(), inner: Mutex::default(), _lock: None }
    }

    /// Appends a line; `sync` waits until the disk has it.
    ///
    /// # Errors
    /// [`JournalError::Io`]: nothing may be changed then. A line that says what already is so is written later.
    pub fn write(&self, at: Timestamp, entry: Entry, sync: bool) -> Result<(), JournalError> {
        self.write_all(at, vec![entry], sync)
    }

    /// Appends several lines in one go, all of them or none; `sync` waits once until the disk has them.
    ///
    /// # Errors
    /// [`JournalError::Io`]: nothing may be changed then. Lines that say what already is so are written later.
    pub fn write_all(&self, at: Timestamp, mut entries: Vec<Entry>, sync: bool) -> Result<(), JournalError> {
        let mut inner = self.lock();
        for entry in &mut entries {
            match entry {
                Entry::Told(told) => keep_told(&mut inner.told, Told { at, ..told.clone() }),
                Entry::Fact { sort, key, before, value, .. } => {
                    *before = inner.facts.set(at, sort, key, value.clone());
                }
                _ => {}
            }
        }
        let new = entries.len();
        inner.waiting.extend(entries.into_iter().map(|entry| (at, entry)));
        let written = inner.flush(sync);
        if written.is_err() {
            // What was about to be done is not done.
            let kept = inner.waiting.len() - new;
            let new = inner.waiting.split_off(kept);
            inner.waiting.extend(new.into_iter().filter(|(_, entry)| !matches!(entry, Entry::Before { .. })));
            inner.shorten();
        }
        written.map_err(io(&self.path, "can't be written"))
    }

    /// Looks whether the file is still there and as it was left, and writes what waits. Gives what has come to be known since the last look.
    pub fn look(&self) -> Vec<News> {
        let mut inner = self.lock();
        // What goes wrong is among the news.
        let _ = inner.flush(false);
        std::mem::take(&mut inner.news)
    }

    /// What is wrong with it: that it can't be written, and where it does not hold. `Ok` is the number of its last line.
    pub fn health(&self) -> Result<u64, (Option<String>, Vec<Damage>)> {
        let inner = self.lock();
        match (&inner.stuck, inner.damages.as_slice()) {
            (None, []) => Ok(inner.seq),
            (stuck, damages) => Err((stuck.clone(), damages.to_vec())),
        }
    }

    /// When the last line was written: right after opening, the last that is known of the time before.
    pub fn last(&self) -> Option<Timestamp> {
        self.lock().last
    }

    /// Newest first: what was told of a machine or host, or of all.
    pub fn told(&self, about: Option<&str>, most: usize) -> Vec<Told> {
        self.lock()
            .told
            .iter()
            .rev()
            .filter(|told| about.is_none_or(|about| told.about == about))
            .take(most)
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

impl Inner {
    /// Keeps what waits within its bound: facts stay, the newest of each key; of all else what came last goes.
    fn shorten(&mut self) {
        if self.waiting.len() <= MOST_WAITING {
            return;
        }
        let mut newest = BTreeSet::new();
        let newer = |(_, entry): &(Timestamp, Entry)| match entry {
            Entry::Fact { sort, key, .. } => newest.insert((sort.clone(), key.clone())),
            _ => true,
        };
        let kept: Vec<(Timestamp, Entry)> = std::mem::take(&mut self.waiting).into_iter().rev().filter(newer).collect();
        let mut room = MOST_WAITING.saturating_sub(newest.len());
        let fits = |(_, entry): &(Timestamp, Entry)| {
            let fits = room > 0 || matches!(entry, Entry::Fact { .. });
            room = room.saturating_sub(usize::from(!matches!(entry, Entry::Fact { .. })));
            fits
        };
        self.waiting = kept.into_iter().rev().filter(fits).collect();
    }

    /// Looks at the file, then writes all that waits, or nothing.
    fn flush(&mut self, sync: bool) -> std::io::Result<()> {
        let Some(writer) = &mut self.writer else {
            self.seq += self.waiting.len() as u64;
            self.last = self.waiting.back().map(|(at, _)| *at).or(self.last);
            self.waiting.clear();
            return Ok(());
        };
        let written = match writer.look() {
            Ok(seen) => {
                if let Some((what, aside)) = seen {
                    let damage = Damage { what, line: 0, after: self.seq, bytes: 0, digest: String::new(), aside };
                    tracing::error!(what = what.name(), "somebody touched the journal while the agent runs");
                    // Before whatever else: the lines after it do not follow those in the file.
                    self.waiting.push_front((Timestamp::now(), Entry::Damage(damage.clone())));
                    self.news.push(News::Damaged(damage.clone()));
                    self.damages.push(damage);
                }
                let (mut seq, mut hash, mut text) = (self.seq, self.hash.clone(), String::new());
                for (at, entry) in &self.waiting {
                    let (line, sealed) = Line::sealed(seq.saturating_add(1), *at, entry.clone(), hash);
                    (seq, hash) = (line.seq, line.hash);
                    text += &sealed;
                    text.push('\n');
                }
                let appended = match (text.is_empty(), &self.stuck) {
                    (false, _) => writer.append(&text, sync),
                    (true, Some(_)) => writer.has_room(),
                    (true, None) => Ok(()),
                };
                appended.map(|()| {
                    (self.seq, self.hash) = (seq, hash);
                    self.last = self.waiting.back().map(|(at, _)| *at).or(self.last);
                    self.waiting.clear();
                })
            }
            Err(error) => Err(error),
        };
        match &written {
            Ok(()) if self.waiting.is_empty() && self.stuck.take().is_some() => {
                tracing::info!("the journal can be written again");
                self.news.push(News::GoesOn);
            }
            Err(error) if self.stuck.is_none() => {
                tracing::error!(%error, "the journal can't be written; nothing is changed until it can be");
                self.stuck = Some(error.to_string());
                self.news.push(News::Stuck(error.to_string()));
            }
            _ => {}
        }
        written
    }
}

/// Whether there is nothing, or a file: whoever opens a pipe waits for its other end.
fn plain_file(path: &Path) -> Result<(), JournalError> {
    match std::fs::symlink_metadata(path) {
        Ok(about) if !about.is_file() => Err(JournalError::NoFile { path: path.to_owned() }),
        _ => Ok(()),
    }
}

fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> JournalError + use<> {
    let path = path.to_owned();
    move |source| JournalError::Io { path, what, source }
}
