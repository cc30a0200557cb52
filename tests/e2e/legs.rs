//! What `atoll doctor` and `atoll run` say when a leg doesn't stand. Legs that need a server to be down, or libvirt, are shown failing
//! in `survival` and `guests`.

use tests::servers::atoll::command;

use crate::world::World;

/// The doctor's lines that say FAIL, by leg.
fn failing(said: &str) -> Vec<&str> {
    said.lines()
        .filter_map(|line| line.trim_start().strip_prefix("FAIL "))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect()
}

#[test]
fn a_wrong_configuration_is_named_by_file_line_and_key() {
    let world = World::prepare(&[("web1", true)], "");
    let file = world.atoll.config().display().to_string();
    for (from, to, line, key) in [
        ("domain =", "domian =", 3, "domian"),
        ("[store]", "[store]\nkeep_days = \"long\"", 6, "keep_days"),
        ("role = \"viewer\"", "role = \"king\"", 28, "role"),
        ("[xmpp]", "time_zone = \"Mars/Olympus\"\n[xmpp]", 1, "time_zone"),
    ] {
        world.atoll.reconfigure(from, to);
        let (code, said) = world.atoll.doctor();
        let place = format!("{file}, line {line}: `{key}`");
        assert!(code == 2 && said.contains(&place), "{place}: {code}: {said}");
        assert_eq!(failing(&said), ["config"]);
        let (code, said) = command(&["run", "--config", &file], "");
        assert!(code == 2 && said.contains(&place), "{place}: {code}: {said}");
        world.atoll.reconfigure(to, from);
    }
    let (code, said) = command(&["doctor", "--config", "/nowhere/atoll.toml"], "");
    assert!(code == 2 && said.contains("/nowhere/atoll.toml"), "{said}");
}

#[test]
fn each_leg_that_fails_is_named_and_the_others_are_still_looked_at() {
    let world = World::prepare(&[("web1", true)], "");
    // Goes on without the model, so that is no error.
    world.atoll.reconfigure("path = \"\"", "path = \"/nowhere/model\"");
    let (code, said) = world.atoll.doctor();
    assert_eq!((code, failing(&said)), (0, vec!["model"]), "{said}");
    assert!(said.contains("/nowhere/model") && said.contains("n-grams"), "{said}");
    world.atoll.reconfigure("path = \"/nowhere/model\"", "path = \"\"");

    world.atoll.reconfigure("secret = \"secret\"", "secret = \"guess\"");
    let (code, said) = world.atoll.doctor();
    assert_eq!((code, failing(&said)), (4, vec!["xmpp", "delivery"]), "{said}");
    assert!(said.contains("secret") && !said.contains("guess"), "{said}");
    world.atoll.reconfigure("secret = \"guess\"", "secret = \"secret\"");

    world.atoll.reconfigure("uri = \"test://", "uri = \"tset://");
    let (code, said) = world.atoll.doctor();
    assert_eq!((code, failing(&said)), (3, vec!["libvirt", "events"]), "{said}");
    assert!(said.contains("tset://"), "{said}");
    world.atoll.reconfigure("uri = \"tset://", "uri = \"test://");

    // No folder can be made there.
    let store = format!("path = \"{}\"", world.atoll.store().display());
    world.atoll.reconfigure(&store, "path = \"/dev/null/store\"");
    let (code, said) = world.atoll.doctor();
    assert_eq!((code, failing(&said)), (1, vec!["store"]), "{said}");
    world.atoll.reconfigure("path = \"/dev/null/store\"", &store);

    let (code, said) = world.atoll.doctor();
    assert_eq!((code, failing(&said)), (0, vec![]), "{said}");
}

#[test]
fn a_wrong_secret_is_said_and_does_not_end_the_agent() {
    let mut world = World::prepare(&[("web1", true)], "");
    world.atoll.reconfigure("secret = \"secret\"", "secret = \"guess\"");
    world.atoll.spawn();
    world.atoll.wait_log("not connected", 1);
    assert!(world.atoll.runs());
    let log = world.atoll.log();
    assert!(log.contains("secret") && !log.contains("guess"), "{log}");
}
