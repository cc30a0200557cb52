//! Reading a journal from its beginning: what whole lines say, and what is wrong with the rest.
//!
//! Nothing here fails but reading itself: whatever bytes there are, the whole lines among them are found.

use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::ops::Range;

use jiff::Timestamp;

use super::line::{Content, Damage, Entry, Head, Told, Unfinished, What, digest};
use super::table::Table;

/// How many told lines are kept in memory.
const TOLD_KEPT: usize = 2_000;
/// No line is longer; what is, is read in pieces of this size.
const LONGEST: u64 = 16 << 20;
/// How every line begins.
const BEGIN: &[u8] = b"{\"seq\":";
/// How every line ends: 64 hex digits, a quote and a brace follow.
const END: &[u8] = b"\"hash\":\"";
const AFTER_END: usize = 64 + 2;

/// A piece of a journal.
pub(super) struct Piece<'a> {
    /// The line of the file, from 1.
    pub(super) number: u64,
    /// Where it stands, with its line break.
    pub(super) span: Range<u64>,
    /// Its bytes, without the line break.
    pub(super) raw: &'a [u8],
    /// What it is.
    pub(super) content: Content,
    /// Whether a line break follows.
    pub(super) ended: bool,
}

/// Hands on piece after piece.
pub(super) fn pieces(mut reader: impl BufRead, mut each: impl FnMut(Piece<'_>)) -> std::io::Result<()> {
    let (mut raw, mut at, mut number) = (Vec::new(), 0u64, 1u64);
    loop {
        raw.clear();
        let length = reader.by_ref().take(LONGEST).read_until(b'\n', &mut raw)?;
        if length == 0 {
            return Ok(());
        }
        let ended = raw.last() == Some(&b'\n');
        let text = &raw[..raw.len() - usize::from(ended)];
        let mut give = |range: Range<usize>, content| {
            let last = range.end == text.len();
            let end = range.end + usize::from(ended && last);
            let span = at + range.start as u64..at + end as u64;
            each(Piece { number, span, raw: &text[range], content, ended: ended || !last });
        };
        match Content::of(text) {
            // An empty line is where a write began afresh.
            _ if text.is_empty() => {}
            whole @ Content::Whole(..) => give(0..text.len(), whole),
            other => salvage(text, other, &mut give),
        }
        at += length as u64;
        number += u64::from(ended);
    }
}

/// Whole lines among bytes that are none: behind a line that was cut, or with the line break between them lost. `all` is what the bytes
/// are taken together.
fn salvage(text: &[u8], all: Content, give: &mut impl FnMut(Range<usize>, Content)) {
    let mut done = 0;
    let mut from = 0;
    while let Some(begin) = find(&text[from..], BEGIN).map(|found| from + found) {
        from = begin + BEGIN.len();
        let mut look = from;
        // A line that holds the same words inside is rare, and one that holds them often is none of ours.
        for _ in 0..4 {
            let Some(end) = find(&text[look..], END).map(|found| look + found + END.len() + AFTER_END) else { break };
            look = end.min(text.len());
            if end > text.len() {
                break;
            }
            if let whole @ Content::Whole(..) = Content::of(&text[begin..end]) {
                if begin > done {
                    give(done..begin, Content::Unreadable);
                }
                give(begin..end, whole);
                (done, from) = (end, end);
                break;
            }
        }
    }
    if done == 0 {
        give(0..text.len(), all);
    } else if done < text.len() {
        give(done..text.len(), Content::Unreadable);
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// A damage and where its bytes stand.
pub(super) struct Found {
    pub(super) damage: Damage,
    pub(super) span: Range<u64>,
    /// Whether the journal itself says so already.
    pub(super) noted: bool,
}

/// What a journal holds.
#[derive(Default)]
pub(super) struct Reading {
    /// The number of the last line.
    pub(super) seq: u64,
    /// The hash of the last line.
    pub(super) hash: String,
    /// When the last line was written.
    pub(super) last: Option<Timestamp>,
    /// The newest told lines.
    pub(super) told: VecDeque<Told>,
    /// What holds.
    pub(super) facts: Table,
    /// Begun, and never ended.
    pub(super) begun: Vec<Unfinished>,
    /// How many whole lines.
    pub(super) lines: u64,
    /// What is wrong.
    pub(super) found: Vec<Found>,
    /// Bytes up to the end of the last line.
    pub(super) end: u64,
    /// Whether that end has its line break.
    pub(super) ended: bool,
    /// Damages that whoever runs the agent has looked at.
    pub(super) accepted: Vec<Damage>,
    notes: Vec<Damage>,
    retired: Vec<u64>,
    first: Option<(u64, u64, String)>,
    /// Whether the last line or what follows it is damaged: the next need not follow.
    excused: bool,
}

impl Reading {
    /// Reads all of it.
    pub(super) fn all(reader: impl BufRead) -> std::io::Result<Self> {
        let mut reading = Self { ended: true, ..Self::default() };
        pieces(reader, |piece| reading.take(piece))?;
        reading.finish();
        Ok(reading)
    }

    fn take(&mut self, piece: Piece<'_>) {
        match piece.content {
            Content::Whole(head, entry) => {
                self.follows(&head, entry.as_deref(), piece.number);
                self.remember(head, entry.map(|entry| *entry));
                self.excused = false;
            }
            Content::Changed => {
                self.damaged(What::Changed, piece.number, piece.span.clone(), piece.raw);
            }
            Content::Unreadable => {
                self.damaged(What::Unreadable, piece.number, piece.span, piece.raw);
                return;
            }
        }
        self.end = piece.span.end;
        self.ended = piece.ended;
    }

    /// Whether a whole line follows the one before.
    fn follows(&mut self, head: &Head, entry: Option<&Entry>, number: u64) {
        let own = match entry {
            Some(Entry::Damage(damage)) if damage.what.while_running() => Some(damage.clone()),
            _ => None,
        };
        if let Some(damage) = own {
            self.found.push(Found { damage, span: 0..0, noted: true });
        } else if self.lines > 0 && !self.excused && head.prev != self.hash {
            self.damaged(What::Gap, number, 0..0, head.hash.as_bytes());
            self.excused = false;
        } else if self.lines == 0 && !self.excused {
            self.first = Some((head.seq, number, head.prev.clone()));
        }
    }

    /// `raw` without line breaks: one may be put behind it later. Of a gap, the hash of the line behind it.
    fn damaged(&mut self, what: What, line: u64, span: Range<u64>, raw: &[u8]) {
        self.excused = true;
        let bytes = if span.is_empty() { 0 } else { raw.len() as u64 };
        if let Some(last) = self.found.last_mut()
            && (last.damage.what, what) == (What::Unreadable, What::Unreadable)
            && last.span.end == span.start
        {
            last.span.end = span.end;
            last.damage.bytes += bytes;
            last.damage.digest = digest(last.damage.digest.as_bytes(), raw);
            return;
        }
        let damage = Damage { what, line, after: self.seq, bytes, digest: digest(b"", raw), aside: None };
        self.found.push(Found { damage, span, noted: false });
    }

    fn remember(&mut self, head: Head, entry: Option<Entry>) {
        self.lines += 1;
        self.seq = self.seq.max(head.seq);
        self.hash = head.hash;
        self.last = Some(head.at);
        match entry {
            Some(Entry::Before { actor, verb, about, op, id }) => {
                self.begun.push(Unfinished { actor, verb, about, op, id });
            }
            Some(Entry::After { id, .. }) => self.begun.retain(|unfinished| unfinished.id != id),
            Some(Entry::Told(told)) => keep_told(&mut self.told, Told { at: head.at, ..told }),
            Some(fact @ Entry::Fact { .. }) => self.facts.take(head.at, &fact),
            Some(Entry::Retired { first }) => self.retired.push(first),
            Some(Entry::Damage(damage)) => self.notes.push(damage),
            Some(Entry::Accepted(damage)) => self.accepted.push(damage),
            None => tracing::warn!(seq = head.seq, "a journal line of a later version is left as it is"),
        }
    }

    fn finish(&mut self) {
        // The first line may stand alone only if it is the first ever, or if those before it were let go.
        if let Some((seq, line, prev)) = self.first.take()
            && !(seq == 1 && prev.is_empty() || self.retired.contains(&seq))
        {
            let damage =
                Damage { what: What::Gap, line, after: 0, bytes: 0, digest: digest(b"", prev.as_bytes()), aside: None };
            self.found.insert(0, Found { damage, span: 0..0, noted: false });
        }
        if let Some(last) = self.found.last_mut()
            && last.damage.what == What::Unreadable
            && last.span.start >= self.end
        {
            last.damage.what = What::Torn;
        }
        let accepted = |found: &Found| self.accepted.iter().any(|known| known.same(&found.damage));
        self.found.retain(|found| found.damage.what == What::Torn || !accepted(found));
        for found in &mut self.found {
            if let Some(note) = self.notes.iter().find(|note| note.same(&found.damage)) {
                found.noted = true;
                found.damage.aside.clone_from(&note.aside);
            }
        }
    }
}

/// Keeps what was told, the newest of it.
pub(super) fn keep_told(told: &mut VecDeque<Told>, new: Told) {
    if told.len() == TOLD_KEPT {
        told.pop_front();
    }
    told.push_back(new);
}
