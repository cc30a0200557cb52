//! Who is answered, and what they may do.

use tests::servers::person::Person;

use crate::world::{DB1, DESK, HV1, WEB1, World};

#[test]
fn a_stranger_is_refused_once_and_then_met_with_silence() {
    let world = World::start();
    let (mut alice, mut mallory) = (world.person("alice"), world.person("mallory"));
    mallory.say(WEB1, "status");
    assert!(mallory.hear(WEB1, "I don't know you").contains("vms.localhost"));
    for (to, text) in [(WEB1, "status"), (WEB1, "shut down"), (DB1, "start"), (HV1, "help")] {
        mallory.say(to, text);
    }
    mallory.subscribe(WEB1);
    mallory.wait("the refusal", |event| event["type"] == "unsubscribed");
    // Whatever was said to mallory before this was said.
    alice.ask(WEB1, "status", "web1 is running.");
    alice.say("mallory@localhost", "still there?");
    mallory.hear("alice@localhost", "still there?");
    assert_eq!(
        mallory.count(|event| event["kind"] == "message" && event["body"] != ""),
        0,
        "silence: {}",
        mallory.inbox()
    );
    assert_eq!(world.atoll.begun(), []);
}

#[test]
fn a_viewer_looks_an_operator_runs_and_an_admin_pulls_the_plug() {
    let world = World::start();
    let (mut victor, mut otto, mut alice) = (world.person("victor"), world.person("otto"), world.person("alice"));
    victor.ask(WEB1, "status", "web1 is running.");
    assert!(victor.ask(WEB1, "shut down", "You may not do that").contains("operator"));
    otto.ask(WEB1, "pause", "web1 is paused.");
    otto.ask(WEB1, "resume", "web1 goes on.");
    assert!(otto.ask(WEB1, "pull the plug", "You may not do that").contains("admin"));
    alice.ask(WEB1, "pull the plug", "Type web1 to go on.");
    alice.ask(WEB1, "yes", "a yes is not enough");
    alice.ask(WEB1, "web1", "its power was cut");
    let skills: Vec<String> = world.atoll.begun().into_iter().map(|(skill, _)| skill).collect();
    assert_eq!(skills, ["vm.pause", "vm.resume", "vm.force_off"]);
}

#[test]
fn an_address_counts_as_servers_compare_it_and_a_lookalike_is_somebody_else() {
    let mut world = World::prepare(&[("web1", true)], "");
    world.atoll.reconfigure("\"alice@localhost\"", "\"ALICE@LocalHost\"");
    world.atoll.start();
    // Full-width letters and capitals fold to plain ones.
    for (account, written) in [("alice", "ALICE"), ("bob", "\u{ff42}ob")] {
        world.server.account(account);
        let mut person = Person::log_in_as(&world.server, written);
        person.ask(WEB1, "status", "web1 is running.");
    }
    // The first letter is Cyrillic.
    let mut lookalike = world.person("\u{430}lice");
    lookalike.ask(WEB1, "shut down", "I don't know you");
    assert_eq!(world.atoll.begun(), []);
}

#[test]
fn access_is_read_again_when_asked_and_a_wrong_file_changes_nothing() {
    let mut world = World::start();
    let mut victor = world.person("victor");
    victor.ask(WEB1, "pause", "You may not do that");
    world.atoll.reconfigure("role = \"viewer\"", "role = \"king\"");
    world.atoll.reload();
    world.atoll.wait_log("king", 1);
    victor.ask(WEB1, "pause", "You may not do that");
    world.atoll.reconfigure("role = \"king\"", "role = \"operator\"");
    world.atoll.reload();
    world.atoll.wait_log("access is read again", 1);
    victor.ask(WEB1, "pause", "web1 is paused.");
    assert_eq!(world.atoll.begun(), [("vm.pause".to_owned(), "web1".to_owned())]);
}

#[test]
fn a_right_that_was_taken_away_ends_news_presence_and_open_questions_at_once() {
    let world = World::start();
    let mut victor = world.viewer_of("victor", &[WEB1, HV1]);
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    bob.ask(WEB1, "pull the plug", "Type web1 to go on.");
    world.atoll.reconfigure("who = \"victor@localhost\"", "who = \"nobody@localhost\"");
    world.atoll.reconfigure("who = \"bob@localhost\"\nrole = \"admin\"", "who = \"bob@localhost\"\nrole = \"viewer\"");
    world.atoll.reload();
    for entity in [WEB1, HV1] {
        victor.wait("the end of the subscription", |event| event["bare"] == entity && event["type"] == "unsubscribed");
    }
    victor.forget();
    alice.ask(WEB1, "pause", "web1 is paused.");
    alice.ask(WEB1, "resume", "web1 goes on.");
    // With a role that sinks, what was asked before is over.
    bob.ask(WEB1, "web1", "I did not get that");
    // Nor does anything of it come back with the right.
    world.atoll.reconfigure("who = \"bob@localhost\"\nrole = \"viewer\"", "who = \"bob@localhost\"\nrole = \"admin\"");
    world.atoll.reload();
    bob.ask(WEB1, "web1", "I did not get that");
    victor.say(WEB1, "status");
    victor.hear(WEB1, "I don't know you");
    let shown = |event: &serde_json::Value| event["kind"] == "presence" && event["bare"] == WEB1 && event["type"] == "";
    assert_eq!(victor.count(shown), 0, "{}", victor.inbox());
    assert_eq!(victor.heard(WEB1, "") + victor.heard(HV1, ""), 0, "{}", victor.inbox());
    let skills: Vec<String> = world.atoll.begun().into_iter().map(|(skill, _)| skill).collect();
    assert_eq!(skills, ["vm.pause", "vm.resume"]);
}

#[test]
fn a_first_log_in_with_many_machines_is_greeted_twice() {
    let names: Vec<String> = (1..=60).map(|number| format!("vm{number}")).collect();
    let machines: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), true)).collect();
    let world = World::start_with(&machines, "");
    let mut victor = world.person("victor");
    for name in &names {
        victor.subscribe(&format!("{name}@vms.localhost"));
    }
    let first =
        |event: &serde_json::Value| event["body"].as_str().is_some_and(|body| body.starts_with("Hello victor."));
    victor.wait("the first greeting", first);
    victor.hear("vms.localhost", "You see 59 more of us now");
    assert_eq!(victor.count(|event| event["kind"] == "message" && event["body"] != ""), 0, "{}", victor.inbox());
}

#[test]
fn a_wrong_configuration_takes_no_right_away_and_admins_are_told_so() {
    let world = World::start();
    let (alice, mut victor) = (world.person("alice"), world.viewer_of("victor", &[WEB1]));
    world.atoll.reconfigure("who = \"victor@localhost\"", "who = \"victor at localhost\"");
    world.atoll.reload();
    let told = alice.hear(DESK, "who may do what is as it was");
    assert!(told.contains("`who`") && told.contains("victor at localhost"), "{told}");
    victor.ask(WEB1, "status", "web1 is running.");
}
