//! Looking at a journal without a word written: an agent may be at work on it.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::line::{Content, Damage, Entry, What};
use super::read::{Reading, pieces};
use super::table::Table;
use super::{FILE, Journal, JournalError, io, plain_file};

/// What a look at a journal shows.
#[derive(Debug)]
pub struct Verified {
    /// How many whole lines it has.
    pub lines: u64,
    /// What is wrong with it, and whether the journal itself says so already.
    pub damages: Vec<(Damage, bool)>,
    /// What once was wrong with it and [`Journal::accept`] has taken for known.
    pub accepted: Vec<Damage>,
}

/// A whole line, whoever wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What it says; `None` when a later version of Atoll wrote it.
    pub entry: Option<Entry>,
}

impl Journal {
    /// Whether the chain of lines holds. `None` when there is no journal yet.
    ///
    /// # Errors
    /// [`JournalError`]: it can't be read.
    pub fn verify(folder: &Path) -> Result<Option<Verified>, JournalError> {
        let Some((path, file)) = open(folder)? else { return Ok(None) };
        let mut reading = Reading::all(BufReader::new(file)).map_err(io(&path, "can't be read"))?;
        // A line that is being written just now is none that was cut off, if it comes whole a moment later.
        if reading.found.last().is_some_and(|found| found.damage.what == What::Torn) {
            let file = File::open(&path).map_err(io(&path, "can't be opened"))?;
            reading = Reading::all(BufReader::new(file)).map_err(io(&path, "can't be read"))?;
        }
        let damages = reading.found.into_iter().map(|found| (found.damage, found.noted)).collect();
        Ok(Some(Verified { lines: reading.lines, damages, accepted: reading.accepted }))
    }

    /// Hands on all whole lines, oldest first, whether the chain between them holds or not. Gives how many places are none, an end that
    /// may just be being written left out; `None` when there is no journal yet.
    ///
    /// # Errors
    /// [`JournalError`]: it can't be read.
    pub fn read(folder: &Path, mut each: impl FnMut(Seen)) -> Result<Option<u64>, JournalError> {
        let Some((path, file)) = open(folder)? else { return Ok(None) };
        let mut damaged = 0;
        let read = pieces(BufReader::new(file), |piece| match piece.content {
            Content::Whole(head, entry) => each(Seen { seq: head.seq, at: head.at, entry: entry.map(|entry| *entry) }),
            Content::Changed | Content::Unreadable => damaged += u64::from(piece.ended),
        });
        read.map_err(io(&path, "can't be read"))?;
        Ok(Some(damaged))
    }

    /// What holds of all facts that were noted.
    ///
    /// # Errors
    /// [`JournalError`]: it can't be read.
    pub fn facts(folder: &Path) -> Result<Table, JournalError> {
        let mut facts = Table::default();
        Self::read(folder, |seen| {
            if let Some(entry) = &seen.entry {
                facts.take(seen.at, entry);
            }
        })?;
        Ok(facts)
    }
}

fn open(folder: &Path) -> Result<Option<(PathBuf, File)>, JournalError> {
    let path = folder.join(FILE);
    plain_file(&path)?;
    match File::open(&path) {
        Ok(file) => Ok(Some((path, file))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(&path, "can't be opened")(error)),
    }
}
