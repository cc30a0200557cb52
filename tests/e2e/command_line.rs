//! The command line as whoever types it meets it: what can't be is said, what takes its time shows it, and what is for programs is clean.

use std::process::{Command, Stdio};

use serde_json::Value;
use tests::servers::atoll::{binary, command, trained};

use crate::world::{TestDriver, World};

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
    for page in ["atoll.1", "atoll-run.1", "atoll-chat.1", "atoll-doctor.1", "atoll-journal-verify.1"] {
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
