//! Changes that take long, with the agent, libvirt or both killed in the middle, on real QEMU guests: what libvirt still works on is taken
//! up again, everything else is told as what it is, nothing is done twice, and whatever volume is left has been named.

use std::fs::File;

use tests::guest::{PATIENCE, Session, wait_for};
use tests::servers::person::Person;

use crate::guests::{disks, world};
use crate::jobs::{about_to_save, slow_to_copy, two_hosts};
use crate::world::{DESK, WEB1, World};

/// Ops of a skill that were begun.
fn begun(world: &World, skill: &str) -> usize {
    world.atoll.begun().iter().filter(|(verb, _)| verb == skill).count()
}

fn volumes(session: &Session, pool: &str) -> String {
    session.virsh(&["vol-list", pool]).expect("virsh lists")
}

fn block_job(session: &Session) -> bool {
    let job = session.virsh(&["blockjob", "web1", "vda", "--info"]).expect("virsh looks");
    !job.trim().is_empty() && !job.contains("No current block job")
}

/// Alice's disk is on its way to the other pool.
fn moving(world: &World) -> Person {
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.see(WEB1, "online");
    alice.ask(WEB1, "move disk vda to ssd", "Go?");
    assert!(alice.ask(WEB1, "yes", "").contains("(job 1)"), "{}", alice.inbox());
    alice
}

/// The disk is where it was to go, and nothing else is left.
fn has_moved(world: &World, session: &Session, alice: &mut Person) {
    let seen = disks(session);
    assert!(seen.contains("/pool-ssd/web1.qcow2") && !block_job(session), "{seen}");
    assert!(!volumes(session, "default").contains("web1.qcow2"), "the old one is gone");
    assert_eq!(begun(world, "disk.move"), 3, "nothing is done twice");
    alice.ask(WEB1, "what are you doing?", "Nothing is under way here.");
    alice.ask(WEB1, "undo", "from ssd to default");
}

#[test]
fn a_move_of_a_disk_is_taken_up_again_after_the_agent_was_killed() {
    let (mut world, session) = slow_to_copy(24);
    let mut alice = moving(&world);
    let bob = world.viewer_of("bob", &[WEB1]);
    world.atoll.kill();
    world.atoll.start();
    assert_eq!(
        alice.hear(WEB1, "Job 1"),
        "Job 1 (move of a disk of web1) was cut off in the middle. libvirt still works on it, and I go on with it."
    );
    let jobs = alice.ask(WEB1, "how far is the move?", "job 1: move of a disk of web1");
    assert!(jobs.contains("% done, for alice"), "{jobs}");
    alice.ask(WEB1, "pause", "alice is changing web1 just now.");
    alice.hear(WEB1, "vda of web1 is in ssd now");
    bob.hear(WEB1, "alice has just moved vda of web1 from default to ssd.");
    has_moved(&world, &session, &mut alice);
    assert_eq!(alice.heard(WEB1, "stopped in the middle"), 0, "{}", alice.inbox());
}

#[test]
fn whoever_is_away_when_a_job_ends_that_was_taken_up_again_hears_of_it_when_they_are_back() {
    let (mut world, session) = slow_to_copy(24);
    moving(&world).log_out();
    world.atoll.kill();
    world.atoll.start();
    wait_for("the move", PATIENCE, || !volumes(&session, "default").contains("web1.qcow2")).expect("it ends");
    let mut alice = Person::log_in_as(&world.server, "alice");
    alice.hear(WEB1, "vda of web1 is in ssd now");
    has_moved(&world, &session, &mut alice);
}

#[test]
fn a_job_that_was_taken_up_again_is_stopped_when_its_asker_says_so() {
    let (mut world, session) = slow_to_copy(48);
    let mut alice = moving(&world);
    world.atoll.kill();
    world.atoll.start();
    alice.hear(WEB1, "I go on with it");
    alice.ask(WEB1, "stop the move", "being stopped");
    let told = alice.hear(WEB1, "alice stopped it");
    assert!(told.contains("Done so far: create volume web1.qcow2."), "{told}");
    assert!(disks(&session).contains("/pool/web1.qcow2") && !block_job(&session), "{}", disks(&session));
    alice.ask(WEB1, "undo", "Type web1.qcow2 to go on.");
    alice.ask(WEB1, "web1.qcow2", "is where it was");
    assert!(!volumes(&session, "ssd").contains("web1.qcow2"));
}

#[test]
fn a_job_whose_copy_others_stopped_meanwhile_is_told_with_what_is_done_and_what_is_not() {
    let (mut world, session) = slow_to_copy(48);
    let mut alice = moving(&world);
    world.atoll.kill();
    session.virsh(&["blockjob", "web1", "vda", "--abort"]).expect("virsh stops it");
    world.atoll.start();
    assert_eq!(
        alice.hear(WEB1, "cut off in the middle"),
        "That was cut off in the middle, at the move of a disk of web1, and goes no further. Done so far: create volume \
         web1.qcow2. Not done: move disk vda and delete the old volume web1.qcow2. Say \"undo\" to take back what is done. web1 is running."
    );
    assert_eq!(begun(&world, "disk.move"), 2, "nothing is run again");
    alice.ask(WEB1, "undo", "Type web1.qcow2 to go on.");
    alice.ask(WEB1, "web1.qcow2", "is where it was");
    assert!(!volumes(&session, "ssd").contains("web1.qcow2"));
}

#[test]
fn a_job_of_somebody_who_lost_the_right_meanwhile_is_not_gone_on_with() {
    let (mut world, session) = slow_to_copy(48);
    let alice = moving(&world);
    world.atoll.kill();
    world.atoll.reconfigure("\"alice@localhost\"", "\"carol@localhost\"");
    world.atoll.start();
    wait_for("the copy to end", PATIENCE, || !block_job(&session)).expect("it is stopped");
    assert!(disks(&session).contains("/pool/web1.qcow2"), "{}", disks(&session));
    assert_eq!(begun(&world, "disk.move"), 2, "nothing is run again");
    assert_eq!(alice.heard(WEB1, ""), 0, "{}", alice.inbox());
}

#[test]
fn a_move_of_a_disk_is_taken_up_again_after_libvirt_was_killed() {
    let (world, mut session) = slow_to_copy(24);
    let mut alice = moving(&world);
    session.kill();
    session.restart().expect("libvirtd starts");
    assert!(alice.hear(WEB1, "Job 1").ends_with("libvirt still works on it, and I go on with it."));
    alice.hear(WEB1, "vda of web1 is in ssd now");
    has_moved(&world, &session, &mut alice);
}

#[test]
fn a_move_of_a_disk_is_taken_up_again_after_both_were_killed() {
    let (mut world, mut session) = slow_to_copy(24);
    let mut alice = moving(&world);
    world.atoll.kill();
    session.kill();
    world.atoll.start();
    alice.ask(DESK, "what are you doing?", "job 1: move of a disk of web1");
    session.restart().expect("libvirtd starts");
    alice.hear(WEB1, "vda of web1 is in ssd now");
    has_moved(&world, &session, &mut alice);
}

/// web1 is being cloned.
fn cloning(world: &World) -> Person {
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.ask(WEB1, "clone yourself as web1b", "Go?");
    assert!(alice.ask(WEB1, "yes", "").contains("(job 1)"), "{}", alice.inbox());
    alice
}

/// web1b is a machine, and web1 goes on as it was.
fn is_cloned(world: &World, session: &Session, alice: &mut Person) {
    assert_eq!(session.virsh(&["domstate", "web1"]).expect("virsh sees it"), "running");
    assert!(disks(session).contains("/pool/web1.qcow2") && !block_job(session), "{}", disks(session));
    assert!(session.virsh(&["domblklist", "web1b"]).expect("it is there").contains("web1b.qcow2"));
    assert_eq!(begun(world, "vm.clone"), 3, "nothing is done twice");
    alice.ask(WEB1, "undo", "Type web1b to go on.");
    alice.ask(WEB1, "web1b", "web1b and its disks are deleted.");
}

#[test]
fn a_cloning_is_taken_up_again_after_the_agent_was_killed() {
    let (mut world, session) = slow_to_copy(24);
    let mut alice = cloning(&world);
    world.atoll.kill();
    world.atoll.start();
    assert!(alice.hear(WEB1, "Job 1").contains("copying of the disks of web1"));
    alice.hear(WEB1, "web1b is a copy of web1 now");
    is_cloned(&world, &session, &mut alice);
}

#[test]
fn a_cloning_is_taken_up_again_after_libvirt_was_killed() {
    let (world, mut session) = slow_to_copy(24);
    let mut alice = cloning(&world);
    session.kill();
    session.restart().expect("libvirtd starts");
    alice.hear(WEB1, "I go on with it");
    alice.hear(WEB1, "web1b is a copy of web1 now");
    is_cloned(&world, &session, &mut alice);
}

/// web1 is off, and a copy of its disk stands still before its first byte.
fn copying() -> (World, Session, Person, File) {
    let (mut world, session) = world(false);
    world.atoll.reconfigure("answer_within = 60", "answer_within = 1");
    world.atoll.stop();
    world.atoll.start();
    let held = session.hold_copies().expect("copies stand still");
    let alice = cloning(&world);
    session.wait_copying().expect("the copy begins");
    (world, session, alice, held)
}

#[test]
fn a_copy_of_a_disk_that_is_off_is_waited_for_after_the_agent_was_killed() {
    let (mut world, _session, mut alice, held) = copying();
    world.atoll.kill();
    world.atoll.start();
    alice.hear(WEB1, "I go on with it");
    alice.ask(WEB1, "what are you doing?", "job 1: copy of a volume");
    drop(held);
    alice.hear(WEB1, "web1b is a copy of web1 now");
    assert_eq!(begun(&world, "vm.clone"), 2, "nothing is done twice");
    alice.ask(WEB1, "undo", "Type web1b to go on.");
    alice.ask(WEB1, "web1b", "web1b and its disks are deleted.");
}

#[test]
fn a_copy_of_a_disk_that_is_off_is_no_copy_after_libvirt_was_killed_and_is_taken_away_by_undo() {
    let (world, mut session, mut alice, held) = copying();
    session.kill();
    drop(held);
    session.restart().expect("libvirtd starts");
    assert_eq!(
        alice.hear(WEB1, "cut off in the middle"),
        "That was cut off in the middle, at the copy of a volume of web1, and nobody can say how far it came. Not done: copy \
         it to volume web1b.qcow2 and define web1b. web1 is off. default/web1b.qcow2 may be left over: say \"undo\" to delete it."
    );
    assert!(session.virsh(&["domstate", "web1b"]).is_err(), "half a copy is no machine");
    assert_eq!(begun(&world, "vm.clone"), 1, "nothing is run again");
    alice.ask(WEB1, "undo", "Type web1b to go on.");
    alice.ask(WEB1, "web1b", "What was made for web1b is deleted.");
    assert!(!volumes(&session, "default").contains("web1b"));
}

/// web1 is on its way to the other host.
fn migrating(world: &World) -> Person {
    let mut alice = world.viewer_of("alice", &[WEB1]);
    alice.see(WEB1, "online");
    alice.ask(WEB1, "migrate to hv2", "Go?");
    assert!(alice.ask(WEB1, "yes", "").contains("(job 1)"), "{}", alice.inbox());
    alice
}

/// web1 goes on where it was, and can be moved.
fn is_here_still(world: &World, here: &Session, there: &Session, alice: &mut Person) {
    let gone = || there.virsh(&["list", "--all", "--name"]).is_ok_and(|names| names.is_empty());
    wait_for("nothing to be left there", PATIENCE, gone).expect("libvirt gives it up");
    assert_eq!(here.virsh(&["domstate", "web1"]).expect("virsh looks"), "running");
    assert_eq!(begun(world, "vm.migrate"), 1, "nothing is run again");
    alice.ask(WEB1, "pause", "web1 is paused");
}

#[test]
fn a_move_to_another_host_that_a_kill_of_the_agent_cut_off_leaves_the_machine_where_it_was() {
    let (mut world, here, there) = two_hosts();
    let mut alice = migrating(&world);
    world.atoll.kill();
    world.atoll.start();
    assert_eq!(
        alice.hear(WEB1, "cut off in the middle"),
        "That was cut off in the middle, at the move of web1 to another host, and goes no further. web1 is still on hv1: \
         running. default/web1.qcow2 on hv2 may be left over."
    );
    is_here_still(&world, &here, &there, &mut alice);
}

#[test]
fn a_move_to_another_host_that_a_kill_of_libvirt_here_cut_off_leaves_the_machine_where_it_was() {
    let (world, mut here, there) = two_hosts();
    let mut alice = migrating(&world);
    here.kill();
    here.restart().expect("libvirtd starts");
    let told = alice.hear(WEB1, "web1 is still on hv1: running.");
    let left = volumes(&there, "default").contains("web1.qcow2");
    assert_eq!(left, told.contains("default/web1.qcow2 on hv2"), "what is left is named: {told}");
    is_here_still(&world, &here, &there, &mut alice);
}

#[test]
fn a_move_to_another_host_that_a_kill_of_libvirt_there_cut_off_leaves_the_machine_where_it_was() {
    let (world, here, mut there) = two_hosts();
    let mut alice = migrating(&world);
    there.kill();
    there.restart().expect("libvirtd starts");
    let told = alice.hear(WEB1, "web1 is still on hv1: running.");
    let left = volumes(&there, "default").contains("web1.qcow2");
    assert_eq!(left, told.contains("default/web1.qcow2 on hv2"), "what is left is named: {told}");
    is_here_still(&world, &here, &there, &mut alice);
}

/// web1 is being saved, and stands still in the middle of it.
fn saving() -> (World, Session, Person) {
    let (world, session, mut alice) = about_to_save();
    assert!(alice.ask(WEB1, "yes", "").contains("(job 1)"), "{}", alice.inbox());
    (world, session, alice)
}

#[test]
fn a_saving_is_waited_for_after_the_agent_was_killed() {
    let (mut world, session, mut alice) = saving();
    world.atoll.kill();
    world.atoll.start();
    alice.ask(WEB1, "what are you doing?", "job 1: saving of web1");
    session.wake_guest("web1").expect("it goes on");
    alice.hear(WEB1, "web1 is saved and off.");
    assert_eq!(begun(&world, "vm.save"), 1, "nothing is done twice");
    alice.ask(WEB1, "start", "web1 goes on from where it was saved.");
}

#[test]
fn a_saving_that_a_kill_of_libvirt_cut_off_is_told_as_not_done_and_the_machine_goes_on() {
    let (world, mut session, mut alice) = saving();
    session.kill();
    session.wake_guest("web1").expect("it goes on");
    session.restart().expect("libvirtd starts");
    let told = alice.hear(WEB1, "saving of web1");
    assert!(told.contains("goes no further") && told.ends_with("web1 is running."), "{told}");
    assert_eq!(begun(&world, "vm.save"), 1, "nothing is run again");
    // What was written of it is no state to go on from.
    alice.ask(WEB1, "pull the plug", "Type web1 to go on.");
    alice.ask(WEB1, "web1", "off");
    alice.ask(WEB1, "start", "web1 is starting.");
}
