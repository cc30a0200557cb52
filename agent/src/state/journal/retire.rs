//! Letting go of old lines: what still holds is kept, and so is all that is young, whether it can be read or not.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::BufReader;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::line::{Content, Entry, Line};
use super::mend::put_aside;
use super::read::pieces;
use super::write::{Disk, private, sync_folder};
use super::{JournalError, NEXT, io};

/// What was let go of a journal, and what was kept of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Lines that were let go.
    pub gone: usize,
    /// Facts in them that hold, written anew.
    pub facts: usize,
    /// Ops in them that nobody saw end, written anew.
    pub begun: usize,
    /// The file that keeps what could not be read of them.
    pub aside: Option<String>,
    /// How long the file was, in bytes, and how long it is.
    pub bytes: (u64, u64),
}

/// A piece of the journal, old or young.
struct Piece {
    raw: Vec<u8>,
    seq: u64,
    hash: String,
    at: Option<Timestamp>,
    entry: Option<Entry>,
}

/// Lets lines older than `keep` go. Facts that still hold and ops that nobody saw end are written again at the end, and damaged bytes
/// that would go with the old lines are put aside. The new file takes the place of the old one when the disk has all of it. `None`: none
/// was that old.
pub(super) fn retire(
    path: &Path,
    keep: SignedDuration,
    now: Timestamp,
    disk: &mut dyn Disk,
) -> Result<Option<Compacted>, JournalError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path, "can't be read")(error)),
    };
    let owned = file.metadata().map_err(io(path, "can't be read"))?;
    let mut all: Vec<Piece> = Vec::new();
    let read = pieces(BufReader::new(file), |piece| {
        let (seq, hash, at, entry) = match piece.content {
            Content::Whole(head, entry) => (head.seq, head.hash, Some(head.at), entry.map(|entry| *entry)),
            Content::Changed | Content::Unreadable => (0, String::new(), None, None),
        };
        all.push(Piece { raw: piece.raw.to_vec(), seq, hash, at, entry });
    });
    read.map_err(io(path, "can't be read"))?;
    // Damaged pieces are as old as the line before them; the first young line ends what goes.
    let young =
        all.iter().position(|piece| piece.at.is_some_and(|at| now.duration_since(at) <= keep)).unwrap_or(all.len());
    let (gone, kept) = all.split_at(young);
    let whole = |piece: &&Piece| piece.at.is_some();
    let lines = gone.iter().filter(whole).count();
    if lines == 0 {
        return Ok(None);
    }
    let damaged: Vec<&[u8]> =
        gone.iter().filter(|piece| piece.at.is_none()).map(|piece| piece.raw.as_slice()).collect();
    let aside = if damaged.is_empty() {
        None
    } else {
        Some(put_aside(path, &damaged).map_err(io(path, "damaged parts can't be put aside"))?)
    };
    let mut body: Vec<u8> = kept.iter().flat_map(|piece| [piece.raw.as_slice(), b"\n"].concat()).collect();
    let last = kept.iter().rev().find(whole).or(gone.iter().rev().find(whole)).expect("there are old lines");
    let (mut seq, mut hash) = (all.iter().map(|piece| piece.seq).max().unwrap_or(last.seq), last.hash.clone());
    let first = kept.iter().find(whole).map_or(seq + 1, |piece| piece.seq);
    let (begun, facts) = carried(&all, young);
    let counts = (begun.len(), facts.len());
    for entry in std::iter::once(Entry::Retired { first }).chain(begun).chain(facts) {
        seq += 1;
        let (line, text) = Line::sealed(seq, now, entry, hash);
        hash = line.hash;
        body.extend_from_slice(text.as_bytes());
        body.push(b'\n');
    }
    let next = path.with_extension(NEXT);
    let written = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&next).and_then(|file| {
        // Whoever cleans up as root must not leave a file behind that the agent can't open.
        let _ = fchown(&file, Some(owned.uid()), Some(owned.gid()));
        disk.write(&file, &body)?;
        disk.sync(&file)?;
        std::fs::rename(&next, path)?;
        sync_folder(path)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&next);
        io(path, "can't be written again")(error)
    })?;
    let (begun, facts) = counts;
    Ok(Some(Compacted { gone: lines, facts, begun, aside, bytes: (owned.len(), body.len() as u64) }))
}

/// What must not go with the old lines: ops begun and never ended, and facts that hold, each once.
fn carried(all: &[Piece], old: usize) -> (Vec<Entry>, Vec<Entry>) {
    let mut facts: BTreeMap<(&str, &str), (usize, Entry)> = BTreeMap::new();
    let mut begun: Vec<(usize, &str, &Entry)> = Vec::new();
    for (index, piece) in all.iter().enumerate() {
        match &piece.entry {
            Some(Entry::Fact { sort, key, value, .. }) if value.is_null() => drop(facts.remove(&(sort, key))),
            Some(Entry::Fact { sort, key, value, since, .. }) => {
                let mut entry = Entry::fact(sort, key, value.clone());
                if let Entry::Fact { since: first, .. } = &mut entry {
                    *first = since.or(piece.at);
                }
                facts.insert((sort, key), (index, entry));
            }
            Some(entry @ Entry::Before { id, .. }) => begun.push((index, id, entry)),
            Some(Entry::After { id, .. }) => begun.retain(|(_, other, _)| other != id),
            _ => {}
        }
    }
    let begun = begun.into_iter().filter(|(index, ..)| *index < old).map(|(_, _, entry)| entry.clone()).collect();
    (begun, facts.into_values().filter(|(index, _)| *index < old).map(|(_, entry)| entry).collect())
}
