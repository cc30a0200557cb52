//! The store's folder: one process at a time, and a journal that goes on from what is whole, whatever became of it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use agent::state::journal::{Entry, Journal, Told, What};
use agent::state::lock::StoreLock;
use jiff::Timestamp;
use tests::guest::wait_for;
use tests::servers::atoll::{Atoll, command};
use tests::servers::person::PATIENCE;

use crate::world::{DB1, DESK, HV1, WEB1, World};

fn journal(atoll: &Atoll) -> Vec<u8> {
    fs::read(atoll.journal_file()).expect("a journal")
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn a_second_process_on_the_store_is_refused_in_words_before_it_touches_anything() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "pause", "web1 is paused.");
    let config = world.atoll.config().display().to_string();
    let before = journal(&world.atoll);
    for arguments in [&["chat", "--config", &config, "--say", "list"][..], &["run", "--config", &config]] {
        let (code, said) = command(arguments, "");
        assert_eq!(code, 5, "{said}");
        let holder = format!("in use by `atoll run`, process {}, since 20", world.atoll.pid());
        assert!(said.contains(&holder) && said.contains("over XMPP") && said.contains("atoll chat --uri"), "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("atoll: ")).count(), 1, "{said}");
    }
    assert_eq!(journal(&world.atoll), before);
    // Who only looks needs no lock.
    let (code, said) = world.atoll.doctor();
    assert!(code == 0 && said.contains("in use by `atoll run`"), "{code}: {said}");
    assert_eq!(command(&["misses", "--config", &config], "").0, 0);
    // The lock of a process that was killed is none.
    world.atoll.kill();
    world.atoll.start();
    alice.ask(WEB1, "status", "web1 is running.");
    world.atoll.stop();
    let (code, said) = command(&["chat", "--config", &config, "web1", "--say", "status"], "");
    assert_eq!((code, said.as_str()), (0, "web1: web1 is running.\n"));
}

#[test]
fn the_store_is_for_the_agent_alone_also_one_of_before() {
    let mut world = World::start();
    world.atoll.stop();
    let (store, journal) = (world.atoll.store(), world.atoll.journal_file());
    assert_eq!((mode(&store), mode(&journal)), (0o700, 0o600));
    for (path, open) in [(&store, 0o755), (&journal, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(open)).expect("opened up");
    }
    world.atoll.start();
    assert_eq!((mode(&store), mode(&journal)), (0o700, 0o600));
    assert!(world.atoll.log().contains("was open to others and is not any more"), "{}", world.atoll.log());
}

#[test]
fn the_end_of_an_op_is_journaled_with_its_own_time() {
    let world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "pause", "web1 is paused.");
    let lines = world.atoll.journal();
    let begun = lines.iter().find(|line| matches!(line.entry, Entry::Before { .. })).expect("it was begun");
    let ended = lines.iter().find(|line| matches!(line.entry, Entry::After { .. })).expect("it ended");
    assert!(ended.at > begun.at, "{lines:?}");
}

#[test]
fn a_journal_cut_by_a_power_cut_is_gone_on_with_and_admins_are_told() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "pause", "web1 is paused.");
    world.atoll.kill();
    let torn = [b"{\"seq\":99,\"at\":\"2026-".to_vec(), vec![0; 700]].concat();
    let mut file = fs::OpenOptions::new().append(true).open(world.atoll.journal_file()).expect("a journal");
    file.write_all(&torn).expect("torn");
    alice.forget();
    world.atoll.start();
    let told = alice.hear(DESK, "The end of my journal was not written whole");
    let name = told.split_whitespace().find(|word| word.starts_with("journal.damaged-")).expect("where it is kept");
    let aside = fs::read(world.atoll.store().join(name.trim_end_matches('.'))).expect("it is kept");
    assert_eq!(aside.strip_suffix(b"\n"), Some(torn.as_slice()));
    // Contacts are there, and ops go on. (The test driver begins anew with each connection.)
    assert_eq!(alice.see(WEB1, "online"), "running");
    alice.ask(WEB1, "pause", "web1 is paused.");
    let health = alice.ask(HV1, "check yourself", "things I checked");
    assert!(health.contains("journal"), "{health}");
    // At the next start it is no news.
    world.atoll.stop();
    alice.forget();
    world.atoll.start();
    alice.ask(DESK, "check yourself", "things I checked are fine");
    assert_eq!(alice.heard(DESK, "journal was not written whole"), 0, "{}", alice.inbox());
    let (code, said) = world.atoll.doctor();
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_journal_that_somebody_changed_is_told_as_an_alarm_and_gone_on_with() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "pause", "web1 is paused.");
    world.atoll.stop();
    let text = String::from_utf8(journal(&world.atoll)).expect("text");
    let number = 1 + text.lines().position(|line| line.contains("\"kind\":\"before\"")).expect("the op's line");
    let changed = text.lines().enumerate().map(|(index, line)| match index + 1 == number {
        true => line.replace("alice@localhost", "bob@localhost") + "\n",
        false => format!("{line}\n"),
    });
    fs::write(world.atoll.journal_file(), changed.collect::<String>()).expect("changed");
    let place = format!("line {number} was changed after it was written");
    let (code, said) = world.atoll.doctor();
    assert!(
        code == 1 && said.contains("FAIL store") && said.contains("journal.jsonl") && said.contains(&place),
        "{said}"
    );
    alice.forget();
    world.atoll.start();
    alice.hear(DESK, &format!("Line {number} of my journal was changed after I wrote it."));
    alice.ask(WEB1, "pause", "web1 is paused.");
    // It stays an alarm.
    world.atoll.stop();
    world.atoll.start();
    let health = alice.ask(DESK, "check yourself", "things I checked");
    assert!(health.contains(&format!("Line {number} of my journal was changed")), "{health}");
    let (code, said) = world.atoll.doctor();
    assert!(code == 1 && said.contains(&place), "{said}");
    // Until whoever runs it has looked at it, which takes the agent to be stopped.
    let config = world.atoll.config().display().to_string();
    let accept = ["journal", "accept", "--config", &config];
    assert_eq!(command(&accept, "").0, 5);
    world.atoll.stop();
    let (code, said) = command(&accept, "");
    assert!(code == 0 && said.contains(&place) && said.contains("accepted"), "{code}: {said}");
    let (code, said) = world.atoll.doctor();
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_journal_deleted_while_running_is_put_back_and_told() {
    let world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    let before = journal(&world.atoll);
    fs::remove_file(world.atoll.journal_file()).expect("deleted");
    alice.hear(DESK, "My journal was deleted while I was running. I have put it back");
    assert!(journal(&world.atoll).starts_with(&before));
    fs::remove_file(world.atoll.journal_file()).expect("deleted");
    alice.ask(WEB1, "pause", "web1 is paused.");
    assert_eq!(world.atoll.begun().len(), 1, "not written into the deleted file");
}

#[test]
fn a_journal_cut_short_while_running_is_told() {
    let world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    let file = fs::OpenOptions::new().write(true).open(world.atoll.journal_file()).expect("a journal");
    file.set_len(journal(&world.atoll).len() as u64 / 2).expect("cut short");
    alice.hear(DESK, "My journal was cut short while I was running");
    alice.ask(WEB1, "pause", "web1 is paused.");
}

#[test]
fn a_kill_at_any_moment_leaves_a_journal_that_holds() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    for round in 0..4 {
        // Somewhere in the middle of these.
        for _ in 0..10 {
            alice.say(WEB1, "pause");
            alice.say(WEB1, "resume");
        }
        if round % 2 == 0 {
            alice.hear(WEB1, "web1 is paused.");
        }
        world.atoll.kill();
        let verified = Journal::verify(&world.atoll.store()).expect("it can be read").expect("it is there");
        assert!(verified.damages.iter().all(|(damage, _)| damage.what == What::Torn), "{:?}", verified.damages);
        world.atoll.start();
        let again = Journal::verify(&world.atoll.store()).expect("it can be read").expect("it is there");
        assert!(again.damages.is_empty() && again.lines >= verified.lines, "{again:?}");
        alice.ask(WEB1, "status", "web1 is ");
        alice.forget();
    }
}

/// A journal longer than any other file of the store, so that a limit of size meets it alone.
fn fill(atoll: &Atoll) {
    let lock = StoreLock::take(&atoll.store(), "test").expect("free");
    let told = |index: usize| Told {
        at: Timestamp::UNIX_EPOCH,
        actor: None,
        verb: "event.started".to_owned(),
        about: format!("old{index}"),
        text: "x".repeat(2_000),
        phrase: None,
    };
    let journal = Journal::open(&lock, None).expect("opens").journal;
    let lines = (0..4_000).map(|index| Entry::Told(told(index))).collect();
    journal.write_all(Timestamp::now(), lines, true).expect("written");
}

#[test]
fn a_start_on_a_full_disk_stands_and_loses_nothing() {
    let mut world = World::prepare(&[("web1", true)], "");
    fill(&world.atoll);
    world.atoll.start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "pull the plug", "Type web1 to go on.");
    world.atoll.kill();
    // And a line that was cut.
    let kept = [journal(&world.atoll), b"{\"seq\":".to_vec()].concat();
    fs::write(world.atoll.journal_file(), &kept).expect("torn");
    world.atoll.largest_file(Some(kept.len() as u64));
    world.atoll.start();
    alice.hear(DESK, "so I change nothing until I can.");
    // Somebody else: alice's own question is still open.
    world.person("bob").ask(WEB1, "pause", "I can't write my journal, so I change nothing now.");
    world.atoll.kill();
    world.atoll.largest_file(None);
    alice.forget();
    world.atoll.start();
    // Contacts, the open question and all lines are there.
    assert_eq!(alice.see(WEB1, "online"), "running");
    alice.ask(WEB1, "web1", "its power was cut");
    world.atoll.stop();
    let verified = Journal::verify(&world.atoll.store()).expect("it can be read").expect("it is there");
    assert_eq!(verified.damages, []);
}

#[test]
fn a_full_disk_refuses_changes_and_all_goes_on_when_there_is_room_again() {
    let mut world = World::prepare(&[("web1", true), ("db1", false)], "");
    fill(&world.atoll);
    world.atoll.start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    let limit = |most: &str| {
        let pid = world.atoll.pid().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={most}:unlimited")]).status();
        assert!(done.expect("prlimit (util-linux) is there").success());
    };
    let whole = journal(&world.atoll);
    limit(&(whole.len() + 100).to_string());
    alice.ask(WEB1, "pause", "I can't write my journal, so I change nothing now.");
    alice.hear(DESK, "so I change nothing until I can.");
    alice.ask(WEB1, "status", "web1 is running.");
    // It is tried again and again meanwhile.
    wait_for("no part of a line to stay", PATIENCE, || journal(&world.atoll) == whole).expect("nothing of it stays");
    limit("unlimited");
    alice.hear(DESK, "I can write my journal again");
    alice.ask(WEB1, "pause", "web1 is paused.");
    alice.ask(DB1, "start", "db1 is starting.");
    world.atoll.stop();
    let verified = Journal::verify(&world.atoll.store()).expect("it can be read").expect("it is there");
    assert_eq!(verified.damages, []);
    alice.forget();
    world.atoll.start();
    assert_eq!(alice.see(WEB1, "online"), "running", "contacts are kept");
}
