//! Changes that take long, on real QEMU guests: asked about while they go on, stopped, and told when they are done.

use tests::guest::Session;
use tests::servers::person::Person;

use crate::guests::{disks, world};
use crate::world::{HV2, WEB1, World};

/// web1 runs on the first of two hosts, and a move takes long.
pub fn two_hosts() -> (World, Session, Session) {
    let session = || Session::start().expect("libvirt and QEMU are installed (scripts/packages.sh)");
    let (here, there) = (session(), session());
    here.define("web1").expect("a guest");
    here.fill_disk("web1", 48).expect("a full disk");
    here.virsh(&["start", "web1"]).expect("it starts");
    let hosts = [("hv1", here.uri()), ("hv2", there.uri())];
    let mut world =
        World::on_hosts(&hosts.each_ref().map(|(name, uri)| (*name, uri.as_str())), "[libvirt]\ncopy_bandwidth = 8\n");
    world.atoll.reconfigure("answer_within = 60", "answer_within = 1");
    world.atoll.stop();
    world.atoll.start();
    (world, here, there)
}

#[test]
fn a_machine_goes_to_another_host_with_its_disk_and_everybody_concerned_hears_it_once() {
    let (world, here, there) = two_hosts();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    let (bob, otto) = (world.viewer_of("bob", &[WEB1]), world.viewer_of("otto", &[HV2]));
    alice.see(WEB1, "online");
    let plan = alice.ask(WEB1, "migrate to hv2", "Go?");
    assert!(
        plan.starts_with("Move web1 from hv1 to hv2 while it goes on. It takes 112 MiB of memory there, and"),
        "{plan}"
    );
    alice.ask(WEB1, "yes", "I'm on it");
    assert!(alice.ask(WEB1, "how far is the migration?", "").contains("move of web1 to another host"));
    alice.hear(WEB1, "web1 is on hv2 now.");
    assert_eq!(bob.hear(WEB1, "hv2"), "alice has just moved web1 from hv1 to hv2.");
    assert_eq!(otto.hear(HV2, "web1"), "alice has just moved web1 from hv1 to hv2.");
    assert_eq!(there.virsh(&["domstate", "web1"]).expect("virsh looks"), "running");
    assert!(here.virsh(&["list", "--all", "--name"]).expect("virsh looks").is_empty());
    assert!(!here.virsh(&["vol-list", "default"]).expect("virsh looks").contains("web1"));
    assert_eq!((alice.heard(WEB1, ""), bob.heard(WEB1, ""), otto.heard(HV2, "web1")), (0, 0, 0), "{}", bob.inbox());
}

/// A running web1 with a disk that takes a minute to copy, and a pool to which it may go.
fn slow_to_move() -> (World, Session) {
    slow_to_copy(48)
}

/// The same with a disk of so many MiB: what comes behind the first 16, which QEMU reads at once, takes a second each.
pub fn slow_to_copy(filled: usize) -> (World, Session) {
    let session = Session::start().expect("libvirt and QEMU are installed (scripts/packages.sh)");
    session.add_pool("ssd").expect("another pool");
    session.define("web1").expect("a guest");
    session.fill_disk("web1", filled).expect("a full disk");
    session.virsh(&["start", "web1"]).expect("it starts");
    let mut world = World::on(&session.uri(), "[libvirt]\ncopy_bandwidth = 1\n");
    world.atoll.reconfigure("answer_within = 60", "answer_within = 1");
    world.atoll.stop();
    world.atoll.start();
    (world, session)
}

/// Somebody sees web1 with such a status.
fn shows(person: &Person, fits: impl Fn(&str) -> bool) {
    person.wait("another look of web1", |event| {
        let status = event["status"].as_str().unwrap_or_default();
        event["kind"] == "presence" && event["bare"] == WEB1 && event["type"] == "" && fits(status)
    });
}

#[test]
fn a_disk_moves_while_its_machine_goes_on_and_the_move_is_stopped_when_its_asker_says_so() {
    let (world, session) = slow_to_move();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    let bob = world.viewer_of("bob", &[WEB1]);
    alice.see(WEB1, "online");
    let plan = alice.ask(WEB1, "move disk vda to ssd", "Go?");
    assert!(plan.contains("from default to ssd while it goes on"), "{plan}");
    alice.ask(WEB1, "yes", "I'm on it");
    let jobs = alice.ask(WEB1, "how far is the move?", "");
    assert!(jobs.contains("move of a disk of web1") && jobs.contains("% done"), "{jobs}");
    assert_eq!(alice.ask(WEB1, "status", "").lines().next(), Some("web1 is running."), "{}", alice.inbox());
    shows(&bob, |status| {
        status.starts_with("running; under way: move of a disk of web1, ") && status.ends_with(" % done")
    });
    bob.forget();
    alice.ask(WEB1, "stop the move", "being stopped");
    let told = alice.hear(WEB1, "alice stopped it");
    shows(&bob, |status| status == "running");
    assert!(told.contains("Done so far: create volume web1.qcow2."), "{told}");
    assert!(disks(&session).contains("/pool/web1.qcow2"), "{}", disks(&session));
    alice.ask(WEB1, "undo", "Type web1.qcow2 to go on.");
    alice.ask(WEB1, "web1.qcow2", "is where it was");
    assert!(!session.virsh(&["vol-list", "ssd"]).expect("virsh lists").contains("web1.qcow2"));
}

#[test]
fn a_cloning_is_stopped_when_its_asker_says_so_and_its_machine_goes_on() {
    let (world, session) = slow_to_move();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.see(WEB1, "online");
    alice.ask(WEB1, "clone yourself as web1b", "Go?");
    assert!(alice.ask(WEB1, "yes", "").starts_with("I'm on it"), "{}", alice.inbox());
    let jobs = alice.ask(WEB1, "how far is the clone?", "");
    assert!(jobs.contains("copying of the disks of web1"), "{jobs}");
    alice.ask(WEB1, "stop the clone", "being stopped");
    let told = alice.hear(WEB1, "alice stopped it");
    assert!(told.contains("Done so far: create volume web1b.qcow2."), "{told}");
    assert_eq!(session.virsh(&["domstate", "web1"]).expect("virsh sees it"), "running");
    assert!(disks(&session).contains("/pool/web1.qcow2"), "{}", disks(&session));
    alice.ask(WEB1, "undo", "Type web1b to go on.");
    alice.ask(WEB1, "web1b", "What was made for web1b is deleted.");
    assert!(!session.virsh(&["vol-list", "default"]).expect("virsh lists").contains("web1b"));
}

/// web1 stands still, and alice is asked whether to save it.
pub fn about_to_save() -> (World, Session, Person) {
    let (mut world, session) = world(true);
    world.atoll.reconfigure("answer_within = 60", "answer_within = 1");
    world.atoll.stop();
    world.atoll.start();
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.see(WEB1, "online");
    alice.ask(WEB1, "hibernate", "Go?");
    session.hang_guest("web1").expect("it stands still");
    (world, session, alice)
}

#[test]
fn what_takes_long_goes_on_while_its_asker_talks_and_is_told_when_it_is_done() {
    let (_world, session, mut alice) = about_to_save();
    let under_way = "I'm on it; that takes longer than a moment. I'll tell you when it is done. (job 1)";
    assert_eq!(alice.ask(WEB1, "yes", ""), under_way);
    let jobs = alice.ask(WEB1, "what are you doing?", "");
    assert!(jobs.contains("job 1: saving of web1, for alice"), "{jobs}");
    session.wake_guest("web1").expect("it goes on");
    alice.hear(WEB1, "web1 is saved and off.");
    alice.see(WEB1, "xa");
    assert_eq!(alice.ask(WEB1, "start", ""), "web1 goes on from where it was saved.");
}
