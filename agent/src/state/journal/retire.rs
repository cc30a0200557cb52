//! Letting go of old lines: what still holds is kept, and so is all that is young, whether it can be read or not.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::line::{Content, Entry, Line};
use super::read::pieces;
use super::write::{private, spare, sync_folder};
use super::{JournalError, io};

/// A piece of the journal, old or young.
struct Piece {
    raw: Vec<u8>,
    seq: u64,
    hash: String,
    at: Option<Timestamp>,
    entry: Option<Entry>,
}

/// Deletes lines older than `keep`. Facts that still hold and ops that nobody saw end are written again at the end, and damaged bytes
/// that would go with the old lines are put aside.
pub(super) fn retire(path: &Path, keep: SignedDuration, now: Timestamp) -> Result<(), JournalError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(path, "can't be read")(error)),
    };
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
    if !all[..young].iter().any(|piece| piece.at.is_some()) {
        return Ok(());
    }
    let (gone, kept) = all.split_at(young);
    let damaged: Vec<&[u8]> =
        gone.iter().filter(|piece| piece.at.is_none()).map(|piece| piece.raw.as_slice()).collect();
    if !damaged.is_empty() {
        put_aside(path, &damaged).map_err(io(path, "damaged parts can't be put aside"))?;
    }
    let mut body: Vec<u8> = kept.iter().flat_map(|piece| [piece.raw.as_slice(), b"\n"].concat()).collect();
    let whole = |piece: &&Piece| piece.at.is_some();
    let last = kept.iter().rev().find(whole).or(gone.iter().rev().find(whole)).expect("there are old lines");
    let (mut seq, mut hash) = (all.iter().map(|piece| piece.seq).max().unwrap_or(last.seq), last.hash.clone());
    let first = kept.iter().find(whole).map_or(seq + 1, |piece| piece.seq);
    for entry in std::iter::once(Entry::Retired { first }).chain(carried(&all, young)) {
        seq += 1;
        let (line, text) = Line::sealed(seq, now, entry, hash);
        hash = line.hash;
        body.extend_from_slice(text.as_bytes());
        body.push(b'\n');
    }
    let next = path.with_extension("next");
    let written = private(OpenOptions::new().write(true).create(true).truncate(true))
        .open(&next)
        .and_then(|mut file| file.write_all(&body).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&next, path))
        .and_then(|()| sync_folder(path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&next);
        io(path, "can't be written again")(error)
    })
}

/// What must not go with the old lines: facts that hold, and ops begun and never ended.
fn carried(all: &[Piece], old: usize) -> Vec<Entry> {
    let mut facts: BTreeMap<(&str, &str), (usize, &Entry)> = BTreeMap::new();
    let mut begun: Vec<(usize, &str, &Entry)> = Vec::new();
    for (index, entry) in all.iter().enumerate().filter_map(|(index, piece)| Some((index, piece.entry.as_ref()?))) {
        match entry {
            Entry::Fact { sort, key, .. } => drop(facts.insert((sort, key), (index, entry))),
            Entry::Before { id, .. } => begun.push((index, id, entry)),
            Entry::After { id, .. } => begun.retain(|(_, other, _)| other != id),
            _ => {}
        }
    }
    let null = |entry: &Entry| matches!(entry, Entry::Fact { value, .. } if value.is_null());
    let facts = facts.into_values().filter(|(index, entry)| *index < old && !null(entry)).map(|(_, entry)| entry);
    begun.iter().filter(|(index, ..)| *index < old).map(|(_, _, entry)| *entry).chain(facts).cloned().collect()
}

/// Writes bytes to a file of their own beside the journal, each part on a line of its own. Gives its name.
pub(super) fn put_aside(path: &Path, parts: &[&[u8]]) -> std::io::Result<String> {
    let aside = spare(path, "damaged");
    let write = || -> std::io::Result<()> {
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&aside)?;
        for part in parts {
            file.write_all(part)?;
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        sync_folder(&aside)
    };
    match write() {
        Ok(()) => Ok(super::write::name_of(&aside).unwrap_or_default()),
        Err(error) => {
            let _ = std::fs::remove_file(&aside);
            Err(error)
        }
    }
}
