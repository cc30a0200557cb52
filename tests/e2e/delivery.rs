//! What was asked and what was done, on several devices and over links that break: a "yes" counts only where its question was
//! seen, nothing is done twice, and what was done is told once.

use tests::guest::wait_for;
use tests::servers::person::{PATIENCE, Person};
use tests::servers::wire::Wire;

use crate::world::{DB1, HV1, WEB1, World};

const MACHINES: [(&str, bool); 2] = [("web1", true), ("db1", false)];
const NOT_SHOWN: &str = "That question was not shown on this device yet, so nothing was done.";

/// The agent speaks to its server over a wire that can be cut.
fn on_a_wire() -> (World, Wire) {
    let mut world = World::prepare(&MACHINES, "");
    let wire = Wire::to(&world.server.component());
    world.atoll.reconfigure(&world.server.component(), &wire.address());
    world.atoll.start();
    (world, wire)
}

/// Waits until so many ops have ended, told or not.
fn wait_ended(world: &World, ops: usize) {
    let ended = || world.atoll.journal().iter().filter(|line| is_after(line)).count();
    assert!(wait_for("an op's end", PATIENCE, || ended() >= ops).is_ok(), "{:?}", world.atoll.journal());
}

fn is_after(line: &agent::state::journal::Line) -> bool {
    matches!(line.entry, agent::state::journal::Entry::After { .. })
}

#[test]
fn a_yes_from_a_device_that_did_not_show_the_question_gets_it_repeated_there_and_counts_there_afterwards() {
    let world = World::start();
    let mut phone = world.person("alice");
    let mut laptop = Person::log_in_on(&world.server, "alice", "laptop");
    let yesterday = "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2024-01-01T12:00:00Z'/>";
    phone.say_with(WEB1, "chat", "pause", yesterday);
    let question = phone.hear(WEB1, "it only reached me now");
    let repeated = laptop.ask(WEB1, "yes", NOT_SHOWN);
    let asks = question.split(". ").last().unwrap_or_default();
    assert!(asks.ends_with('?') && repeated.ends_with(asks), "{question} / {repeated}");
    assert_eq!(laptop.ask(HV1, "is web1 running?", "running"), "web1 is running.");
    assert_eq!(world.atoll.begun(), [], "nothing was done");
    laptop.ask(WEB1, "yes", "web1 is paused.");
    assert_eq!(world.atoll.begun(), [("vm.pause".to_owned(), "web1".to_owned())]);
}

#[test]
fn a_name_typed_on_a_device_that_did_not_show_the_question_destroys_nothing() {
    let world = World::start();
    let mut phone = world.person("alice");
    let mut laptop = Person::log_in_on(&world.server, "alice", "laptop");
    phone.ask(WEB1, "pull the plug", "Type web1 to go on.");
    let repeated = laptop.ask(WEB1, "web1", NOT_SHOWN);
    assert!(repeated.ends_with("Type web1 to go on."), "{repeated}");
    assert_eq!(world.atoll.begun(), [], "nothing was done");
    laptop.ask(WEB1, "web1", "its power was cut");
    assert_eq!(world.atoll.begun(), [("vm.force_off".to_owned(), "web1".to_owned())]);
}

#[test]
fn a_question_that_came_back_is_shown_again_before_its_answer_counts() {
    let mut world = World::start();
    let mut alice = world.person("alice");
    alice.say(WEB1, "pull the plug");
    let question = alice
        .wait("the question", |event| event["body"].as_str().is_some_and(|body| body.ends_with("Type web1 to go on.")));
    let id = question["id"].as_str().expect("a question has an id").to_owned();
    alice.send(&format!(
        "<message to='{WEB1}' type='error' id='{id}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    world.atoll.wait_log("a question came back", 1);
    let repeated = alice.ask(WEB1, "web1", NOT_SHOWN);
    assert!(repeated.ends_with("Type web1 to go on."), "{repeated}");
    assert_eq!(world.atoll.begun(), [], "nothing was done");
    alice.ask(WEB1, "web1", "its power was cut");
}

#[test]
fn an_error_that_somebody_else_makes_up_leaves_a_question_as_it_was() {
    let world = World::start();
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    alice.say(WEB1, "pull the plug");
    let question = alice
        .wait("the question", |event| event["body"].as_str().is_some_and(|body| body.ends_with("Type web1 to go on.")));
    let id = question["id"].as_str().expect("a question has an id").to_owned();
    bob.send(&format!(
        "<message to='{WEB1}' type='error' id='{id}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    // What bob sends next is answered, so what he sent before was read.
    bob.ask(WEB1, "status", "web1 is running.");
    alice.ask(WEB1, "web1", "its power was cut");
}

#[test]
fn a_question_for_a_device_that_has_gone_counts_on_no_other_that_gets_it_in_its_place() {
    let (world, wire) = on_a_wire();
    let mut phone = world.person("alice");
    phone.ask(WEB1, "status", "web1 is running.");
    wire.hold();
    phone.say(WEB1, "pull the plug");
    phone.log_out();
    wire.release();
    let mut laptop = Person::log_in_on(&world.server, "alice", "laptop");
    // The server kept it for whichever device comes first.
    laptop.hear(WEB1, "Type web1 to go on.");
    let repeated = laptop.ask(WEB1, "web1", NOT_SHOWN);
    assert!(repeated.ends_with("Type web1 to go on."), "{repeated}");
    assert_eq!(world.atoll.begun(), [], "nothing was done");
    laptop.ask(WEB1, "web1", "its power was cut");
}

#[test]
fn beyond_the_limit_of_answers_nothing_is_read_and_that_is_said_once() {
    let world = World::start();
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    for _ in 0..60 {
        alice.say(WEB1, "status");
    }
    alice.say(WEB1, "pause");
    alice.say(DB1, "start");
    alice.say("bob@localhost", "all sent");
    bob.hear("alice@localhost", "all sent");
    alice.hear(WEB1, "nothing of what you write until then is done");
    assert_eq!(bob.ask(HV1, "is web1 running?", "web1"), "web1 is running.");
    assert_eq!(bob.ask(HV1, "is db1 running?", "db1"), "db1 is off.");
    assert_eq!(world.atoll.begun(), [], "nothing was done");
    assert_eq!(
        alice.heard(WEB1, "nothing of what you write") + alice.heard(DB1, ""),
        0,
        "said once: {}",
        alice.inbox()
    );
    let answers = alice.heard(WEB1, "web1 is running.");
    assert!((1..60).contains(&answers), "{answers} answers");
}

/// The pause is told when the link is back, once, and was done once.
fn told_and_done_once(world: &mut World, alice: &mut Person) {
    alice.hear(WEB1, "web1 is paused.");
    world.atoll.wait_log("connected server", 2);
    alice.ask(WEB1, "who paused you?", "alice");
    assert_eq!(alice.heard(WEB1, "web1 is paused."), 0, "told once: {}", alice.inbox());
    assert_eq!(world.atoll.begun().len(), 1);
}

#[test]
fn what_was_done_when_the_link_broke_before_the_reply_is_told_once_after_it_is_back() {
    let (mut world, wire) = on_a_wire();
    let mut alice = world.person("alice");
    alice.ask(WEB1, "status", "web1 is running.");
    wire.hold();
    alice.say(WEB1, "pause");
    wait_ended(&world, 1);
    wire.cut();
    told_and_done_once(&mut world, &mut alice);
}

#[test]
fn what_was_done_when_the_server_was_killed_before_the_reply_is_told_when_both_are_back() {
    let (mut world, wire) = on_a_wire();
    let mut alice = world.person("alice");
    alice.ask(WEB1, "status", "web1 is running.");
    wire.hold();
    alice.say(WEB1, "pause");
    wait_ended(&world, 1);
    world.server.crash();
    wire.cut();
    world.server.rise();
    let mut alice = Person::log_in_as(&world.server, "alice");
    told_and_done_once(&mut world, &mut alice);
}

#[test]
fn what_was_done_before_the_agent_was_killed_is_told_after_its_next_start() {
    let (mut world, wire) = on_a_wire();
    let mut alice = world.person("alice");
    alice.ask(WEB1, "status", "web1 is running.");
    wire.hold();
    alice.say(WEB1, "pause");
    wait_ended(&world, 1);
    world.atoll.kill();
    wire.cut();
    world.atoll.start();
    // Either the reply itself, or that nobody knows whether there was one.
    alice.hear(WEB1, "web1");
    alice.ask(WEB1, "who paused you?", "alice");
    assert_eq!(world.atoll.begun().len(), 1, "it is not done again");
}

#[test]
fn the_same_message_sent_twice_is_done_once_also_over_a_restart() {
    let mut world = World::start();
    let mut alice = world.person("alice");
    let reboot = |id: &str| format!("<message to='{WEB1}' type='chat' id='{id}'><body>reboot</body></message>");
    let reboots = |world: &World| world.atoll.begun().len();
    alice.send(&reboot("r1"));
    alice.send(&reboot("r1"));
    alice.hear(WEB1, "web1 is rebooting.");
    alice.ask(WEB1, "who rebooted you?", "alice");
    assert_eq!(reboots(&world), 1);
    world.atoll.stop();
    world.atoll.start();
    alice.send(&reboot("r1"));
    alice.ask(WEB1, "who rebooted you?", "alice");
    assert_eq!(reboots(&world), 1, "it was done before the restart");
    alice.send(&reboot("r2"));
    wait_ended(&world, 2);
    assert_eq!(reboots(&world), 2, "another message is another wish");
}

#[test]
fn a_message_of_the_future_is_asked_about_and_never_run() {
    let world = World::start();
    let mut alice = world.person("alice");
    let tomorrow = "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2099-01-01T12:00:00Z'/>";
    alice.say_with(WEB1, "chat", "shut down", tomorrow);
    alice.hear(WEB1, "a date that can't be right");
    alice.say_with(WEB1, "chat", "yes", tomorrow);
    alice.hear(WEB1, "");
    assert_eq!(alice.ask(HV1, "is web1 running?", "running"), "web1 is running.");
    assert_eq!(world.atoll.begun(), [], "nothing was run");
}
