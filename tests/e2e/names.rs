//! Machines whose names are words.

use crate::world::{HV1, World};

const NAMES: [&str; 7] = ["web1", "stop", "all", "me", "yes", "delete-me", "it"];

fn world() -> World {
    World::start_with(&NAMES.map(|name| (name, true)), "")
}

#[test]
fn machines_called_like_words_are_addressed_and_quoted_and_nobody_else_is_hit() {
    let world = world();
    let mut alice = world.person("alice");
    for name in NAMES {
        alice.ask(&format!("{name}@vms.localhost"), "status", &format!("{name} is running."));
    }
    // Each at the host, by its quoted name, and no other.
    for name in &NAMES[1..] {
        alice.ask(HV1, &format!("pause \"{name}\""), &format!("{name} is paused."));
        alice.ask(HV1, "list", "7 machines, 6 of them running");
        alice.ask(HV1, &format!("resume \"{name}\""), &format!("{name} goes on."));
    }
    let hit: Vec<String> = world.atoll.begun().into_iter().map(|(_, machine)| machine).collect();
    let expected: Vec<&str> = NAMES[1..].iter().flat_map(|name| [*name, *name]).collect();
    assert_eq!(hit, expected);

    // Words that answer are no names, and names are no answers.
    alice.ask(HV1, "pull the plug of delete-me", "Type delete-me to go on.");
    alice.ask(HV1, "yes", "a yes is not enough");
    alice.ask(HV1, "cancel", "Nothing was changed.");
    alice.ask(HV1, "yes", "");
    alice.ask(HV1, "list", "7 machines, 7 of them running");
}

#[test]
fn stop_all_counts_names_and_is_asked() {
    let world = world();
    let mut alice = world.person("alice");
    for sentence in ["stop all", "stop all machines", "shut down everything"] {
        let asked = alice.ask(HV1, sentence, "Go?");
        assert!(asked.starts_with("7 machines would shut down: "), "{asked}");
        assert!(NAMES.iter().all(|name| asked.contains(name)), "{asked}");
        alice.ask(HV1, "no", "Nothing was changed.");
    }
    alice.ask(HV1, "list", "7 machines, 7 of them running");
    assert_eq!(world.atoll.begun(), []);
    alice.ask(HV1, "shut down everything", "Go?");
    alice.ask(HV1, "all 7", "web1 is shutting down.");
    alice.ask(HV1, "list", "7 machines, 0 of them running");
}
