//! `atoll converse`: the contract of its lines, and that it is the bot itself that talks.

use std::fs;
use std::path::Path;

use agent::measure::converse::judge::{self, Measured};
use agent::measure::converse::{Asked, batch};
use tests::transcript::nlu;

const WORLD: &str = r#"{"world": {"now": "2026-11-28T12:00:00Z", "hosts": [{"name": "hv1", "machines": [
    {"name": "web1", "state": "running", "memory": "128 MiB", "cpus": 1, "disks": [{"target": "vda", "volume": "web1.qcow2", "size": "1 GiB"}],
     "snapshots": [{"name": "nightly"}], "title": null},
    {"name": "twin", "state": "off", "memory": "1 GiB", "cpus": 2}]},
    {"name": "hv2", "machines": [{"name": "twin", "state": "off", "memory": "1 GiB", "cpus": 2}]}],
    "people": [{"name": "alice", "role": "admin"}, {"name": "bob", "role": "viewer"}], "room": "ops"}}"#;

fn talk(turns: &str) -> Result<Vec<serde_json::Value>, String> {
    talk_in(WORLD, turns)
}

fn talk_in(world: &str, turns: &str) -> Result<Vec<serde_json::Value>, String> {
    let text = format!("{}\n{turns}", world.replace('\n', " "));
    let mut out = Vec::new();
    let result = batch(nlu(), text.as_bytes(), &mut out);
    let said = String::from_utf8(out).expect("UTF-8");
    result.map_err(|error| error.to_string())?;
    Ok(said.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect())
}

fn one(turn: &str) -> serde_json::Value {
    talk(turn).expect("it is understood").pop().expect("a line")
}

#[test]
fn each_turn_says_what_was_answered_done_and_asked() {
    let told = one(r#"{"to": "web1", "text": "take a snapshot called early"}"#);
    let applied = serde_json::json!([{"skill": "snapshot.create", "machines": ["web1"], "slots": {"name": "early"}}]);
    assert_eq!(
        (&told["applied"], &told["asked"], &told["open"]),
        (&applied, &serde_json::Value::Null, &serde_json::Value::Null)
    );
    assert!(told["replies"][0].as_str().is_some_and(|said| said.contains("early")), "{told}");
    let told = talk(
        "{\"to\": \"web1\", \"text\": \"pull the plug\"}\n{\"to\": \"web1\", \"text\": \"web1\", \"after\": \"30s\"}",
    );
    let told = told.expect("both");
    assert_eq!((&told[0]["asked"], &told[0]["applied"]), (&"type".into(), &serde_json::json!([])));
    assert!(told[0]["open"].as_str().is_some_and(|open| open.contains("web1")), "{told:?}");
    assert_eq!(told[1]["applied"][0]["skill"], "vm.force_off");
    // Undone is said as such; of two of a name the host is said too.
    let told = talk(
        "{\"to\": \"twin@hv2\", \"text\": \"start\"}\n{\"to\": \"twin@hv2\", \"text\": \"undo\"}\n{\"to\": \"twin@hv2\", \"text\": \"yes\"}",
    );
    let told = told.expect("three");
    assert_eq!(told[0]["applied"], serde_json::json!([{"skill": "vm.start", "machines": ["twin@hv2"], "slots": {}}]));
    assert_eq!(told[2]["applied"], serde_json::json!([{"skill": "talk.undo", "machines": ["twin@hv2"], "slots": {}}]));
}

#[test]
fn in_the_room_only_who_is_addressed_answers_and_by_the_right_of_who_speaks() {
    let told = one(r#"{"to": "room", "text": "lunch anybody?"}"#);
    assert_eq!(told, serde_json::json!({"replies": [], "applied": [], "asked": null, "open": null}));
    let told = one(r#"{"to": "room", "text": "web1: pause", "who": "bob"}"#);
    assert_eq!(told["applied"], serde_json::json!([]), "a viewer: {told}");
    // Without a colon what follows the name has to be a wish.
    for talk in [
        "web1 is slow today",
        "web1 was rebooted by bob",
        "hv1 is down again",
        "web1 restart went fine",
        "twin start failed",
    ] {
        let told = one(&serde_json::json!({"to": "room", "text": talk}).to_string());
        assert_eq!(told["replies"], serde_json::json!([]), "{talk}");
    }
    for wish in ["web1 status?", "hv1 list", "web1 redémarre", "hv1 restart web1", "web1 is it running?"] {
        let told = one(&serde_json::json!({"to": "room", "text": wish}).to_string());
        assert_ne!(told["replies"], serde_json::json!([]), "{wish}");
    }
    let told = one(r#"{"to": "room", "text": "web1: pause"}"#);
    assert_eq!(told["applied"][0]["machines"], serde_json::json!(["web1"]));
}

#[test]
fn what_is_no_line_is_named_and_what_went_before_stays_answered() {
    for (turn, why) in [
        (r#"{"to": "web9", "text": "hi"}"#, "line 2: `to`: web9"),
        (r#"{"to": "web1", "text": "hi", "who": "carol"}"#, "line 2: `who`: nobody is called carol"),
        (r#"{"to": "web1", "text": "hi", "tone": "sad"}"#, "line 2: unknown field `tone`"),
        ("{", "line 2: "),
    ] {
        let said = talk(turn).expect_err(turn);
        assert!(said.starts_with(why), "{turn}: {said}");
    }
    let mut out = Vec::new();
    let said = batch(nlu(), &br#"{"to": "web1", "text": "hi"}"#[..], &mut out).expect_err("no world").to_string();
    assert!(said.starts_with("line 1: "), "{said}");
}

#[test]
fn what_is_asked_has_four_kinds() {
    let kinds = [Asked::Confirm, Asked::Type, Asked::Slot, Asked::Choose];
    let words: Vec<String> = kinds.iter().map(|kind| serde_json::to_string(kind).expect("a word")).collect();
    assert_eq!(words, ["\"confirm\"", "\"type\"", "\"slot\"", "\"choose\""]);
    let asks = |turn: &str| one(turn)["asked"].clone();
    assert_eq!(asks(r#"{"to": "hv1", "text": "shut down web1 and twin"}"#), serde_json::Value::Null);
    assert_eq!(asks(r#"{"to": "web1", "text": "create a new disk"}"#), "slot");
    assert_eq!(asks(r#"{"to": "desk", "text": "start twin"}"#), "choose");
}
/// The conversations in the repository can all be held, and nothing is done in any that nobody wanted.
#[test]
fn in_no_conversation_is_anything_done_that_nobody_wanted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations");
    assert!(fs::read_dir(&folder).expect("there are some").count() > 1);
    let measured: Measured = judge::measure(nlu(), &folder).expect("all can be held");
    let bad: Vec<_> = measured.wrong.iter().filter(|wrong| wrong.verdict == judge::Verdict::Dangerous).collect();
    assert!(bad.is_empty(), "{} dangerous: {bad:#?}", bad.len());
}

#[test]
fn in_the_room_a_yes_is_asked_for_once_more_where_somebody_else_spoke_up_meanwhile() {
    let world = WORLD
        .replace(r#""role": "viewer""#, r#""role": "admin""#)
        .replace(r#""state": "off""#, r#""state": "running""#);
    let say = |who: &str, text: &str| serde_json::json!({"to": "room", "who": who, "text": text}).to_string();
    let turns = [
        say("alice", "hv1: stop web1 and twin"),
        say("bob", "hv1: no, not web1"),
        say("alice", "hv1: yes"),
        say("alice", "hv1: yes"),
    ];
    let told = talk_in(&world, &turns.join("\n")).expect("it is understood");
    assert_eq!(told[0]["asked"], "confirm");
    // Whose plan it is decides; who only objects is not told that it won't be done.
    assert_eq!(told[1]["applied"], serde_json::json!([]));
    assert!(!told[1]["replies"][0].as_str().expect("an answer").contains("Nothing was changed"), "{}", told[1]);
    assert_eq!((&told[2]["asked"], &told[2]["applied"]), (&"confirm".into(), &serde_json::json!([])));
    assert_eq!(told[3]["applied"][0]["machines"], serde_json::json!(["web1", "twin@hv1"]), "{}", told[3]);
}
