//! The command line as whoever types it meets it: what can't be is said, what takes its time shows it, and what is for programs is clean.

use std::process::{Command, Stdio};

use agent::state::journal::{Entry, Journal, Table};
use agent::state::lock::StoreLock;
use serde_json::Value;
use tests::guest::wait_for;
use tests::servers::atoll::{binary, command, trained};
use tests::servers::person::PATIENCE;

use crate::world::{TestDriver, WEB1, World};

/// Standard output and standard error apart, and the exit code.
fn apart(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let output = Command::new(binary())
        .args(arguments)
        .envs(environment.iter().copied())
        .env_remove("NO_COLOR")
        .env("ATOLL_TRAINED_DIR", trained())
        .stdin(Stdio::null())
        .output()
        .expect("atoll can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_host_that_cannot_be_reached_is_said_with_its_reason_and_exit_code_3() {
    let (code, out, err) = apart(&["chat", "--uri", "qemu:///nowhere", "--say", "list"], &[]);
    assert_eq!((code, out.as_str()), (3, ""), "{err}");
    assert!(err.starts_with("atoll: hv1 at qemu:///nowhere can't be reached: "), "{err}");
    assert!(err.trim_end().ends_with(|last: char| last != ':') && err.len() > 60, "why: {err}");
    // One of two: the other is talked to, and the missing one is mentioned.
    let world = World::prepare(&[("web1", true)], "[[hypervisor]]\nname = \"hv2\"\nuri = \"qemu:///nowhere\"\n");
    let config = world.atoll.config().display().to_string();
    let (code, out, err) = apart(&["chat", "--config", &config, "web1", "--say", "status"], &[]);
    assert_eq!((code, out.as_str()), (0, "web1: web1 is running.\n"), "{err}");
    assert!(err.contains("hv2 at qemu:///nowhere can't be reached") && err.contains("going on without"), "{err}");
}

#[test]
fn what_learns_says_so_on_standard_error_and_only_once() {
    let (folder, host) = (tempfile::tempdir().expect("a folder"), TestDriver::new(&[("web1", true)]));
    let trained = folder.path().join("trained").display().to_string();
    let (code, out, err) = apart(&["explain", "reboot", "--model", "none", "--trained", &trained], &[]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(serde_json::from_str::<Value>(&out).expect("nothing but JSON")["skill"], "vm.reboot");
    assert!(err.contains("atoll: learning from ") && err.contains("atoll: learnt in "), "{err}");
    let again = ["chat", "--uri", &host.uri(), "--model", "none", "--trained", &trained, "web1", "--say", "status"];
    assert_eq!(apart(&again, &[]), (0, "web1: web1 is running.\n".to_owned(), String::new()));
    let other = folder.path().join("other").display().to_string();
    let fresh = ["chat", "--uri", &host.uri(), "--model", "none", "--trained", &other, "web1", "--say", "status"];
    let (code, out, err) = apart(&fresh, &[]);
    assert_eq!((code, out.as_str()), (0, "web1: web1 is running.\n"), "{err}");
    assert!(err.contains("atoll: learning from "), "{err}");
}

#[test]
fn a_language_that_there_is_not_is_refused_with_those_there_are() {
    let (code, said) = command(&["evaluate", "--model", "none", "--language", "tlh"], "");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("tlh") && said.contains("known: en, fr"), "{said}");
}

#[test]
fn logs_that_go_to_a_file_have_no_escape_codes() {
    let host = TestDriver::new(&[("web1", true)]);
    let say = ["chat", "--uri", &host.uri(), "web1", "--say", "status"];
    let (code, _, err) = apart(&say, &[("ATOLL_LOG", "info")]);
    assert!(code == 0 && err.contains("INFO") && !err.contains('\x1b'), "{code}: {err}");
    let (_, _, err) = apart(&["run", "--config", "/nowhere/atoll.toml"], &[("ATOLL_LOG", "trace")]);
    assert!(!err.contains('\x1b'), "{err}");
}

#[test]
fn shells_get_completions_and_readers_manual_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, err) = apart(&["completions", shell], &[]);
        assert_eq!((code, err.as_str()), (0, ""), "{shell}");
        assert!(["doctor", "explain", "uri"].iter().all(|word| out.contains(word)), "{shell}: {out}");
    }
    // Bash reads it and finds the verbs.
    let script = format!(
        "source <({} completions bash); COMP_WORDS=(atoll do); COMP_CWORD=1; _atoll atoll do atoll; echo \"${{COMPREPLY[@]}}\"",
        binary().display()
    );
    let found = Command::new("bash").args(["-c", &script]).output().expect("bash is there");
    assert_eq!(String::from_utf8_lossy(&found.stdout).trim(), "doctor", "{found:?}");

    let (code, out, err) = apart(&["man"], &[]);
    assert!(code == 0 && out.contains(".TH atoll 1") && out.contains("Exit codes: 2 "), "{out}{err}");
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    assert_eq!(apart(&["man", "--out", &pages.display().to_string()], &[]).0, 0);
    for page in
        ["atoll.1", "atoll-run.1", "atoll-chat.1", "atoll-doctor.1", "atoll-journal-verify.1", "atoll-journal-show.1"]
    {
        assert!(pages.join(page).is_file(), "{page}");
    }
}

#[test]
fn help_is_a_verb_and_knows_each_of_them() {
    let (code, out, _) = apart(&["help"], &[]);
    assert_eq!(code, 0);
    for verb in
        ["run", "chat", "explain", "init", "doctor", "journal", "misses", "train", "evaluate", "completions", "man"]
    {
        assert!(out.lines().any(|line| line.trim_start().starts_with(verb)), "{verb} in {out}");
        let (code, of_verb, err) = apart(&["help", verb], &[]);
        assert!(code == 0 && of_verb.contains(&format!("Usage: atoll {verb}")), "{of_verb}{err}");
    }
    let (code, _, err) = apart(&["doktor"], &[]);
    assert!(code == 2 && err.contains("doctor"), "{err}");
    assert_eq!(apart(&["explain"], &[]).0, 2, "nothing to explain");
}

#[test]
fn the_doctor_speaks_json_to_programs() {
    let world = World::prepare(&[("web1", true)], "");
    let config = world.atoll.config().display().to_string();
    let (code, out, err) = apart(&["doctor", "--json", "--config", &config], &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let legs: Value = serde_json::from_str(&out).expect("JSON");
    let names: Vec<&str> = legs.as_array().expect("a list").iter().filter_map(|leg| leg["leg"].as_str()).collect();
    assert_eq!(names, ["config", "store", "model", "clock", "libvirt", "events", "xmpp", "delivery"]);
    assert!(legs.as_array().expect("a list").iter().all(|leg| leg["ok"] == true && leg["detail"].is_string()), "{out}");
    world.atoll.reconfigure("uri = \"test://", "uri = \"tset://");
    let (code, out, _) = apart(&["doctor", "--json", "--config", &config], &[]);
    let legs: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, 3);
    assert_eq!((&legs[4]["leg"], &legs[4]["ok"]), (&"libvirt".into(), &false.into()));
    assert!(legs[4]["detail"].as_str().is_some_and(|why| why.contains("tset://")), "{out}");
}

#[test]
fn who_only_looks_leaves_nothing_in_the_stores_folder() {
    let world = World::prepare(&[("web1", true)], "");
    let config = world.atoll.config().display().to_string();
    for verb in [
        &["doctor", "--config", &config][..],
        &["misses", "--config", &config],
        &["journal", "verify", "--config", &config],
        &["journal", "show", "--config", &config],
        &["journal", "show", "--facts", "--config", &config],
    ] {
        assert_eq!(apart(verb, &[]).0, 0, "{verb:?}");
        assert!(!world.atoll.store().exists(), "{verb:?}");
    }
}

#[test]
fn the_journal_is_verified_beside_a_running_agent() {
    let mut world = World::start();
    let config = world.atoll.config().display().to_string();
    let (code, out, err) = apart(&["journal", "verify", "--config", &config], &[]);
    assert!(code == 0 && out.contains("the chain holds"), "{out}{err}");
    world.atoll.stop();
    let text = std::fs::read_to_string(world.atoll.journal_file()).expect("a journal");
    std::fs::write(world.atoll.journal_file(), text.replacen("kind", "kinb", 1)).expect("changed");
    let (code, out, err) = apart(&["journal", "verify", "--config", &config], &[]);
    assert!(code == 1 && out.contains("line 1 was changed"), "{out}{err}");
}

/// What `atoll journal show` prints, each line without its time.
fn shown(config: &str, asked: &[&str]) -> Vec<String> {
    let (code, out, err) = apart(&[&["journal", "show", "--config", config], asked].concat(), &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    out.lines().map(|line| line.get("2026-11-28 14:03:12  ".len()..).expect("a time first").to_owned()).collect()
}

#[test]
fn the_journal_is_shown_beside_a_running_agent_with_who_did_what_and_how_it_ended() {
    let world = World::start();
    let config = world.atoll.config().display().to_string();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "pause", "web1 is paused.");
    let all = shown(&config, &[]);
    let op = "alice@localhost  web1  vm.pause: pause, done".to_owned();
    assert!(all.contains(&op) && all.contains(&"alice  web1  alice has just paused web1.".to_owned()), "{all:#?}");
    assert!(all.iter().any(|line| line.starts_with("-  -  contact alice@localhost|web1: nothing → ")), "{all:#?}");
    assert!(all.contains(&"-  -  contact alice@localhost|web1: seen asked → yes".to_owned()), "{all:#?}");
    for (asked, there) in [
        (&["--machine", "web1"][..], true),
        (&["--machine", "db1"], false),
        (&["--who", "alice"], true),
        (&["--who", "bob"], false),
        (&["--since", "1h"], true),
        (&["--since", "2999-01-01"], false),
    ] {
        let some = shown(&config, asked);
        assert_eq!(some.contains(&op), there, "{asked:?}: {some:#?}");
        assert!(some.iter().all(|line| all.contains(line)) && some.len() < all.len() || asked == ["--since", "1h"]);
    }
    // For programs, one object a line.
    let (code, out, _) = apart(&["journal", "show", "--json", "--machine", "web1", "--config", &config], &[]);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let done = rows.iter().find(|row| row["kind"] == "op").expect("the op");
    assert_eq!(code, 0);
    assert_eq!(
        (&done["who"], &done["outcome"], &done["op"]["op"]),
        (&"alice@localhost".into(), &"done".into(), &"pause".into())
    );
    // What holds now.
    let holds = shown(&config, &["--facts", "--who", "alice@localhost"]);
    assert!(
        holds.iter().any(|line| line.starts_with("contact  alice@localhost|web1  entity \"web1\", ")),
        "{holds:#?}"
    );
    let (_, out, _) = apart(&["journal", "show", "--facts", "--json", "--config", &config], &[]);
    let facts: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(facts.iter().any(|fact| fact["sort"] == "address" && fact["key"] == "web1" && fact["since"].is_string()));
    // Times are those of the configuration's zone.
    let text = std::fs::read_to_string(world.atoll.config()).expect("a configuration");
    world.atoll.configure(&format!("time_zone = \"Asia/Kolkata\"\n{text}"));
    let first =
        |json: &str| apart(&["journal", "show", "--config", &config, json], &[]).1.lines().next().map(str::to_owned);
    let at: jiff::Timestamp = serde_json::from_str::<Value>(&first("--json").expect("a line")).expect("JSON")["at"]
        .as_str()
        .and_then(|at| at.parse().ok())
        .expect("a time");
    let local = at.in_tz("Asia/Kolkata").expect("a zone").strftime("%Y-%m-%d %H:%M:%S").to_string();
    assert!(first("--since=999d").is_some_and(|line| line.starts_with(&local)), "{local}");
    let (code, _, err) = apart(&["journal", "show", "--since", "yesterday", "--config", &config], &[]);
    assert!(code == 2 && err.contains("2h, 7d or 2w") && err.contains("2026-11-28"), "{err}");
}

#[test]
fn who_reads_only_the_beginning_of_the_journal_is_no_failure() {
    let world = World::prepare(&[("web1", true)], "");
    long_journal(&world, 20_000);
    let config = world.atoll.config().display().to_string();
    let script = format!("set -o pipefail; {} journal show --config {config} | head -n 1", binary().display());
    let done = Command::new("bash").args(["-c", &script]).output().expect("bash is there");
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    assert_eq!(String::from_utf8_lossy(&done.stdout).lines().count(), 1);
}

/// Twice as many facts as half of them are about, all of long ago.
fn long_journal(world: &World, facts: u64) -> Table {
    let lock = StoreLock::take(&world.atoll.store(), "test").expect("nobody else is there");
    let journal = Journal::open(&lock, None).expect("a journal").journal;
    let entries = (0..facts).map(|n| Entry::fact("language", &format!("p{}@example.org", n % (facts / 2)), n.into()));
    journal.write_all("2020-01-01T00:00:00Z".parse().expect("a time"), entries.collect(), true).expect("written");
    drop(journal);
    Journal::facts(&world.atoll.store()).expect("it can be read")
}

#[test]
fn the_journal_is_compacted_while_no_agent_runs_and_whenever_it_is_killed_what_holds_is_kept() {
    let mut world = World::prepare(&[("web1", true)], "");
    let config = world.atoll.config().display().to_string();
    let held = long_journal(&world, 20_000);
    let facts = || Journal::facts(&world.atoll.store()).expect("it can be read");
    let compact = ["journal", "compact", "--keep", "30d", "--config", &config];
    // The configuration keeps everything.
    let (code, out, _) = apart(&["journal", "compact", "--config", &config], &[]);
    assert!(code == 0 && out.contains("every line is kept") && out.lines().count() == 1, "{out}");
    let whole = std::fs::read(world.atoll.journal_file()).expect("a journal");
    let begun = std::time::Instant::now();
    let (code, out, err) = apart(&compact, &[]);
    let takes = begun.elapsed();
    assert_eq!((code, err.as_str(), out.lines().count()), (0, "", 1), "{out}");
    assert!(out.contains("20000 lines let go, 10000 facts of them written anew"), "{out}");
    assert_eq!(facts(), held);
    let (_, out, _) = apart(&compact, &[]);
    assert!(out.contains("nothing is older than is kept"), "{out}");
    // Killed at twenty moments of it.
    for moment in 0..20 {
        std::fs::write(world.atoll.journal_file(), &whole).expect("as it was");
        let mut child =
            Command::new(binary()).args(compact).stdout(Stdio::null()).spawn().expect("atoll can be started");
        let end = std::time::Instant::now() + takes * moment / 20;
        let _ = wait_for("the moment", PATIENCE, || std::time::Instant::now() >= end);
        let _ = child.kill();
        let _ = child.wait();
        assert_eq!(facts(), held, "killed after {moment} twentieths of {takes:?}");
        let (code, out, _) = apart(&["journal", "verify", "--config", &config], &[]);
        assert!(code == 0 && out.contains("the chain holds"), "{out}");
    }
    // An agent that runs is not disturbed.
    world.atoll.start();
    let before = std::fs::read(world.atoll.journal_file()).expect("a journal");
    let (code, out, err) = apart(&compact, &[]);
    assert_eq!((code, out.as_str(), err.lines().count()), (5, "", 1), "{err}");
    assert!(err.contains("can't be compacted while `atoll run`, process ") && err.contains("end that first"), "{err}");
    assert_eq!(std::fs::read(world.atoll.journal_file()).expect("a journal")[..before.len()], before);
}
