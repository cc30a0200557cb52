//! The journal: whatever became of its file, what is whole in it is read, and it goes on.

use std::path::Path;
use std::sync::OnceLock;

use agent::state::journal::{Entry, Journal, Line, Opened, Outcome, Seen, Table};
use agent::state::lock::StoreLock;
use jiff::{SignedDuration, Timestamp};

use super::Bytes;

const FILE: &str = "journal.jsonl";

type Fact = (String, String, serde_json::Value);

/// The lines of a sound journal.
fn sound() -> &'static [String] {
    static LINES: OnceLock<Vec<String>> = OnceLock::new();
    LINES.get_or_init(|| {
        let folder = folder();
        let journal = open(folder.path(), None).journal;
        let at: Timestamp = "2026-11-01T12:00:00Z".parse().expect("a time");
        for number in 0..12_i64 {
            let at = at + SignedDuration::from_hours(24 * number);
            let id = format!("{number:016x}");
            let key = format!("key{}|{{\"seq\":", number % 5);
            let value = if number == 7 {
                serde_json::Value::Null
            } else {
                serde_json::json!({ "n": number, "hash": "\"hash\":\"" })
            };
            let mut entries = vec![
                Entry::Before {
                    actor: "ann@example.org".to_owned(),
                    verb: "vm.start".to_owned(),
                    about: Some("web1".to_owned()),
                    op: serde_json::json!({ "op": "start" }),
                    id: id.clone(),
                },
                Entry::fact("contact", &key, value),
            ];
            if number % 4 != 3 {
                entries.push(Entry::After { id, outcome: Outcome::Done, why: None });
            }
            journal.write_all(at, entries, false).expect("a folder can be written");
        }
        drop(journal);
        std::fs::read_to_string(folder.path().join(FILE)).expect("text").lines().map(str::to_owned).collect()
    })
}

/// A folder of its own, in memory where there is such a place: disks are waited for.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).expect("a folder")
}

fn open(folder: &Path, keep: Option<SignedDuration>) -> Opened {
    let lock = StoreLock::take(folder, "test").expect("nobody else is here");
    Journal::open(&lock, keep).unwrap_or_else(|error| panic!("whatever stands in it: {error}"))
}

/// All facts that can be read, in order, without what held before them.
fn facts(folder: &Path) -> Vec<Fact> {
    let mut facts = Vec::new();
    let each = |seen: Seen| {
        if let Some(Entry::Fact { sort, key, value, .. }) = seen.entry {
            facts.push((sort, key, value));
        }
    };
    Journal::read(folder, each).expect("it can be looked at");
    facts
}

/// What holds of facts that were written one after the other, each since the time of its line.
fn folded(folder: &Path) -> Table {
    let mut table = Table::default();
    let each = |seen: Seen| seen.entry.iter().for_each(|entry| table.take(seen.at, entry));
    Journal::read(folder, each).expect("it can be looked at");
    table
}

/// A journal whose file was damaged in any way, or is none.
///
/// # Panics
/// When it can't be opened, when looking at it changes it, when a whole line is lost or one is read that was never there,
/// when what was found once is found again as new, or when nothing can be written after.
pub fn journal(data: &[u8]) {
    let mut bytes = Bytes(data);
    let folder = folder();
    let file = folder.path().join(FILE);
    let raw = bytes.chance(4);
    let (text, whole) = if raw { (bytes.0.to_vec(), Vec::new()) } else { damaged(&mut bytes) };
    std::fs::write(&file, &text).expect("a folder can be written");

    Journal::verify(folder.path()).expect("it can be looked at").expect("it is there");
    assert_eq!(std::fs::read(&file).expect("it is there"), text, "looking changes nothing");

    let Opened { journal, facts: holding, unfinished } = open(folder.path(), None);
    let facts = self::facts(folder.path());
    // Each whole line that is there is read, in its place among the others.
    let mut read = facts.iter();
    for line in whole.iter().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        if let Entry::Fact { sort, key, value, .. } = line.entry {
            let fact = (sort, key, value);
            assert!(read.any(|one| *one == fact), "{fact:?} is lost\n{}", String::from_utf8_lossy(&text));
        }
    }
    // And nothing else: a line that somebody changed is none.
    for fact in facts.iter().filter(|_| !raw) {
        let known = |line: &String| matches!(serde_json::from_str::<Line>(line).map(|line| line.entry), Ok(Entry::Fact { sort, key, value, .. }) if (&sort, &key, &value) == (&fact.0, &fact.1, &fact.2));
        assert!(sound().iter().any(known), "{fact:?} was never written");
    }
    assert_eq!(holding, folded(folder.path()), "what holds is what the last line of each says");
    let entry = Entry::fact("test", "again", serde_json::json!(1));
    journal.write(Timestamp::now(), entry, true).expect("it goes on");
    drop(journal);
    let all = folded(folder.path());

    let seen = Journal::verify(folder.path()).expect("it can be looked at").expect("it is there");
    assert!(
        seen.damages.iter().all(|(_, noted)| *noted),
        "found anew: {:?}\n{}",
        seen.damages,
        String::from_utf8_lossy(&text)
    );
    let reopened = open(folder.path(), None);
    assert_eq!(reopened.unfinished, [], "said once: {unfinished:?}");
    assert_eq!(reopened.facts, all);
    drop(reopened);

    // What is old is let go, and what holds is kept.
    let keep = SignedDuration::from_hours(24 * bytes.below(800) as i64);
    let kept = open(folder.path(), Some(keep));
    assert_eq!(kept.facts, all, "after letting go of what is older than {keep:#}");
    drop(kept);
    assert_eq!(open(folder.path(), None).facts, all);
}

/// A sound journal after some damage, and the lines in it that are still whole and on their own.
fn damaged(bytes: &mut Bytes<'_>) -> (Vec<u8>, Vec<String>) {
    let mut lines: Vec<Vec<u8>> = sound().iter().map(|line| line.clone().into_bytes()).collect();
    for _ in 0..bytes.below(6) {
        if lines.is_empty() {
            break;
        }
        let at = bytes.below(lines.len());
        match bytes.byte() % 8 {
            0 => drop(lines.remove(at)),
            1 => {
                let length = bytes.below(lines[at].len());
                lines[at].truncate(length);
            }
            2 => {
                let place = bytes.below(lines[at].len().max(1));
                let value = bytes.byte();
                if let Some(byte) = lines[at].get_mut(place) {
                    *byte = value;
                }
            }
            // The line break between two is lost.
            3 if at + 1 < lines.len() => {
                let next = lines.remove(at + 1);
                lines[at].extend(next);
            }
            4 => {
                let length = bytes.below(40).min(bytes.0.len());
                let (noise, rest) = bytes.0.split_at(length);
                bytes.0 = rest;
                lines.insert(at, noise.to_vec());
            }
            5 => {
                let other = bytes.below(lines.len());
                lines.swap(at, other);
            }
            6 => {
                let copy = lines[at].clone();
                lines.insert(at, copy);
            }
            _ => lines[at] = vec![0; bytes.below(600)],
        }
    }
    let mut text = lines.join(&b'\n');
    if bytes.chance(2) {
        text.push(b'\n');
    }
    if bytes.chance(4) {
        let length = bytes.below(text.len().max(1));
        text.truncate(length);
    }
    let whole = text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter(|line| sound().iter().any(|sound| sound == line))
        .map(str::to_owned)
        .collect();
    (text, whole)
}
