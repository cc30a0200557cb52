//! What is there, where it counts, and what a reading tells.

use grammar::size::Bytes;

use super::*;
use crate::host::{Disk, Snapshot};

fn machine(number: u128, state: State) -> Machine {
    let disk = |target: &str| Disk {
        target: target.to_owned(),
        device: "disk".to_owned(),
        kind: "file".to_owned(),
        protocol: None,
        source: Some(format!("/var/lib/libvirt/images/machine-{number}-{target}.qcow2")),
        volume: Some(("default".to_owned(), format!("machine-{number}-{target}.qcow2"))),
        format: "qcow2".to_owned(),
        bus: "virtio".to_owned(),
        readonly: false,
        shared: false,
    };
    let snapshot = |n| Snapshot {
        name: format!("before-upgrade-{n}"),
        created: Timestamp::UNIX_EPOCH,
        state,
        current: false,
        disks: None,
    };
    let id = MachineId { hypervisor: "hv1".to_owned(), uuid: Uuid::from_u128(number) };
    Machine {
        vcpus: 2,
        vcpus_max: 2,
        memory: Bytes(2 << 30),
        memory_max: Bytes(2 << 30),
        disks: vec![disk("vda"), disk("vdb"), disk("vdc")],
        snapshots: (0..5).map(snapshot).collect(),
        os: Some("debian12".to_owned()),
        ..Machine::new(id, format!("machine-{number}"), state)
    }
}

fn mirror() -> Mirror {
    Mirror::new([("hv1".to_owned(), "test:///default".to_owned())], Timestamp::UNIX_EPOCH)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn since_is_when_the_state_was_seen_to_change_and_not_earlier() {
    let mirror = mirror();
    assert_eq!(mirror.put(machine(1, State::Off), at(10)).since, None, "nobody knows since when it is off");
    assert_eq!(mirror.put(machine(1, State::Running), at(20)).since, Some(at(20)));
    assert_eq!(mirror.put(machine(1, State::Running), at(30)).since, Some(at(20)));
    mirror.set_state(&machine(1, State::Off).id, State::Paused, at(40));
    assert_eq!(mirror.machines()[0].since, Some(at(40)));
}

#[test]
fn a_machine_on_its_way_down_is_so_until_it_is_off() {
    let mirror = mirror();
    let id = machine(1, State::Off).id;
    mirror.put(machine(1, State::Running), at(1));
    mirror.set_ending(&id, Some(at(2)));
    assert_eq!(mirror.put(Machine { vcpus: 4, ..machine(1, State::Running) }, at(3)).ending, Some(at(2)));
    assert_eq!(mirror.put(machine(1, State::Off), at(4)).ending, None);
    mirror.set_ending(&id, Some(at(5)));
    assert_eq!(mirror.put(machine(1, State::Running), at(6)).ending, None, "what is off is not on its way down");
    mirror.note(&id, EventKind::Saved, at(7));
    assert_eq!((mirror.machines()[0].state, mirror.machines()[0].saved), (State::Off, true));
    assert!(!mirror.put(Machine { saved: true, ..machine(1, State::Running) }, at(8)).saved);
}

#[test]
fn a_resync_tells_who_came_went_and_changed() {
    let mirror = mirror();
    mirror.replace("hv1", vec![machine(1, State::Running), machine(2, State::Off), machine(3, State::Off)], at(1));
    let held = mirror.machine(&machine(2, State::Off).id).unwrap();
    let differences =
        mirror.replace("hv1", vec![machine(1, State::Off), machine(2, State::Off), machine(4, State::Off)], at(2));
    let told: Vec<_> = differences
        .iter()
        .map(|d| (d.before.as_ref().map(|m| m.name.as_str()), d.after.as_ref().map(|m| m.state)))
        .collect();
    let expected = [(Some("machine-3"), None), (Some("machine-1"), Some(State::Off)), (None, Some(State::Off))];
    assert_eq!(told, expected);
    assert!(Arc::ptr_eq(&held, &mirror.machine(&held.id).unwrap()), "what did not change is not copied");
}

#[test]
fn what_is_remembered_counts_until_the_host_is_read_and_no_longer() {
    let mirror = mirror();
    let (web1, gone) = (machine(1, State::Off), machine(2, State::Off));
    mirror.remember([&web1, &gone].map(|machine| (machine.id.clone(), machine.name.clone())));
    assert!(!mirror.hypervisors()[0].read && mirror.machines().is_empty());
    assert_eq!(mirror.remembered().len(), 2);
    mirror.replace("hv1", vec![web1.clone()], at(1));
    assert!(mirror.hypervisors()[0].read && mirror.remembered().is_empty());
    mirror.remember([(gone.id.clone(), gone.name.clone())]);
    assert!(mirror.remembered().is_empty(), "it has been read: that machine is not there");
}

#[test]
fn a_machine_is_found_by_its_present_name_in_any_case_and_by_no_earlier_one() {
    let mirror = mirror();
    mirror.put(machine(1, State::Off), at(1));
    mirror.put(Machine { name: "MACHINE-1".to_owned(), ..machine(2, State::Off) }, at(1));
    mirror.put(Machine { name: "web1".to_owned(), ..machine(1, State::Off) }, at(2));
    let named = |name: &str| mirror.named(name).iter().map(|machine| machine.name.clone()).collect::<Vec<_>>();
    assert_eq!(named("Web1"), ["web1"]);
    assert_eq!(named("machine-1"), ["MACHINE-1"]);
    mirror.remove(&machine(2, State::Off).id);
    assert_eq!(named("machine-1"), [""; 0]);
}

#[test]
fn a_machine_is_found_by_its_present_title_and_metadata_name() {
    let mirror = mirror();
    let title = |title: &str| Some(title.to_owned());
    mirror.put(Machine { title: title("Shop"), ..machine(1, State::Off) }, at(1));
    mirror.put(Machine { metadata_name: title("shop"), title: title("Shop"), ..machine(2, State::Off) }, at(1));
    let called = |name: &str| mirror.also_called(name).iter().map(|m| m.name.clone()).collect::<Vec<_>>();
    assert_eq!(called("SHOP"), ["machine-1", "machine-2"]);
    mirror.put(Machine { title: title("Wiki"), ..machine(1, State::Off) }, at(2));
    assert_eq!((called("shop"), called("wiki")), (vec!["machine-2".to_owned()], vec!["machine-1".to_owned()]));
    mirror.remove(&machine(2, State::Off).id);
    assert_eq!(called("shop"), [""; 0]);
}

#[test]
fn a_machine_on_two_hosts_is_there_once_where_it_runs_and_its_moves_are_told_once() {
    let mirror = Mirror::new(["hv1", "hv2"].map(|name| (name.to_owned(), String::new())), at(0));
    let on = |hypervisor: &str, state, moving| {
        let id = MachineId { hypervisor: hypervisor.to_owned(), ..machine(1, state).id };
        Machine { moving, ..Machine::new(id, "web1", state) }
    };
    let place = || {
        let machines = mirror.machines();
        assert_eq!((machines.len(), mirror.named("web1").len()), (1, 1));
        assert_eq!(mirror.machine(&on("hv9", State::Off, false).id), Some(machines[0].clone()));
        machines[0].id.hypervisor.clone()
    };
    let moves = || mirror.take_moves().into_iter().map(|moved| moved.from).collect::<Vec<_>>();
    mirror.replace("hv1", vec![on("hv1", State::Running, false)], at(1));
    mirror.replace("hv2", vec![], at(1));
    // It comes, it goes, it is there: at each moment it is in one place, and it never was away.
    mirror.put(on("hv2", State::Running, true), at(2));
    assert_eq!((place(), moves()), ("hv1".to_owned(), vec![]));
    assert!(!mirror.is_news(&on("hv2", State::Off, false).id, EventKind::MovedHere), "it is not here yet");
    mirror.put(on("hv1", State::Running, true), at(3));
    assert_eq!(place(), "hv1");
    mirror.put(on("hv2", State::Running, false), at(4));
    assert_eq!((place(), moves()), ("hv2".to_owned(), vec!["hv1".to_owned()]));
    mirror.put(on("hv1", State::Off, false), at(5));
    assert_eq!((place(), moves()), ("hv2".to_owned(), vec![]), "what is left of it there");
    // Off on both it is where it was; and one that can't be seen is not elsewhere for that.
    mirror.set_unreachable("hv1", None);
    for state in [State::Off, State::Running] {
        mirror.set_unreachable("hv2", None);
        mirror.put(on("hv2", state, false), at(6));
        mirror.set_unreachable("hv2", Some((at(6), String::new())));
        assert_eq!((place(), moves()), ("hv2".to_owned(), vec![]), "{state:?}");
    }
    // Somebody started it again elsewhere.
    mirror.put(on("hv1", State::Running, false), at(7));
    assert_eq!((place(), moves()), ("hv1".to_owned(), vec!["hv2".to_owned()]));
    mirror.put(on("hv1", State::Off, false), at(7));
    assert_eq!((place(), moves()), ("hv2".to_owned(), vec!["hv1".to_owned()]));
    // Gone from one before it is seen on the other: the same move.
    mirror.remove(&on("hv1", State::Off, false).id);
    mirror.remove(&on("hv2", State::Off, false).id);
    assert_eq!((mirror.machines().len(), moves()), (0, vec![]));
    mirror.put(on("hv1", State::Running, false), at(9));
    assert_eq!((place(), moves()), ("hv1".to_owned(), vec!["hv2".to_owned()]));
}

#[test]
fn one_that_runs_twice_is_named_once_until_it_does_no_more() {
    let mirror = Mirror::new(["hv1", "hv2"].map(|name| (name.to_owned(), String::new())), at(0));
    let on = |hypervisor: &str, state| {
        Machine::new(MachineId { hypervisor: hypervisor.to_owned(), ..machine(1, state).id }, "web1", state)
    };
    let uuid = machine(1, State::Off).id.uuid;
    mirror.put(on("hv1", State::Running), at(1));
    mirror.put(on("hv2", State::Off), at(1));
    assert_eq!(mirror.doubled(uuid), None);
    mirror.put(on("hv2", State::Running), at(2));
    assert_eq!(mirror.doubled(uuid).map(|machine| machine.id.hypervisor.clone()), Some("hv2".to_owned()));
    assert_eq!(mirror.doubled(uuid), None, "once");
    mirror.put(on("hv2", State::Off), at(3));
    assert_eq!(mirror.doubled(uuid), None);
    mirror.put(on("hv2", State::Running), at(4));
    assert!(mirror.doubled(uuid).is_some(), "again");
}

#[test]
fn two_thousand_machines_take_less_than_8_kilobytes_each() {
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let mirror = mirror();
    let before = resident();
    for number in 0..2_000 {
        mirror.put(machine(number, State::Running), at(1));
    }
    let each = resident().saturating_sub(before) / 2_000;
    assert_eq!(mirror.count("hv1"), 2_000);
    assert!(each < 8 << 10, "{each} bytes each");
}

#[test]
fn the_list_stays_in_order_and_tells_when_something_is_called_otherwise() {
    let mirror = mirror();
    for number in [7, 3, 12, 5, 1] {
        mirror.put(machine(number, State::Running), at(10));
    }
    let names = || mirror.machines().iter().map(|machine| machine.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(), ["machine-1", "machine-12", "machine-3", "machine-5", "machine-7"]);
    let known = mirror.naming();
    mirror.put(Machine { state: State::Off, ..machine(3, State::Running) }, at(20));
    mirror.set_ending(&machine(5, State::Running).id, Some(at(20)));
    assert_eq!(mirror.naming(), known, "a state is no name");
    assert_eq!(mirror.machines()[2].state, State::Off, "and is listed as it is");
    assert_eq!(mirror.machines()[3].ending, Some(at(20)));

    mirror.put(Machine { name: "zeta".to_owned(), ..machine(1, State::Running) }, at(30));
    mirror.remove(&machine(7, State::Running).id);
    assert_eq!(names(), ["machine-12", "machine-3", "machine-5", "zeta"]);
    assert_ne!(mirror.naming().machines, known.machines);
    let known = mirror.naming();
    mirror.put(Machine { disks: Vec::new(), ..machine(5, State::Running) }, at(40));
    assert_eq!(mirror.naming().machines, known.machines);
    assert_ne!(mirror.naming().things, known.things);

    mirror.set_unread("hv1");
    assert_eq!((names().len(), mirror.remembered().len()), (0, 4));
    assert_ne!(mirror.naming().machines, known.machines);
}
