//! Who is in whose contacts, whatever becomes of hosts and machines: nobody loses one because something can't be seen.

use agent::state::journal::Entry;
use tests::guest::{PATIENCE, Session, wait_for};
use tests::servers::person::Person;

use crate::world::{DB1, DESK, HV1, WEB1, World};

const UNSEEN: &str = "I can't reach libvirt";

/// Waits until so many contacts are on the disk.
fn kept(world: &World, contacts: usize) {
    wait_for("contacts being written down", PATIENCE, || {
        let journal = world.atoll.journal();
        let mutual = |entry: &Entry| match entry {
            Entry::Fact { sort, value, .. } => sort == "contact" && value["seen"] == "yes",
            _ => false,
        };
        journal.iter().filter(|line| mutual(&line.entry)).count() >= contacts
    })
    .expect("they are");
}

/// Nobody was asked for anything, or had anything taken away.
fn undisturbed(person: &Person) {
    let taken =
        |kind: &serde_json::Value| ["unsubscribed", "unsubscribe", "subscribe"].iter().any(|taken| kind == taken);
    assert_eq!(person.count(|event| taken(&event["type"])), 0, "{}", person.inbox());
}

#[test]
fn a_host_that_cant_be_reached_while_the_agent_starts_costs_nobody_their_contacts() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[HV1, WEB1, DB1]);
    let bob = world.viewer_of("bob", &[DB1]);
    kept(&world, 4);
    drop(bob);
    world.atoll.kill();
    world.hide_host();
    alice.forget();
    world.atoll.start();
    for entity in [HV1, WEB1, DB1] {
        assert_eq!(alice.see(entity, "dnd"), UNSEEN);
    }
    // Asked for by the server of somebody who logs in.
    let bob = Person::log_in_as(&world.server, "bob");
    assert_eq!(bob.see(DB1, "dnd"), UNSEEN);
    alice.ask(WEB1, "are you running?", "I can't reach hv1 right now, so I can't see how web1 is");
    alice.ask(
        DESK,
        "shut down web1",
        "I haven't been able to reach hv1 yet, so I can't see web1 or do anything with it.",
    );
    alice.ask(HV1, "list", "I haven't been able to reach hv1 yet");
    // And once more, since nothing was read in between.
    world.atoll.kill();
    alice.forget();
    world.atoll.start();
    assert_eq!(alice.see(WEB1, "dnd"), UNSEEN);
    world.show_host();
    assert_eq!(alice.see(WEB1, "online"), "running");
    assert_eq!(alice.see(DB1, "xa"), "off");
    alice.ask(WEB1, "are you running?", "web1 is running");
    undisturbed(&alice);
    undisturbed(&bob);
    assert_eq!(world.atoll.begun(), []);
}

#[test]
fn machines_of_a_host_that_is_first_seen_after_the_start_can_be_added_at_once() {
    let mut world = World::prepare(&[("web1", true), ("db1", false)], "");
    world.hide_host();
    world.atoll.start();
    let mut alice = world.viewer_of("alice", &[HV1]);
    // Nobody can say yet whether there is such a machine: no refusal.
    alice.subscribe(WEB1);
    alice.ask(HV1, "list", "I haven't been able to reach hv1 yet");
    undisturbed_by(&alice, WEB1);
    world.show_host();
    alice.hear(HV1, "I reach libvirt on hv1 again.");
    alice.subscribe(WEB1);
    alice.hear(WEB1, "You see web1 now");
    assert_eq!(alice.see(WEB1, "online"), "running");
}

fn undisturbed_by(person: &Person, entity: &str) {
    let refused = |event: &serde_json::Value| event["bare"] == entity && event["type"] == "unsubscribed";
    assert_eq!(person.count(refused), 0, "{}", person.inbox());
}

#[test]
fn a_host_that_comes_back_with_other_machines_says_so_to_those_who_have_them() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1, DB1]);
    kept(&world, 2);
    world.atoll.kill();
    // Defined anew: web1 has another UUID, and db1 is gone.
    world.rewrite_host(7, &[("web1", true)]);
    alice.forget();
    world.atoll.start();
    let told = alice.hear(WEB1, "web1 was defined anew");
    assert!(told.contains("another machine now (UUID a7011000-"), "{told}");
    alice.hear(DB1, "db1 is not on hv1 any more");
    alice.see(DB1, "unavailable");
    alice.ask(DB1, "are you running?", "The machine of this address is not on hv1 any more.");
    alice.ask(WEB1, "are you running?", "web1 is running.");
    undisturbed(&alice);
    // A message to an address that nobody ever had is refused.
    alice.say("web9@vms.localhost", "are you there?");
    alice.wait("the refusal", |event| event["bare"] == "web9@vms.localhost" && event["type"] == "error");
}

#[test]
fn a_host_taken_out_of_the_configuration_is_missed_in_words_and_its_contacts_are_kept() {
    let mut world = World::start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    kept(&world, 1);
    world.atoll.stop();
    world.atoll.reconfigure("name = \"hv1\"", "name = \"hv2\"");
    world.rewrite_host(7, &[("other", true)]);
    alice.forget();
    world.atoll.start();
    let told = alice.hear(WEB1, "I don't look after hv1 any more");
    assert!(told.contains("I keep this address until"), "{told}");
    alice.ask(WEB1, "are you running?", "I don't look after hv1 any more");
    undisturbed(&alice);
    // The host that was added can be talked to at once.
    alice.subscribe("other@vms.localhost");
    alice.hear("other@vms.localhost", "You see other now");
    alice.forget();
    // The old one under another name: its machines are the same, and keep their addresses.
    world.atoll.stop();
    world.rewrite_host(0, &[("web1", true), ("db1", false)]);
    world.atoll.start();
    alice.hear(WEB1, "web1 is on hv2 now.");
    assert_eq!(alice.see(WEB1, "online"), "running");
    undisturbed_by(&alice, WEB1);
}

#[test]
fn a_machine_defined_while_the_agent_runs_can_be_added_as_soon_as_it_is_told_of() {
    let session = Session::start().expect("libvirt and QEMU are installed (scripts/packages.sh)");
    session.define("web1").expect("a guest");
    let world = World::on(&session.uri(), "");
    let mut alice = world.viewer_of("alice", &[HV1]);
    session.define("late1").expect("a guest");
    alice.hear(HV1, "late1 was defined (somebody used virsh).");
    let begun = std::time::Instant::now();
    alice.subscribe("late1@vms.localhost");
    alice.hear("late1@vms.localhost", "You see late1 now");
    assert!(begun.elapsed() < PATIENCE / 4, "{:?}", begun.elapsed());
    // Removed and made again under its name: another machine has the address, and that is said.
    session.virsh(&["undefine", "late1"]).expect("virsh undefines");
    alice.hear("late1@vms.localhost", "late1 was removed (somebody used virsh).");
    alice.see("late1@vms.localhost", "unavailable");
    session.virsh(&["vol-delete", "late1.qcow2", "--pool", "default"]).expect("virsh deletes");
    session.define("late1").expect("a guest");
    alice.hear("late1@vms.localhost", "late1 was defined anew");
    alice.see("late1@vms.localhost", "xa");
    undisturbed_by(&alice, "late1@vms.localhost");
}
