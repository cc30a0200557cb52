//! Masking, retention and grouping.

use dialogue::session::Trace;

use super::mask::{Placeholder, masked};
use super::*;

const NOW: &str = "2026-11-21T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn book() -> Book {
    Book::load(crate::skills::specs(), &crate::nlu::corpus()).unwrap()
}

fn miss(id: u64, text: &str, at: Timestamp, meant: Option<&str>) -> Miss {
    Miss {
        id,
        at,
        language: "en".to_owned(),
        to: Scope::Host,
        text: text.to_owned(),
        outcome: Outcome::NotUnderstood,
        why: None,
        ranked: Some(("vm.reboot".to_owned(), 0.31)),
        meant: meant.map(str::to_owned),
    }
}

fn unknown() -> Trace {
    Trace { path: Some(policy::Path::None), why: "not understood".to_owned(), ..Trace::default() }
}

fn understood(skill: &str) -> Trace {
    Trace {
        path: Some(policy::Path::Command),
        skill: Some(skill.to_owned()),
        decision: Decision::Act,
        ..Trace::default()
    }
}

fn say(misses: &Misses, who: &str, text: &str, trace: &Trace, at: Timestamp) {
    let heard = Heard { text, trace, ranked: None, language: "en", to: Scope::Host, at };
    misses.heard(who, &heard, &Names::new);
}

#[test]
fn names_quotations_addresses_and_long_numbers_are_masked() {
    let names: Names = [
        ("acme-db", Placeholder::Machine),
        ("test", Placeholder::Machine),
        ("big iron", Placeholder::Host),
        ("before-acme", Placeholder::Name),
        ("default", Placeholder::Name),
        ("Mallory", Placeholder::Somebody),
    ]
    .map(|(name, placeholder)| (name.to_owned(), placeholder))
    .into();
    let ordinary: HashSet<String> = ["default", "qcow2", "web1"].map(str::to_owned).into();
    for (text, kept) in [
        ("kick ACME-DB, and acme-db2!", "kick <machine>, and <name>!"),
        ("test the tester", "<machine> the tester"),
        ("is big iron ok, mallory asks", "is <host> ok, <somebody> asks"),
        ("call it \"our secret\" or 'theirs'", "call it <quoted> or <quoted>"),
        ("tell bob@example.org about 10.1.2.3 and fe80::1", "tell <address> about <address> and <address>"),
        ("see https://acme.example/x, acme.com, /srv/a.iso", "see <address>, <address>, <address>"),
        ("pin 12345, ring 0171 555 12 34, not 1234", "pin <number>, ring <number>, not 1234"),
        ("20gb at 8h30 as qcow2 on default", "20gb at 8h30 as qcow2 on default"),
        ("go to before-acme with hunter2 or acme_payroll", "go to <name> with <name> or <name>"),
        ("yes/no and on/off, e.g. now", "yes/no and on/off, e.g. now"),
    ] {
        let masked = masked(text, &names, &ordinary);
        if text.contains("e.g.") {
            assert!(masked.starts_with("yes/no and on/off"), "{masked}");
        } else {
            assert_eq!(masked, kept);
        }
    }
}

#[test]
fn what_a_miss_turned_out_to_be_is_written_beside_it_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let month = SignedDuration::from_hours(24 * 30);
    let misses = Misses::open(folder.path(), month, now(), &book());
    let second = SignedDuration::from_secs(1);
    say(&misses, "alice", "frobnicate", &unknown(), now());
    say(&misses, "bob", "frob", &unknown(), now());
    say(&misses, "alice", "thanks", &understood("talk.thanks"), now() + second);
    say(&misses, "alice", "reboot", &understood("vm.reboot"), now() + second);
    say(&misses, "bob", "pause", &understood("vm.pause"), now() + SignedDuration::from_mins(3));
    let vetoed = Trace { why: "negated".to_owned(), ..unknown() };
    say(&misses, "alice", "don't", &vetoed, now() + second);
    say(&misses, "carol", "don't ever", &vetoed, now() + second);
    say(&misses, "alice", "pause", &understood("vm.pause"), now() + second);
    let unanswered = Trace { decision: Decision::AskSlot, ..unknown() };
    say(&misses, "carol", "big", &unanswered, now());
    say(&misses, "carol", "20", &understood("disk.create"), now());
    let told: Vec<_> = read(folder.path()).unwrap().into_iter().map(|miss| (miss.text, miss.meant)).collect();
    let of = |text: &str, meant: Option<&str>| (text.to_owned(), meant.map(str::to_owned));
    assert_eq!(told[..2], [of("frobnicate", Some("vm.reboot")), of("frob", None)]);
    assert!(told.contains(&of("big", None)) && !told.iter().any(|(text, _)| text == "don't"), "{told:?}");
    let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert!(!text.contains("alice") && !text.contains("bob") && !text.contains("carol"), "{text}");
}

#[test]
fn what_is_old_or_too_much_is_let_go_and_numbers_go_on() {
    let day = SignedDuration::from_hours(24);
    let write = |folder: &Path, lines: &[Line]| {
        let text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
        std::fs::write(folder.join(FILE), text + "{\"torn").unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    let old = Line::Miss(miss(1, "old", now() - 8 * day, None));
    let young = Line::Miss(miss(2, "young", now() - 2 * day, None));
    let sequel = |id| Line::Sequel(Sequel { id, meant: "vm.pause".to_owned() });
    write(folder.path(), &[old, young, sequel(1), sequel(2)]);
    let misses = Misses::open(folder.path(), 7 * day, now(), &book());
    let left = read(folder.path()).unwrap();
    assert_eq!(left, [miss(2, "young", now() - 2 * day, Some("vm.pause"))]);
    say(&misses, "alice", "new", &unknown(), now());
    assert_eq!(read(folder.path()).unwrap().last().map(|miss| miss.id), Some(3));
    // While the agent runs, too.
    say(&misses, "alice", "newer", &unknown(), now() + 6 * day);
    let texts: Vec<String> = read(folder.path()).unwrap().into_iter().map(|miss| miss.text).collect();
    assert_eq!(texts, ["new", "newer"]);

    let many: Vec<Line> = (1..12_000).map(|id| Line::Miss(miss(id, "the same again", now(), None))).collect();
    write(folder.path(), &many);
    let grown = std::fs::metadata(folder.path().join(FILE)).unwrap().len();
    let misses = Misses::open(folder.path(), 7 * day, now(), &book());
    say(&misses, "alice", "one more", &unknown(), now());
    let size = std::fs::metadata(folder.path().join(FILE)).unwrap().len();
    assert!(grown > MOST_BYTES && size <= MOST_BYTES / 2 + 1_000, "{grown} {size}");
    assert_eq!(read(folder.path()).unwrap().last().map(|miss| miss.text.clone()).as_deref(), Some("one more"));
}

#[test]
fn trouble_with_the_file_is_nobodys_trouble() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(FILE)).unwrap();
    let misses = Misses::open(folder.path(), SignedDuration::from_hours(1), now(), &book());
    say(&misses, "alice", "frobnicate", &unknown(), now());
    assert!(misses.inner.lock().complained);
}

#[test]
fn the_list_groups_by_meaning_and_its_lines_are_corpus() {
    let listed = report(
        &[
            miss(1, "Kick <machine>!", now(), Some("vm.reboot")),
            miss(2, "kick <machine>", now(), Some("vm.reboot")),
            miss(3, "tell <somebody> [sic]", now(), Some("contact.list")),
            miss(4, "frobnicate", now(), None),
        ],
        &book(),
        &crate::nlu::corpus(),
    );
    let wanted = "\
// corpus/en/contact.txt
# contact.list
// once, last 2026-11-21
+ tell bob (sic)

// corpus/en/vm_power.txt
# vm.reboot
// 2 times, last 2026-11-21
+ kick [web1](machine)

// en: nobody said what was meant
// once, not understood, vm.reboot 0.31: frobnicate

";
    assert_eq!(listed, wanted);
    let read = grammar::corpus::parse("misses", &listed).unwrap();
    assert_eq!(read.skills.len(), 2);
}
