//! What happens on real hosts, as people hear of it: stuck ops, storms, bursts, saving, and a start on the heels of a stop.

use std::time::{Duration, Instant};

use tests::guest::Session;
use virt::connect::Connect;
use virt::domain::Domain;

use crate::world::{DB1, DESK, HV1, WEB1, World};

fn session(guests: &[&str]) -> Session {
    let session = Session::start().expect("libvirt and QEMU are installed (scripts/packages.sh)");
    for name in guests {
        session.define(name).expect("a guest");
        session.virsh(&["start", name]).expect("it starts");
    }
    session
}

#[test]
fn a_stuck_op_keeps_its_actor_and_its_promise_and_costs_others_nothing() {
    let session = session(&["web1", "db1"]);
    let world = World::on(&session.uri(), "[libvirt]\nwrite_timeout = 3\n");
    let mut alice = world.viewer_of("alice", &[WEB1]);
    let mut bob = world.viewer_of("bob", &[HV1, WEB1, DB1]);
    bob.see(HV1, "online");
    session.hang_guest("web1").expect("it runs");
    alice.ask(WEB1, "pause", "I don't know whether that happened");
    assert_eq!(
        bob.ask(WEB1, "pause", ""),
        "hv1 is still busy with alice's pause of web1. Until that has ended I change nothing there."
    );
    assert_eq!(bob.ask(DB1, "pause", ""), "db1 is paused. (\"resume\" lets it go on.)");
    bob.ask(WEB1, "status", "web1 is running");
    session.wake_guest("web1").expect("it is there");
    assert_eq!(alice.hear(WEB1, "It did happen"), "It did happen, the pause of web1: web1 is paused.");
    assert_eq!(bob.hear(WEB1, "web1 was paused"), "web1 was paused (alice).");
    assert_eq!(bob.count(|event| event["show"] == "dnd"), 0, "the host was there all the time: {}", bob.inbox());
    assert_eq!(bob.heard(HV1, "can't reach"), 0, "{}", bob.inbox());
}

#[test]
fn a_storm_of_pause_and_resume_is_one_line_and_saving_is_called_saving() {
    let session = session(&["web1"]);
    let world = World::on(&session.uri(), "");
    let bob = world.viewer_of("bob", &[WEB1]);
    for _ in 0..8 {
        session.virsh(&["suspend", "web1"]).expect("virsh suspends");
        session.virsh(&["resume", "web1"]).expect("virsh resumes");
    }
    assert_eq!(bob.hear(WEB1, "paused"), "web1 was paused (somebody used virsh).");
    let folded = bob.hear(WEB1, "times");
    assert!(folded.starts_with("web1 was paused and resumed 8 times in "), "{folded}");
    assert!(folded.ends_with("; it is running now."), "{folded}");
    assert_eq!(bob.heard(WEB1, ""), 0, "{}", bob.inbox());
    session.virsh(&["managedsave", "web1"]).expect("virsh saves");
    assert_eq!(bob.hear(WEB1, "saved"), "web1 was saved: it is off, and its memory is kept (somebody used virsh).");
    assert_eq!(bob.see(WEB1, "xa"), "off, with its memory saved");
    session.virsh(&["start", "web1"]).expect("virsh starts");
    assert_eq!(bob.hear(WEB1, "goes on"), "web1 goes on from where it was saved (somebody used virsh).");
    bob.see(WEB1, "online");
    assert_eq!(bob.heard(WEB1, ""), 0, "{}", bob.inbox());
}

#[test]
fn a_start_on_the_heels_of_a_stop_is_judged_on_what_the_stop_has_done() {
    let session = session(&["web1"]);
    let world = World::on(&session.uri(), "");
    let mut alice = world.person("alice");
    // The guest is hardly up: it takes its time.
    alice.ask(WEB1, "shut down", "web1 is shutting down.");
    let answer = alice.ask(WEB1, "start", "");
    assert!(answer.starts_with("web1 is still shutting down") || answer == "web1 is starting.", "{answer}");
    alice.ask(WEB1, "pull the plug", "Type web1 to go on.");
    // It may have gone down by itself in the meantime.
    let cut = alice.ask(WEB1, "web1", "");
    assert!(cut.contains("its power was cut") || cut.contains("it is in a state that does not allow this"), "{cut}");
    assert_eq!(alice.ask(WEB1, "start", ""), "web1 is starting.");
    assert_eq!(session.virsh(&["domstate", "web1"]).expect("virsh sees it"), "running");
}

#[test]
fn five_hundred_machines_defined_and_removed_outside_are_a_few_lines_and_others_are_answered() {
    let session = session(&[]);
    let world = World::on(&session.uri(), "");
    let bob = world.viewer_of("bob", &[HV1]);
    let mut alice = world.person("alice");
    let outside = Connect::open(Some(&session.uri())).expect("libvirt is there");
    let xml = |number: usize| {
        format!(
            "<domain type='qemu'><name>vm-{number:03}</name><memory unit='MiB'>64</memory>\
             <os><type arch='x86_64'>hvm</type></os></domain>"
        )
    };
    let defined: Vec<Domain> =
        (0..500).map(|number| outside.define_domain_xml(&xml(number)).expect("it is defined")).collect();
    let asked = Instant::now();
    alice.ask(DESK, "status", "hv1");
    assert!(asked.elapsed() < Duration::from_secs(5), "an answer took {:?}", asked.elapsed());
    for domain in &defined {
        domain.undefine().expect("it is undefined");
    }
    // On a slow machine it is more than one burst; each says how many it is about, those told one by one before it among them.
    let (mut removed, mut all) = (0, Vec::new());
    while removed < 490 {
        let line = bob.hear(HV1, "vm-");
        let words: Vec<&str> = line.split_whitespace().collect();
        let count = words.windows(2).find(|pair| pair[1].starts_with("removed")).and_then(|pair| pair[0].parse().ok());
        removed += count.unwrap_or(0);
        all.push(line);
        assert!(all.len() < 30, "{all:#?}");
    }
    assert!(bob.see(HV1, "online").contains("0 of 0 machines"), "presence is right: {}", bob.inbox());
}
