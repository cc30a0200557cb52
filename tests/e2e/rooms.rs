//! Rooms, through a real conference service: who is answered, by what right, and what the room hears.

use crate::world::{HV1, WEB1, World};

const OPS: &str = "ops@rooms.localhost";
const VEILED: &str = "veil@veiled.localhost";

fn world() -> World {
    let room = |address: &str| format!("[[room]]\naddress = \"{address}\"\nas = \"hv1\"\n");
    World::prepare(&[("web1", true), ("db1", false)], &(room(OPS) + &room(VEILED)))
}

#[test]
fn in_a_room_only_what_is_addressed_counts_by_the_real_address_of_who_says_it() {
    let mut world = world();
    let (mut alice, mut mallory) = (world.person("alice"), world.person("mallory"));
    alice.join(OPS, "alice");
    world.atoll.start();
    alice.wait("the host in the room", |event| {
        event["from"] == "ops@rooms.localhost/hv1" && event["kind"] == "presence"
    });

    alice.say_in_room(OPS, "web1: restart");
    alice.hear("ops@rooms.localhost/hv1", "web1 is rebooting.");
    alice.say_in_room(OPS, "web1: pause for 5 minutes");
    let asked = alice.hear("ops@rooms.localhost/hv1", "Go?");
    assert!(asked.contains("web1: yes"), "it is said how to answer: {asked}");
    alice.say_in_room(OPS, "yes");
    alice.say_in_room(OPS, "shall we have lunch?");
    alice.say_in_room(OPS, "@hv1 is web1 running?");
    alice.hear("ops@rooms.localhost/hv1", "web1 is running.");
    alice.say_in_room(OPS, "web1: yes");
    alice.hear("ops@rooms.localhost/hv1", "web1 is paused.");

    // An admin's look-alike nick gives no rights; nor does a word through the room to the host alone.
    mallory.join(OPS, "alice\u{435}");
    for text in ["web1: resume", "web1: pull the plug", "web1: web1", "@hv1 start db1"] {
        mallory.say_in_room(OPS, text);
    }
    mallory.say_with(
        "ops@rooms.localhost/hv1",
        "chat",
        "start db1",
        "<x xmlns='http://jabber.org/protocol/muc#user'/>",
    );
    alice.hear("ops@rooms.localhost/alice\u{435}", "@hv1 start db1");
    alice.say_with(
        "ops@rooms.localhost/hv1",
        "chat",
        "is db1 running?",
        "<x xmlns='http://jabber.org/protocol/muc#user'/>",
    );
    alice.hear("ops@rooms.localhost/hv1", "db1 is off.");

    // What happens elsewhere is told to the room once.
    alice.ask(WEB1, "resume", "web1 goes on.");
    alice.hear("ops@rooms.localhost/hv1", "alice has just resumed web1.");
    alice.ask(HV1, "list", "2 machines, 1 of them running");
    let hosts = |event: &serde_json::Value| {
        event["from"] == "ops@rooms.localhost/hv1" && event["kind"] == "message" && event["body"] != ""
    };
    assert_eq!(alice.count(hosts), 0, "nothing more was said: {}", alice.inbox());
    let done: Vec<String> = world.atoll.begun().into_iter().map(|(skill, _)| skill).collect();
    assert_eq!(done, ["vm.reboot", "vm.pause", "vm.resume"]);
}

#[test]
fn in_a_room_that_hides_addresses_everybody_may_only_ask() {
    let mut world = world();
    let mut alice = world.person("alice");
    alice.join(VEILED, "alice");
    world.atoll.start();
    alice.wait("the host in the room", |event| {
        event["from"] == "veil@veiled.localhost/hv1" && event["kind"] == "presence"
    });
    alice.say_in_room(VEILED, "web1: status");
    alice.hear("veil@veiled.localhost/hv1", "web1 is running.");
    alice.say_in_room(VEILED, "web1: pause");
    alice.hear("veil@veiled.localhost/hv1", "I can't see who you are");
    assert_eq!(world.atoll.begun(), []);
}

#[test]
fn a_host_comes_along_when_somebody_it_knows_invites_it_and_with_nobody_else() {
    let world = World::start();
    let (mut alice, mut mallory) = (world.person("alice"), world.person("mallory"));
    let invite = |room: &str| format!("<message to='{HV1}'><x xmlns='jabber:x:conference' jid='{room}'/></message>");
    mallory.join("trap@rooms.localhost", "mallory");
    mallory.send(&invite("trap@rooms.localhost"));
    mallory.say("alice@localhost", "invited");
    alice.hear("mallory@localhost", "invited");
    alice.join("side@rooms.localhost", "alice");
    alice.send(&invite("side@rooms.localhost"));
    alice.wait("the host in the room", |event| {
        event["from"] == "side@rooms.localhost/hv1" && event["kind"] == "presence"
    });
    alice.say_in_room("side@rooms.localhost", "web1: status");
    alice.hear("side@rooms.localhost/hv1", "web1 is running.");
    let trapped =
        |event: &serde_json::Value| event["from"].as_str().is_some_and(|from| from == "trap@rooms.localhost/hv1");
    assert_eq!(mallory.count(trapped), 0, "{}", mallory.inbox());
}
