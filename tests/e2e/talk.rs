//! The everyday: contacts, their presence, questions and commands, and who hears of them.

use crate::world::{DB1, DESK, HV1, WEB1, World};

#[test]
fn machines_are_contacts_that_show_their_state_answer_and_tell_the_others() {
    let world = World::start();
    let mut alice = world.viewer_of("alice", &[DESK, HV1, WEB1, DB1]);
    assert!(alice.see(DESK, "online").contains("2 machines"));
    assert!(alice.see(HV1, "online").contains("1 of 2 machines running"));
    assert_eq!(alice.see(WEB1, "online"), "running");
    assert_eq!(alice.see(DB1, "xa"), "off");
    let bob = world.viewer_of("bob", &[WEB1, DB1]);
    bob.see(DB1, "xa");

    assert_eq!(alice.ask(WEB1, "status", "running"), "web1 is running.");
    assert_eq!(alice.ask(DB1, "start", "starting"), "db1 is starting.");
    assert_eq!(bob.hear(DB1, "alice"), "alice has just started db1.");
    assert_eq!((alice.see(DB1, "online"), bob.see(DB1, "online")), ("running".to_owned(), "running".to_owned()));

    assert_eq!(alice.ask(WEB1, "Could you please shut down?", "shutting down"), "web1 is shutting down.");
    assert_eq!(bob.hear(WEB1, "told web1"), "alice has just told web1 to shut down.");
    assert_eq!(bob.hear(WEB1, "has shut down"), "web1 has shut down (alice).");
    assert_eq!((alice.see(WEB1, "xa"), bob.see(WEB1, "xa")), ("off".to_owned(), "off".to_owned()));
    alice.hear(WEB1, "has shut down");
    alice.ask(HV1, "list", "2 machines, 1 of them running");
    assert_eq!(
        alice.heard(DB1, "alice has just") + alice.heard(WEB1, "alice has just"),
        0,
        "who did it is not told: {}",
        alice.inbox()
    );
    assert_eq!(bob.heard(DB1, "") + bob.heard(WEB1, ""), 0, "everything is told once: {}", bob.inbox());
}

#[test]
fn a_clean_stop_says_goodbye_and_a_start_shows_everybody_again() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1, DB1]);
    alice.see(WEB1, "online");
    world.atoll.stop();
    alice.see(WEB1, "unavailable");
    alice.see(DB1, "unavailable");
    alice.forget();
    world.atoll.start();
    alice.see(WEB1, "online");
    alice.see(DB1, "xa");
    alice.ask(WEB1, "status", "web1 is running.");
    assert_eq!(alice.count(|event| event["type"] == "subscribe"), 0, "nobody is asked twice: {}", alice.inbox());
}
