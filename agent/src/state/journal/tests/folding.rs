//! Facts outlive the lines that said them: whatever was noted, wherever old lines are cut, and whenever that is cut short itself.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use serde_json::{Value, json};

use super::*;

/// A disk under which the process dies: before that byte, or, where there are no more, before it is synced.
struct Dying(prop::sample::Index);

impl Disk for Dying {
    fn write(&mut self, mut file: &File, bytes: &[u8]) -> std::io::Result<()> {
        let at = self.0.index(bytes.len() + 1);
        file.write_all(&bytes[..at])?;
        if at < bytes.len() { resume_unwind(Box::new("killed")) } else { Ok(()) }
    }

    fn sync(&mut self, _: &File) -> std::io::Result<()> {
        resume_unwind(Box::new("killed"))
    }
}

/// A fact of one of few keys, or that it is so no more.
fn noted() -> impl Strategy<Value = Entry> {
    let sort = prop::sample::select(vec!["contact", "language"]);
    (sort, 0..4_u8, prop::option::weighted(0.7, 0..9_u8))
        .prop_map(|(sort, key, value)| Entry::fact(sort, &format!("k{key}"), value.map_or(Value::Null, Value::from)))
}

fn facts_of(place: &Place) -> Table {
    Journal::facts(place.folder.path()).expect("it can be read")
}

fn lines(place: &Place) -> Vec<Seen> {
    let mut lines = Vec::new();
    Journal::read(place.folder.path(), |seen| lines.push(seen)).expect("it can be read");
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_table_is_the_same_before_and_after_old_lines_are_cut_and_after_a_crash_at_any_byte_of_it(
        notes in prop::collection::vec((noted(), 0..3_i64), 1..30),
        rounds in prop::collection::vec((0..60_i64, prop::option::of(any::<prop::sample::Index>())), 1..4),
    ) {
        let place = Place::new();
        let journal = place.open().journal;
        let (mut held, mut at) = (Table::default(), day(0));
        for (entry, days) in notes {
            at += SignedDuration::from_hours(24 * days);
            held.take(at, &entry);
            journal.write(at, entry, false).expect("written");
        }
        drop(journal);
        for (cut, crash) in rounds {
            // At the end of each: of what came last, nothing is too old or all of it.
            let (before, keep) = (place.bytes(), SignedDuration::from_hours(24 * cut));
            let now = at + SignedDuration::from_secs(1);
            if let Some(crash) = crash {
                let died = catch_unwind(AssertUnwindSafe(|| {
                    retire::retire(&place.path(), keep, now, &mut Dying(crash)).expect("no error is the reason")
                }));
                prop_assert!(died.is_err() || matches!(died, Ok(None)));
                prop_assert_eq!(place.bytes(), before, "it is as it was");
                prop_assert_eq!(&place.open().facts, &held);
                prop_assert!(!place.path().with_extension(NEXT).exists(), "and nothing of it is left behind");
            }
            let done = retire::retire(&place.path(), keep, now, &mut Real).expect("let go");
            prop_assert_eq!(&facts_of(&place), &held);
            prop_assert_eq!(&place.open().facts, &held);
            prop_assert_eq!(place.state().1, vec![], "no damage");
            if let Some(done) = done {
                let anew = lines(&place).into_iter().rev().take(done.facts).filter(|line| {
                    matches!(&line.entry, Some(Entry::Fact { before: Value::Null, since: Some(_), .. }))
                });
                prop_assert_eq!(anew.count(), done.facts);
                let young = lines(&place).iter().filter(|line| now.duration_since(line.at) > keep).count();
                prop_assert_eq!(young, 0, "what is old is gone");
            }
            prop_assert_eq!(retire::retire(&place.path(), keep, now, &mut Real).expect("read"), None, "once is enough");
        }
        let holding: Vec<(&str, &str)> = held.all().map(|(sort, key, _)| (sort, key)).collect();
        let mut left: Vec<(String, String)> = lines(&place)
            .into_iter()
            .filter_map(|line| match line.entry {
                Some(Entry::Fact { sort, key, since: Some(_), .. }) => Some((sort, key)),
                _ => None,
            })
            .collect();
        left.sort();
        let all = left.len();
        left.dedup();
        prop_assert_eq!(left.len(), all, "nothing is written anew twice");
        prop_assert!(left.iter().all(|(sort, key)| holding.contains(&(sort, key))), "nor what was taken back");
    }
}

#[test]
fn each_change_of_a_fact_says_what_held_before_and_one_that_is_carried_over_since_when_it_holds() {
    let place = Place::new();
    let journal = place.open().journal;
    let note = |days, value| journal.write(day(days), Entry::fact("language", "ann", value), false).expect("written");
    note(0, json!("en"));
    note(1, json!("fr"));
    let changes = |place: &Place| -> Vec<(Value, Value, Option<Timestamp>)> {
        let change = |seen: Seen| match seen.entry {
            Some(Entry::Fact { before, value, since, .. }) => Some((before, value, since)),
            _ => None,
        };
        lines(place).into_iter().filter_map(change).collect()
    };
    assert_eq!(changes(&place), [(Value::Null, json!("en"), None), (json!("en"), json!("fr"), None)]);
    drop(journal);
    let done = Journal::compact(&place.lock, SignedDuration::from_hours(1)).expect("let go").expect("they are old");
    assert_eq!((done.gone, done.facts, done.begun, done.aside), (2, 1, 0, None));
    assert_eq!(changes(&place), [(Value::Null, json!("fr"), Some(day(1)))]);
    // And what holds is known again after a restart.
    place.open().journal.write(Timestamp::now(), Entry::fact("language", "ann", Value::Null), false).expect("written");
    assert_eq!(changes(&place).last(), Some(&(json!("fr"), Value::Null, None)));
    assert!(place.open().facts.is_empty());
}

#[test]
fn facts_that_wait_for_a_disk_are_written_once_and_none_is_lost_however_long_it_is_full() {
    let place = Place::new();
    let disk = Small::default();
    let journal = Arc::new(on(&place, &disk));
    let facts = crate::state::facts::Facts::new(Arc::clone(&journal));
    for n in 0..2_000 {
        facts.note("address", &format!("k{}", n % 1_000), json!(n));
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while disk.writes.load(Ordering::Relaxed) < 3 {
        assert!(std::time::Instant::now() < deadline, "it is tried again");
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    let told = |n: usize| {
        let (about, text) = (format!("old{n}"), String::new());
        Entry::Told(Told { at: day(0), actor: None, verb: "event.started".to_owned(), about, text, phrase: None })
    };
    assert!(journal.write_all(day(0), (0..MOST_WAITING).map(told).collect(), false).is_err());
    disk.room.store(1 << 30, Ordering::Relaxed);
    assert!(facts.flush());
    drop((facts, journal));
    let lines = lines(&place);
    assert_eq!(lines.len(), MOST_WAITING, "within the bound");
    let values = lines.iter().filter_map(|line| match &line.entry {
        Some(Entry::Fact { value, .. }) => value.as_u64(),
        _ => None,
    });
    assert!(values.eq(1_000..2_000), "the newest of each, once");
}
