//! A journal in all the states in which a start may find it, and under disks and people that do it harm.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use dialogue::reply::Phrase;
use proptest::prelude::*;

use super::*;

mod folding;

fn fact(n: u64) -> Entry {
    Entry::fact("subscription", &format!("k{n}"), serde_json::json!(n))
}

fn before(id: &str) -> Entry {
    Entry::Before {
        actor: "alice@localhost".to_owned(),
        verb: "vm.start".to_owned(),
        about: Some("web1".to_owned()),
        op: serde_json::Value::Null,
        id: id.to_owned(),
    }
}

fn day(n: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * n)
}

/// A store of its own, whose lock is taken.
struct Place {
    folder: tempfile::TempDir,
    lock: Arc<StoreLock>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = StoreLock::take(folder.path(), "test").expect("free");
        Self { folder, lock }
    }

    /// With that many facts, one a line.
    fn with(lines: u64) -> Self {
        let place = Self::new();
        let journal = place.open().journal;
        for n in 0..lines {
            journal.write(day(0), fact(n), false).expect("written");
        }
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("a journal")
    }

    fn set(&self, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(), bytes).expect("written");
    }

    fn open(&self) -> Opened {
        Journal::open(&self.lock, None).expect("it opens whatever it holds")
    }

    /// The keys of the facts, and what is news about damage.
    fn state(&self) -> (Vec<String>, Vec<What>) {
        let opened = self.open();
        (named(&opened.facts), whats(&opened.journal))
    }

    /// All that was put aside.
    fn aside(&self) -> Vec<u8> {
        let names = std::fs::read_dir(self.folder.path()).expect("a folder").flatten().map(|entry| entry.path());
        let aside = names.filter(|path| path.to_string_lossy().contains("journal.damaged-"));
        aside.flat_map(|path| std::fs::read(path).expect("a file")).collect()
    }
}

fn named(facts: &Table) -> Vec<String> {
    facts.all().map(|(_, key, _)| key.to_owned()).collect()
}

fn whats(journal: &Journal) -> Vec<What> {
    let damage = |news| match news {
        News::Damaged(damage) => Some(damage.what),
        News::Stuck(_) | News::GoesOn => None,
    };
    journal.look().into_iter().filter_map(damage).collect()
}

fn keys(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    let mut keys: Vec<String> = numbers.into_iter().map(|n| format!("k{n}")).collect();
    keys.sort();
    keys
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    part.is_empty() || all.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_last_line_that_was_cut_is_put_aside_and_the_next_start_goes_on() {
    let place = Place::with(3);
    let whole = place.bytes();
    let torn = b"{\"seq\":4,\"at\":\"1969";
    place.set([whole.as_slice(), torn].concat());
    let opened = place.open();
    assert_eq!(named(&opened.facts).len(), 3);
    opened.journal.write(day(0), fact(3), false).expect("goes on");
    assert_eq!(whats(&opened.journal), [What::Torn]);
    assert!(contains(&place.aside(), torn) && !contains(&place.bytes(), torn));
    drop(opened);
    assert_eq!(place.state(), (keys(0..4), vec![]), "told once");
    assert!(Journal::verify(place.folder.path()).expect("read").is_some_and(|verified| verified.damages.is_empty()));
}

#[test]
fn a_missing_last_line_break_is_no_damage_and_the_next_line_stands_by_itself() {
    let place = Place::with(3);
    let mut bytes = place.bytes();
    bytes.pop();
    place.set(bytes);
    let opened = place.open();
    opened.journal.write(day(0), fact(3), false).expect("goes on");
    assert_eq!(whats(&opened.journal), []);
    drop(opened);
    assert_eq!(place.state(), (keys(0..4), vec![]));
}

#[test]
fn nothing_but_zeros_after_a_power_cut_is_cut_off() {
    let place = Place::with(3);
    place.set([place.bytes(), vec![0; 5_000]].concat());
    assert_eq!(place.state(), (keys(0..3), vec![What::Torn]));
    assert_eq!(place.state(), (keys(0..3), vec![]));
    assert!(contains(&place.aside(), &[0; 5_000]));
}

#[test]
fn a_line_behind_one_that_was_cut_is_found_although_no_line_break_is_between() {
    let place = Place::with(4);
    let text = String::from_utf8(place.bytes()).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    place.set(format!("{}\n{}{}\n{}\n", lines[0], &lines[1][..40], lines[2], lines[3]));
    assert_eq!(place.state(), (keys([0, 2, 3]), vec![What::Unreadable]));
    assert_eq!(place.state(), (keys([0, 2, 3]), vec![]));
}

#[test]
fn a_changed_line_is_an_alarm_that_stays_and_is_not_believed() {
    let place = Place::with(3);
    let text = String::from_utf8(place.bytes()).expect("text").replace("\"k1\"", "\"k9\"");
    place.set(text);
    let opened = place.open();
    assert_eq!(named(&opened.facts), ["k0", "k2"]);
    assert!(matches!(
        &opened.journal.look()[..],
        [News::Damaged(Damage { what: What::Changed, line: 2, after: 1, .. })]
    ));
    drop(opened);
    let opened = place.open();
    assert_eq!(opened.journal.look(), [], "told once");
    let (_, damages) = opened.journal.health().expect_err("and never forgotten");
    assert_eq!(damages.len(), 1);
    let verified = Journal::verify(place.folder.path()).expect("read").expect("there");
    assert!(matches!(&verified.damages[..], [(Damage { what: What::Changed, line: 2, .. }, true)]));
    assert!(contains(&place.aside(), b"\"k9\""));
}

#[test]
fn what_was_looked_at_and_accepted_is_no_alarm_any_more_and_the_next_one_is() {
    let place = Place::with(4);
    let change = |from: &str, to: &str| {
        let text = String::from_utf8(place.bytes()).expect("text").replacen(from, to, 1);
        place.set(text);
    };
    place.open().journal.write(day(0), before("7"), true).expect("written");
    change("\"k1\"", "\"k9\"");
    assert_eq!(Journal::accept(&place.lock).expect("accepted").len(), 1);
    let verified = Journal::verify(place.folder.path()).expect("read").expect("there");
    assert_eq!((verified.damages.len(), verified.accepted.len()), (0, 1));
    let opened = place.open();
    assert_eq!(
        (named(&opened.facts).len(), opened.unfinished.len()),
        (3, 1),
        "not believed for that, and nothing else is lost"
    );
    assert!(opened.journal.health().is_ok() && opened.journal.look().is_empty());
    drop(opened);
    change("\"k2\"", "\"k8\"");
    assert_eq!(place.state(), (keys([0, 3]), vec![What::Changed]));
    assert!(place.open().journal.health().is_err());
}

#[test]
fn lines_that_were_taken_out_leave_a_gap_also_at_the_beginning() {
    for gone in [0, 1] {
        let place = Place::with(3);
        let text = String::from_utf8(place.bytes()).expect("text");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let kept: String =
            lines.iter().enumerate().filter(|(index, _)| *index != gone).map(|(_, line)| *line).collect();
        place.set(kept);
        let expected = keys((0..3).filter(|n| *n != gone as u64));
        assert_eq!(place.state(), (expected.clone(), vec![What::Gap]), "line {gone}");
        assert_eq!(place.state(), (expected, vec![]), "line {gone}");
    }
}

#[test]
fn what_was_told_is_remembered_with_its_time_after_a_restart() {
    let place = Place::new();
    let told = Told {
        at: Timestamp::from_second(1_000).expect("a time"),
        actor: None,
        verb: "event.crashed".to_owned(),
        about: "web1".to_owned(),
        text: "web1 has crashed.".to_owned(),
        phrase: Some(Phrase::common("event_crashed").with("name", "web1")),
    };
    place.open().journal.write(told.at, Entry::Told(told.clone()), false).expect("written");
    assert_eq!(place.open().journal.told(Some("web1"), 9), [told]);
}

#[test]
fn old_lines_are_let_go_and_what_still_holds_is_kept() {
    let place = Place::new();
    let now = Timestamp::now();
    let journal = place.open().journal;
    for (at, entry) in [(day(0), fact(1)), (day(0), fact(2)), (day(0), before("7")), (now, fact(1))] {
        journal.write(at, entry, false).expect("written");
    }
    drop(journal);
    let opened = Journal::open(&place.lock, Some(SignedDuration::from_hours(48))).expect("opens");
    assert_eq!(named(&opened.facts), ["k1", "k2"]);
    assert_eq!(opened.unfinished.len(), 1, "what nobody saw end is not forgotten");
    assert_eq!(opened.journal.look(), [], "and that is no damage");
    let first: Line =
        serde_json::from_slice(place.bytes().split(|byte| *byte == b'\n').next().expect("a line")).expect("read");
    assert_eq!(first.seq, 4, "the numbers go on");
    drop(opened);
    // A day later everything is old.
    retire::retire(&place.path(), SignedDuration::ZERO, now + SignedDuration::from_hours(24), &mut Real)
        .expect("let go");
    assert_eq!(place.state(), (keys([1, 2]), vec![]));
}

#[test]
fn retention_drops_nothing_that_stands_behind_an_unreadable_line() {
    let place = Place::new();
    let now = Timestamp::now();
    let journal = place.open().journal;
    for (n, at) in [(0, day(0)), (1, day(0)), (2, now), (3, now)] {
        journal.write(at, fact(n), false).expect("written");
    }
    drop(journal);
    let text = String::from_utf8(place.bytes()).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    place.set(format!("{}\nold rubbish\n{}\n{}\nyoung rubbish\n{}\n", lines[0], lines[1], lines[2], lines[3]));
    let opened = Journal::open(&place.lock, Some(SignedDuration::from_hours(48))).expect("opens");
    assert_eq!(named(&opened.facts), keys(0..4));
    assert_eq!(whats(&opened.journal), [What::Unreadable]);
    let aside = place.aside();
    assert!(contains(&aside, b"old rubbish") && contains(&aside, b"young rubbish"));
    assert!(contains(&place.bytes(), b"young rubbish") && !contains(&place.bytes(), b"old rubbish"));
}

#[test]
fn what_was_begun_and_never_ended_is_unknown_once() {
    let place = Place::new();
    place.open().journal.write(day(0), before("1"), true).expect("written");
    assert_eq!(place.open().unfinished.len(), 1);
    assert_eq!(place.open().unfinished.len(), 0, "told once");
}

#[test]
fn the_file_is_for_the_agent_alone() {
    let place = Place::with(1);
    let mode = std::fs::metadata(place.path()).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A disk with room for so many more bytes, counting what it is asked.
#[derive(Clone, Default)]
struct Small {
    room: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
    syncs: Arc<AtomicUsize>,
}

impl Disk for Small {
    fn write(&mut self, mut file: &File, bytes: &[u8]) -> std::io::Result<()> {
        use std::io::Write;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let room = self.room.load(Ordering::Relaxed).min(bytes.len());
        self.room.fetch_sub(room, Ordering::Relaxed);
        file.write_all(&bytes[..room])?;
        if room < bytes.len() { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self, _: &File) -> std::io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn on(place: &Place, disk: &Small) -> Journal {
    Journal::open_on(&place.lock, None, Box::new(disk.clone())).expect("opens").journal
}

#[test]
fn a_full_disk_refuses_what_would_be_done_keeps_what_is_so_and_goes_on_when_there_is_room() {
    let place = Place::with(2);
    let disk = Small::default();
    disk.room.store(100, Ordering::Relaxed);
    let journal = on(&place, &disk);
    let whole = place.bytes();
    assert!(journal.write(day(1), before("1"), true).is_err());
    assert_eq!(place.bytes(), whole, "nothing of it stays");
    assert!(journal.write(day(1), fact(2), false).is_err());
    assert!(matches!(&journal.look()[..], [News::Stuck(_)]), "told once");
    assert!(journal.health().is_err_and(|(stuck, damages)| stuck.is_some() && damages.is_empty()));
    disk.room.store(1 << 20, Ordering::Relaxed);
    assert_eq!(journal.look(), [News::GoesOn]);
    journal.write(day(1), before("2"), true).expect("goes on without a restart");
    drop(journal);
    let opened = place.open();
    assert_eq!(named(&opened.facts).len(), 3, "what was so is written down after all");
    assert_eq!(
        opened.unfinished.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
        ["2"],
        "what was refused is not"
    );
    assert_eq!(opened.journal.look(), []);
}

#[test]
fn a_disk_that_has_room_for_a_few_bytes_is_still_full() {
    let place = Place::with(2);
    let disk = Small::default();
    let journal = on(&place, &disk);
    assert!(journal.write(day(1), before("1"), true).is_err());
    assert!(matches!(&journal.look()[..], [News::Stuck(_)]));
    disk.room.store(10, Ordering::Relaxed);
    assert_eq!(journal.look(), []);
    disk.room.store(10_000, Ordering::Relaxed);
    assert_eq!(journal.look(), [News::GoesOn]);
    drop(journal);
    assert_eq!(place.state(), (keys(0..2), vec![]));
}

#[test]
fn a_start_on_a_full_disk_stands_and_writes_what_it_found_later() {
    let place = Place::with(2);
    place.open().journal.write(day(0), before("1"), true).expect("written");
    place.set([place.bytes(), b"{\"seq\":4,".to_vec()].concat());
    let disk = Small::default();
    let opened = Journal::open_on(&place.lock, None, Box::new(disk.clone())).expect("opens");
    assert_eq!((named(&opened.facts).len(), opened.unfinished.len()), (2, 1));
    disk.room.store(10_000, Ordering::Relaxed);
    let news = opened.journal.look();
    assert!(matches!(&news[..], [News::Damaged(_), News::Stuck(_), News::GoesOn]), "{news:?}");
    drop(opened);
    let opened = place.open();
    assert_eq!((opened.unfinished.len(), opened.journal.look().len()), (0, 0), "all of it is written down");
}

#[test]
fn many_lines_are_one_write_and_one_sync() {
    let place = Place::new();
    let disk = Small::default();
    disk.room.store(1 << 20, Ordering::Relaxed);
    let journal = on(&place, &disk);
    journal.write_all(day(0), (0..500).map(fact).collect(), true).expect("written");
    assert_eq!((disk.writes.load(Ordering::Relaxed), disk.syncs.load(Ordering::Relaxed)), (1, 1));
    drop(journal);
    assert_eq!(place.state(), (keys(0..500), vec![]));
}

#[test]
fn a_journal_deleted_while_running_is_put_back_whole_and_told() {
    let place = Place::with(3);
    let journal = place.open().journal;
    std::fs::remove_file(place.path()).expect("deleted");
    journal.write(day(0), fact(3), true).expect("written, and not into what is deleted");
    assert_eq!(whats(&journal), [What::Deleted]);
    drop(journal);
    assert_eq!(place.state(), (keys(0..4), vec![]));
}

#[test]
fn a_journal_replaced_while_running_is_put_back_and_the_other_file_kept() {
    let place = Place::with(3);
    let journal = place.open().journal;
    let other = place.folder.path().join("other");
    std::fs::write(&other, "somebody's").and_then(|()| std::fs::rename(&other, place.path())).expect("replaced");
    assert_eq!(whats(&journal), [What::Replaced]);
    journal.write(day(0), fact(3), true).expect("written");
    drop(journal);
    assert_eq!(place.state(), (keys(0..4), vec![]));
    let names = std::fs::read_dir(place.folder.path()).expect("a folder").flatten();
    let kept = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("journal.replaced-"));
    assert_eq!(kept.map(|entry| std::fs::read(entry.path()).expect("read")).collect::<Vec<_>>(), [b"somebody's"]);
}

#[test]
fn a_journal_cut_short_or_written_by_others_while_running_is_told_and_gone_on_with() {
    let place = Place::with(3);
    let journal = place.open().journal;
    let length = place.bytes().len() as u64;
    OpenOptions::new().write(true).open(place.path()).and_then(|file| file.set_len(length - 20)).expect("cut");
    journal.write(day(0), fact(3), true).expect("written");
    assert_eq!(whats(&journal), [What::Shortened]);
    place.set([place.bytes(), b"rubbish".to_vec()].concat());
    journal.write(day(0), fact(4), true).expect("written");
    assert_eq!(whats(&journal), [What::Grown]);
    drop(journal);
    let (facts, news) = place.state();
    assert_eq!(facts, keys([0, 1, 3, 4]));
    assert_eq!(news, [What::Unreadable, What::Unreadable], "the rests are found, what was told is known");
    assert_eq!(place.state().1, []);
}

/// What somebody, or a power cut, does to a journal.
#[derive(Clone, Debug)]
enum Harm {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Zeros(prop::sample::Index, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Harm::Cut),
        (any::<prop::sample::Index>(), 1..=255u8).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        any::<prop::sample::Index>().prop_map(Harm::Remove),
        (any::<prop::sample::Index>(), 1..300usize).prop_map(|(at, many)| Harm::Zeros(at, many)),
    ]
}

/// Does it; gives the bytes, which lines are still whole, and whether anything can be seen to be wrong.
fn done(harm: &Harm, whole: &[u8]) -> (Vec<u8>, Vec<u64>, bool) {
    let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    let line_of = |at: usize| ends.iter().position(|end| at <= *end).expect("within");
    let all = 0..ends.len() as u64;
    let mut bytes = whole.to_vec();
    match harm {
        Harm::Cut(at) => {
            let at = at.index(whole.len());
            bytes.truncate(at);
            let line = line_of(at);
            let starts = if line == 0 { 0 } else { ends[line - 1] + 1 };
            let left = line as u64 + u64::from(at == ends[line]);
            (bytes, (0..left).collect(), at != starts && at != ends[line])
        }
        Harm::Flip(at, bits) => {
            let at = at.index(whole.len());
            bytes[at] ^= bits;
            let line = line_of(at);
            // A line break that is lost joins two whole lines.
            (bytes, all.filter(|n| ends[line] == at || *n != line as u64).collect(), true)
        }
        Harm::Remove(line) => {
            let line = line.index(ends.len());
            let starts = if line == 0 { 0 } else { ends[line - 1] + 1 };
            bytes.drain(starts..=ends[line]);
            // The last one leaves no trace.
            (bytes, all.filter(|n| *n != line as u64).collect(), line + 1 < ends.len())
        }
        Harm::Zeros(at, many) => {
            let at = at.index(whole.len());
            bytes.splice(at..at, vec![0; *many]);
            let line = line_of(at);
            let starts = if line == 0 { 0 } else { ends[line - 1] + 1 };
            (bytes, all.filter(|n| at == ends[line] || at == starts || *n != line as u64).collect(), true)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_became_of_a_journal_it_opens_with_all_lines_that_are_whole_and_says_what_is_wrong(
        lines in 1..8u64,
        harm in harm(),
    ) {
        let place = Place::with(lines);
        let (bytes, left, seen) = done(&harm, &place.bytes());
        place.set(bytes);
        let opened = place.open();
        let found = named(&opened.facts);
        prop_assert_eq!(&found, &keys(left.clone()));
        prop_assert_eq!(!whats(&opened.journal).is_empty(), seen);
        opened.journal.write(day(1), fact(99), false).expect("goes on");
        drop(opened.journal);
        let all = keys(left.into_iter().chain([99]));
        prop_assert_eq!(place.state(), (all.clone(), vec![]), "what is known is no news");
        // Retention loses none of them, and reports nothing that was not reported.
        let at = day(1) + SignedDuration::from_secs(1);
        retire::retire(&place.path(), SignedDuration::from_hours(1), at, &mut Real).expect("let go");
        prop_assert_eq!(place.state(), (all, vec![]));
    }

    #[test]
    fn no_bytes_whatever_keep_a_journal_from_opening(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let place = Place::new();
        place.set(&bytes);
        let opened = place.open();
        opened.journal.write(day(0), fact(1), false).expect("goes on");
        drop(opened);
        let (facts, news) = place.state();
        prop_assert_eq!((facts, news), (keys([1]), vec![]));
    }
}
