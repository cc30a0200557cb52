//! On real QEMU guests under a private session libvirtd: disks, changes by others, two people at once, agents killed midway.

use agent::state::journal::{Entry, Journal, Outcome};
use tests::guest::Session;

use crate::world::{HV1, HV2, WEB1, World};

/// A guest called web1, off, and an agent.
pub fn world(guest_runs: bool) -> (World, Session) {
    let session = Session::start().expect("libvirt and QEMU are installed (scripts/packages.sh)");
    session.define("web1").expect("a guest");
    if guest_runs {
        session.virsh(&["start", "web1"]).expect("it starts");
    }
    (World::on(&session.uri(), ""), session)
}

pub fn disks(session: &Session) -> String {
    session.virsh(&["domblklist", "web1"]).expect("virsh lists")
}

#[test]
fn the_drive_conversation_runs_as_written_and_undo_takes_the_drive_back() {
    let (world, session) = world(true);
    let mut alice = world.person("alice");
    let bob = world.viewer_of("bob", &[WEB1]);
    // The guest has to have come up to let a disk go again.
    session.wait_up("web1", 1).expect("the guest comes up");
    for (said, answer) in [
        ("Can you create a new drive?", "Sure. What size, name and format?"),
        ("qcow2", "And name and size?"),
        ("20 gigs, call it data. No, make that 30.", "A 30 GiB qcow2 disk named \"data\", attached as vdb. Go?"),
        ("yes", "Done: data.qcow2, 30 GiB, is vdb now. (\"undo\" takes it back while it is empty.)"),
    ] {
        assert_eq!(alice.ask(WEB1, said, ""), answer);
    }
    assert_eq!(bob.hear(WEB1, "alice"), "alice has just created a new drive named \"data.qcow2\", 30 GiB.");
    let seen = disks(&session);
    assert!(seen.lines().any(|line| line.contains("vdb") && line.contains("data.qcow2")), "{seen}");

    assert_eq!(alice.ask(WEB1, "undo", ""), "Detach vdb from web1 and delete data.qcow2. Type data.qcow2 to go on.");
    assert_eq!(alice.ask(WEB1, "data.qcow2", ""), "vdb is detached and data.qcow2 is deleted.");
    bob.hear(WEB1, "alice has just taken back the new drive \"data.qcow2\".");
    let seen = disks(&session);
    assert!(!seen.contains("vdb"), "{seen}");
    assert!(!session.virsh(&["vol-list", "default"]).expect("virsh lists").contains("data.qcow2"));
    assert_eq!(bob.heard(WEB1, ""), 0, "a new disk and its end are told once each: {}", bob.inbox());
}

#[test]
fn what_somebody_does_with_virsh_is_told_once_and_what_alice_does_under_her_name() {
    let (world, session) = world(true);
    let mut alice = world.viewer_of("alice", &[WEB1, HV1]);
    let bob = world.viewer_of("bob", &[WEB1]);
    session.virsh(&["suspend", "web1"]).expect("virsh suspends");
    for person in [&alice, &bob] {
        assert_eq!(person.hear(WEB1, "paused"), "web1 was paused (somebody used virsh).");
        assert_eq!(person.see(WEB1, "away"), "paused");
    }
    assert_eq!(alice.ask(WEB1, "resume", ""), "web1 goes on.");
    assert_eq!(bob.hear(WEB1, "alice"), "alice has just resumed web1.");
    bob.see(WEB1, "online");
    session.virsh(&["destroy", "web1"]).expect("virsh destroys");
    assert_eq!(bob.hear(WEB1, "forced off"), "web1 was forced off (somebody used virsh).");
    bob.see(WEB1, "xa");
    alice.hear(WEB1, "forced off");
    alice.ask(WEB1, "status", "web1 is off");
    assert_eq!(
        (alice.heard(WEB1, ""), alice.heard(HV1, ""), bob.heard(WEB1, "")),
        (0, 0, 0),
        "{}{}",
        alice.inbox(),
        bob.inbox()
    );
}

#[test]
fn a_machine_that_somebody_moves_keeps_its_address_is_never_away_and_that_is_told_once() {
    let session = || Session::start().expect("libvirt and QEMU are installed (scripts/packages.sh)");
    let (here, there) = (session(), session());
    here.define("web1").expect("a guest");
    here.virsh(&["start", "web1"]).expect("it starts");
    here.wait_up("web1", 1).expect("the guest comes up");
    let world = World::on_hosts(&[("hv1", &here.uri()), ("hv2", &there.uri())], "");
    let mut alice = world.viewer_of("alice", &[WEB1]);
    let (bob, otto) = (world.viewer_of("bob", &[HV1]), world.viewer_of("otto", &[HV2]));
    alice.see(WEB1, "online");
    alice.ask(WEB1, "pause", "web1 is paused");
    alice.see(WEB1, "away");
    alice.forget();
    alice.ask(WEB1, "resume", "web1 goes on");
    alice.see(WEB1, "online");
    bob.forget();
    let migrate = ["migrate", "--live", "--persistent", "--undefinesource", "--unsafe", "web1"];
    here.virsh(&[&migrate[..], &[&there.uri()]].concat()).expect("virsh migrates");
    for (person, host) in [(&alice, WEB1), (&bob, HV1), (&otto, HV2)] {
        assert_eq!(person.hear(host, "hv2"), "web1 is on hv2 now (somebody used virsh).");
    }
    alice.ask(WEB1, "which host are you on?", "a virtual machine on hv2");
    let undo = alice.ask(WEB1, "undo", "");
    assert!(undo.starts_with("Pause web1"), "what was done there is taken back here: {undo}");
    alice.ask(WEB1, "yes", "web1 is paused");
    assert_eq!(there.virsh(&["domstate", "web1"]).expect("virsh looks"), "paused");
    alice.see(WEB1, "away");
    let present = |event: &serde_json::Value| event["type"] == "" && event["show"] == "";
    let away = alice.count(|event| event["kind"] == "presence" && event["bare"] == WEB1 && !present(event));
    assert_eq!(away, 0, "{}", alice.inbox());
    assert_eq!((alice.heard(WEB1, ""), bob.heard(HV1, "hv2"), otto.heard(HV2, "hv2")), (0, 0, 0), "{}", alice.inbox());
}

#[test]
fn a_plan_that_no_longer_fits_is_shown_and_asked_again() {
    let (world, session) = world(true);
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "create a 30 MB qcow2 disk called data", "attached as vdb. Go?");
    session
        .virsh(&["vol-create-as", "default", "other.qcow2", "10M", "--format", "qcow2"])
        .expect("virsh makes a volume");
    let other = session.path("pool/other.qcow2").display().to_string();
    session
        .virsh(&["attach-disk", "web1", &other, "vdb", "--driver", "qemu", "--subdriver", "qcow2", "--live"])
        .expect("virsh attaches");
    // libvirt tells the agent of it by an event.
    alice.hear(WEB1, "web1 got a device (somebody used virsh).");
    let asked = alice.ask(WEB1, "yes", "Go?");
    assert!(asked.contains("so once more") && asked.contains("attached as vdc"), "{asked}");
    assert!(!disks(&session).contains("data.qcow2"), "nothing was done yet");
    alice.ask(WEB1, "yes", "is vdc now");
    let seen = disks(&session);
    assert!(seen.lines().any(|line| line.contains("vdb") && line.contains("other.qcow2")), "{seen}");
    assert!(seen.lines().any(|line| line.contains("vdc") && line.contains("data.qcow2")), "{seen}");
}

#[test]
fn the_second_of_two_people_hears_who_is_at_it() {
    let (world, session) = world(true);
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    alice.ask(WEB1, "status", "web1 is running");
    session.hang();
    alice.say(WEB1, "pause");
    alice.wait("working on it", |event| event["xml"].as_str().is_some_and(|xml| xml.contains("<composing")));
    assert_eq!(bob.ask(WEB1, "pull the plug", ""), "alice is changing web1 just now. Try again in a moment.");
    session.go_on();
    alice.hear(WEB1, "web1 is paused.");
    assert_eq!(world.atoll.begun(), [("vm.pause".to_owned(), "web1".to_owned())]);
}

#[test]
fn a_conversation_goes_on_after_the_agent_was_killed() {
    let (mut world, session) = world(false);
    let mut alice = world.person("alice");
    alice.ask(WEB1, "Can you create a new drive?", "What size, name and format?");
    world.atoll.kill();
    world.atoll.start();
    alice.ask(WEB1, "qcow2", "And name and size?");
    alice.ask(WEB1, "20 gigs, call it data", "attached as vdb. Go?");
    world.atoll.kill();
    world.atoll.start();
    alice.ask(WEB1, "yes", "is vdb now");
    assert!(disks(&session).contains("data.qcow2"));
}

#[test]
fn an_op_that_a_kill_cut_off_is_never_run_again_and_its_asker_hears_so() {
    let (mut world, session) = world(true);
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.see(WEB1, "online");
    session.hang();
    alice.say(WEB1, "pause");
    alice.wait("working on it", |event| event["xml"].as_str().is_some_and(|xml| xml.contains("<composing")));
    world.atoll.kill();
    session.go_on();
    world.atoll.start();
    let told = alice.hear(WEB1, "I was stopped in the middle");
    assert!(told.contains("(pause)") && told.contains("web1 is "), "{told}");
    // Whether libvirt still did it is libvirt's affair; from here on the machine runs.
    if session.virsh(&["domstate", "web1"]).expect("virsh sees it") == "paused" {
        session.virsh(&["resume", "web1"]).expect("virsh resumes");
        alice.hear(WEB1, "web1 goes on (somebody used virsh).");
    }
    assert_eq!(world.atoll.begun(), [("vm.pause".to_owned(), "web1".to_owned())]);
    let unknown = world
        .atoll
        .journal()
        .into_iter()
        .filter(|line| matches!(&line.entry, Entry::After { outcome: Outcome::Unknown, .. }))
        .count();
    assert_eq!(unknown, 1, "the journal says that nobody knows");
    world.atoll.stop();
    let verified = Journal::verify(&world.atoll.store()).expect("it can be read").expect("it is there");
    assert!(verified.damages.is_empty(), "the chain holds");
    // Told once, and not run at this start either.
    world.atoll.start();
    alice.ask(WEB1, "status", "web1 is running");
    assert_eq!(session.virsh(&["domstate", "web1"]).expect("virsh sees it"), "running");
    assert_eq!(world.atoll.begun().len(), 1);
    assert_eq!(alice.heard(WEB1, "I was stopped"), 0, "{}", alice.inbox());
}

#[test]
fn a_machine_that_runs_is_cloned_and_the_clone_is_talked_to_until_undo_takes_it_away() {
    let (world, session) = world(true);
    let mut alice = world.viewer_of("alice", &[WEB1, HV1]);
    alice.see(WEB1, "online");
    session.wait_up("web1", 1).expect("the guest comes up");
    let plan = alice.ask(WEB1, "clone yourself as web1b", "Go?");
    assert!(plan.contains("while it goes on") && plan.contains("in default"), "{plan}");
    alice.ask(WEB1, "yes", "web1b is a copy of web1 now, and off.");
    assert_eq!(session.virsh(&["domstate", "web1"]).expect("virsh sees it"), "running");
    assert!(!disks(&session).contains("web1b"), "{}", disks(&session));
    let uuid = |name: &str| session.virsh(&["domuuid", name]).expect("it is there");
    assert_ne!(uuid("web1"), uuid("web1b"));
    let its = session.virsh(&["domblklist", "web1b"]).expect("virsh lists");
    assert!(its.contains("web1b.qcow2") && !its.contains("/web1.qcow2"), "{its}");
    alice.ask("web1b@vms.localhost", "status", "web1b is off");
    assert_eq!(alice.heard(HV1, "was defined"), 0, "it is told once: {}", alice.inbox());
    alice.ask(WEB1, "undo", "Type web1b to go on.");
    alice.ask(WEB1, "web1b", "web1b and its disks are deleted.");
    assert!(session.virsh(&["domstate", "web1b"]).is_err());
    assert!(!session.virsh(&["vol-list", "default"]).expect("virsh lists").contains("web1b"));
    assert_eq!(session.virsh(&["domstate", "web1"]).expect("virsh sees it"), "running");
}

#[test]
fn a_libvirt_that_is_down_is_said_to_be_and_found_again_when_it_is_up() {
    let mut session = Session::start().expect("libvirt and QEMU are installed (scripts/packages.sh)");
    session.define("web1").expect("a guest");
    session.kill();
    let world = World::on(&session.uri(), "");
    let (code, said) = world.atoll.doctor();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("FAIL libvirt") && said.contains("FAIL events") && !said.contains("FAIL xmpp"), "{said}");
    let mut alice = world.viewer_of("alice", &[HV1]);
    assert!(alice.see(HV1, "dnd").contains("can't reach libvirt"));
    session.restart().expect("libvirtd starts");
    assert!(alice.see(HV1, "online").contains("0 of 1 machines running"));
    alice.hear(HV1, "I reach libvirt on hv1 again.");
    alice.ask(WEB1, "status", "web1 is off");
    assert_eq!(alice.heard(HV1, "defined"), 0, "what was there before is no news: {}", alice.inbox());
    alice.forget();
    session.kill();
    alice.see(HV1, "dnd");
    alice.hear(HV1, "I can't reach libvirt on hv1.");
    session.restart().expect("libvirtd starts");
    alice.see(HV1, "online");
    alice.ask(WEB1, "start", "web1 is starting.");
}
