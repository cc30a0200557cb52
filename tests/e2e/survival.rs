//! Servers and stores that go away and come back.

use std::fs;

use tests::servers::person::Person;

use crate::world::{DB1, HV1, WEB1, World};

#[test]
fn deleting_the_store_loses_the_open_conversation_and_nothing_else() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    let bob = world.viewer_of("bob", &[WEB1]);
    alice.ask(WEB1, "reboot", "web1 is rebooting.");
    alice.ask(WEB1, "pull the plug", "Type web1 to go on.");
    world.atoll.stop();
    alice.see(WEB1, "unavailable");
    fs::remove_dir_all(world.atoll.store().join("conversations")).expect("it is deleted");
    alice.forget();
    world.atoll.start();
    alice.see(WEB1, "online");
    alice.ask(WEB1, "yes", "Yes to what?");
    alice.ask(WEB1, "who rebooted you?", "alice has just told web1 to reboot.");
    alice.ask(WEB1, "pause", "web1 is paused.");
    bob.hear(WEB1, "alice has just paused web1.");
    alice.say(HV1, "list");
    alice.hear(HV1, "0 of them running");
    let asked = |event: &serde_json::Value| event["type"] == "subscribe" || event["type"] == "unsubscribed";
    assert_eq!(alice.count(asked), 0, "{}", alice.inbox());
}

#[test]
fn a_broken_store_is_set_aside_with_a_word_and_the_agent_goes_on() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "pull the plug", "Type web1 to go on.");
    world.atoll.kill();
    fs::write(world.atoll.store().join("conversations/conf"), [0x5a; 64]).expect("broken");
    world.atoll.start();
    alice.ask(WEB1, "web1", "");
    alice.ask(WEB1, "status", "web1 is running.");
    assert!(world.atoll.log().contains("the store is broken"), "{}", world.atoll.log());
    let aside = fs::read_dir(world.atoll.store()).expect("a folder").flatten();
    assert_eq!(
        aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("conversations.broken-")).count(),
        1
    );
    assert_eq!(world.atoll.begun(), [], "a name typed to a lost question does nothing");
}

#[test]
fn a_server_that_is_down_at_the_start_is_waited_for() {
    let mut world = World::prepare(&[("web1", true), ("db1", false)], "");
    world.server.crash();
    world.atoll.spawn();
    world.atoll.wait_log("not connected", 1);
    let (code, said) = world.atoll.doctor();
    assert_eq!(code, 4, "{said}");
    assert!(
        said.contains("FAIL xmpp") && said.contains(&world.server.component()) && said.contains("ok   libvirt"),
        "{said}"
    );
    world.server.rise();
    world.atoll.wait_log("connected server", 1);
    let mut alice = world.person("alice");
    alice.ask(WEB1, "status", "web1 is running.");
}

#[test]
fn a_server_that_is_killed_and_comes_back_finds_everybody_where_they_were() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "pull the plug", "Type web1 to go on.");
    world.server.crash();
    alice.wait("the end of the connection", |event| event["kind"] == "offline");
    world.atoll.wait_log("not connected", 1);
    world.server.rise();
    world.atoll.wait_log("connected server", 2);
    let mut alice = Person::log_in_as(&world.server, "alice");
    assert_eq!(alice.see(WEB1, "online"), "running");
    alice.ask(WEB1, "web1", "its power was cut");
    alice.see(WEB1, "xa");
    alice.ask(DB1, "status", "db1 is off.");
    assert_eq!(world.atoll.begun().len(), 1);
}
