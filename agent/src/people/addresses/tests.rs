//! Addresses over the life of a site: what stays, what goes over to another machine, what is let go.

use super::*;
use crate::host::State;

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn on(hypervisor: &str, number: u128, name: &str) -> Machine {
    let id = MachineId { hypervisor: hypervisor.to_owned(), uuid: uuid::Uuid::from_u128(number) };
    Machine::new(id, name, State::Off)
}

fn machine(number: u128, name: &str) -> Machine {
    on("hv1", number, name)
}

fn entity(machine: &Machine) -> Entity {
    Entity::Machine(machine.id.clone())
}

fn sync(addresses: &mut Addresses, machines: &[Machine], now: Timestamp) -> Changes {
    addresses.sync(&[("hv1", true), ("hv2", true)], machines.iter(), now)
}

fn days(number: i64) -> Timestamp {
    START + SignedDuration::from_hours(24 * number)
}

/// What the journal would remember of these changes.
fn facts(changes: &[Changes]) -> Table {
    let mut facts = Table::default();
    for (local, record) in changes.iter().flat_map(|changes| &changes.facts) {
        facts.set(START, ADDRESS, local, serde_json::to_value(record).unwrap());
    }
    facts
}

#[test]
fn an_address_stays_with_its_machine() {
    let mut addresses = Addresses::default();
    let (web, twin) = (machine(1, "web1"), machine(2, "Web1"));
    let first = sync(&mut addresses, &[web.clone(), twin.clone()], START);
    assert_eq!(addresses.local(&entity(&web)), Some("web1"));
    assert_eq!(addresses.local(&entity(&twin)), Some("web1-2"));
    // A rename adds an address, and the old one keeps answering; also after a restart.
    let renamed = machine(1, "front");
    let second = sync(&mut addresses, &[renamed, twin.clone()], START);
    for addresses in [&addresses, &Addresses::restored(&facts(&[first, second]))] {
        assert_eq!(addresses.local(&entity(&web)), Some("front"));
        assert_eq!(addresses.record("web1").unwrap().entity, entity(&web));
    }
    // A removed machine answers for 30 days, then its addresses are free.
    sync(&mut addresses, std::slice::from_ref(&twin), START);
    assert!(addresses.record("front").unwrap().gone.is_some());
    sync(&mut addresses, std::slice::from_ref(&twin), days(29));
    assert!(addresses.record("front").is_some());
    let changes = sync(&mut addresses, std::slice::from_ref(&twin), days(31));
    assert!(changes.news.contains(&News::Freed("front".to_owned())), "{changes:?}");
    assert_eq!((addresses.record("front"), addresses.local(&entity(&web))), (None, None));
}

#[test]
fn of_a_host_that_was_not_read_nothing_is_gone() {
    let machines = [machine(1, "web1"), on("hv2", 2, "db1")];
    let first = sync(&mut Addresses::default(), &machines, START);
    let mut addresses = Addresses::restored(&facts(&[first]));
    // hv2 can't be reached: what is on it is what is remembered, however long that takes.
    let changes = addresses.sync(&[("hv1", true), ("hv2", false)], machines[..1].iter(), days(100));
    assert_eq!(changes, Changes::default());
    assert_eq!(addresses.machines().map(|(_, name)| name).collect::<Vec<_>>(), ["db1", "web1"]);
    // It comes back without its machine: now libvirt has said so.
    let changes = sync(&mut addresses, &machines[..1], days(100));
    assert!(matches!(&changes.news[..], [News::Gone(local, _)] if local == "db1"), "{changes:?}");
    assert!(addresses.record("db1").unwrap().gone.is_some());
    // And it was only away: the address is its own again, which the journal learns.
    let changes = sync(&mut addresses, &machines, days(101));
    assert_eq!(changes.news, [News::Back("db1".to_owned())]);
    assert!(matches!(&changes.facts[..], [(local, Some(record))] if local == "db1" && record.gone.is_none()));
}

#[test]
fn a_host_that_is_taken_out_of_the_configuration_keeps_its_addresses_for_thirty_days() {
    let machines = [machine(1, "web1"), on("hv2", 2, "db1")];
    let mut addresses = Addresses::default();
    sync(&mut addresses, &machines, START);
    let without = |addresses: &mut Addresses, now| addresses.sync(&[("hv1", true)], machines[..1].iter(), now);
    let mut gone: Vec<String> = without(&mut addresses, days(1))
        .news
        .into_iter()
        .map(|news| match news {
            News::Gone(local, _) => local,
            other => panic!("{other:?}"),
        })
        .collect();
    gone.sort();
    assert_eq!(gone, ["db1", "hv2"]);
    without(&mut addresses, days(20));
    assert_eq!(sync(&mut addresses, &machines, days(20)).news.len(), 2, "both are back");
    without(&mut addresses, days(21));
    assert_eq!(without(&mut addresses, days(52)).news.len(), 2, "both are freed");
    assert_eq!((addresses.record("db1"), addresses.record("hv2")), (None, None));
}

#[test]
fn a_machine_defined_anew_under_its_name_takes_the_address_over_and_that_is_told() {
    let mut addresses = Addresses::default();
    let (old, new) = (machine(1, "web1"), machine(2, "web1"));
    sync(&mut addresses, std::slice::from_ref(&old), START);
    addresses.sync_machine(&old.id, None, START);
    let changes = addresses.sync_machine(&new.id, Some(&new), START);
    assert!(
        matches!(&changes.news[..], [News::TakenOver(local, record)] if local == "web1" && record.entity == entity(&new))
    );
    assert_eq!((addresses.local(&entity(&new)), addresses.local(&entity(&old))), (Some("web1"), None));
    // Seen only after both happened (a resync, a restart): the same.
    let newest = machine(3, "web1");
    let changes = sync(&mut addresses, std::slice::from_ref(&newest), START);
    assert!(matches!(&changes.news[..], [News::Gone(..), News::TakenOver(..)]), "{changes:?}");
    assert_eq!(addresses.local(&entity(&newest)), Some("web1"));
}

#[test]
fn nobody_takes_the_address_of_a_machine_that_is_there_or_of_one_on_another_host() {
    let mut addresses = Addresses::default();
    let (old, elsewhere) = (machine(1, "web1"), on("hv2", 2, "web1"));
    sync(&mut addresses, &[old.clone(), elsewhere.clone()], START);
    assert_eq!(addresses.local(&entity(&elsewhere)), Some("web1-2"));
    sync(&mut addresses, std::slice::from_ref(&elsewhere), START);
    assert_eq!(addresses.local(&entity(&elsewhere)), Some("web1-2"), "another machine on another host");
    assert_eq!(addresses.record("web1").unwrap().entity, entity(&old));
}

#[test]
fn a_machine_that_moves_to_another_host_keeps_its_address() {
    let mut addresses = Addresses::default();
    let (here, there) = (machine(1, "web1"), on("hv2", 1, "web1"));
    let first = sync(&mut addresses, std::slice::from_ref(&here), START);
    let moved = sync(&mut addresses, std::slice::from_ref(&there), START);
    assert!(matches!(&moved.news[..], [News::Moved(local, _)] if local == "web1"), "never away: {moved:?}");
    // Gone before it comes up there, it is away in between, and then the same.
    let gone = addresses.sync_machine(&there.id, None, START);
    let back = addresses.sync_machine(&here.id, Some(&here), START);
    assert!(matches!(&back.news[..], [News::Back(_), News::Moved(..)]), "{back:?}");
    for addresses in [&addresses, &Addresses::restored(&facts(&[first, moved, gone, back]))] {
        assert_eq!(addresses.local(&entity(&there)), Some("web1"));
        assert_eq!(addresses.record("web1").unwrap().entity.hypervisor(), Some("hv1"));
        assert_eq!((addresses.on("hv1").count(), addresses.on("hv2").count()), (2, 1), "each host, and web1");
    }
}

#[test]
fn two_addresses_that_a_machine_was_given_on_two_hosts_are_both_its_own() {
    let record = |hypervisor: &str, gone: bool| {
        let entity = entity(&on(hypervisor, 1, "web1"));
        let record = Record { entity, name: "web1".to_owned(), gone: gone.then_some(START), former: false };
        serde_json::to_value(record).unwrap()
    };
    let facts = [("web1", record("hv1", true)), ("web1-2", record("hv2", false))];
    let mut table = Table::default();
    for (local, record) in facts {
        table.set(START, ADDRESS, local, record);
    }
    let mut addresses = Addresses::restored(&table);
    let there = on("hv2", 1, "web1");
    sync(&mut addresses, std::slice::from_ref(&there), START);
    assert_eq!(addresses.held(&entity(&there)), ["web1", "web1-2"]);
    assert!(addresses.record("web1").unwrap().gone.is_none());
}

#[test]
fn odd_names_make_valid_addresses() {
    for (name, local) in [("vm 42", "vm\\2042"), ("a/b@c", "a\\2fb\\40c"), ("db-eu-3", "db-eu-3")] {
        assert_eq!(localpart(name), local);
        assert!(jid::BareJid::new(&format!("{}@vms.example.org", localpart(name))).is_ok());
    }
}

#[test]
fn ten_thousand_machines_get_their_addresses_in_a_moment() {
    let machines: Vec<Machine> = (0..10_000).map(|number| machine(number, &format!("vm-{number}"))).collect();
    let mut addresses = Addresses::default();
    let begun = std::time::Instant::now();
    let first = sync(&mut addresses, &machines, START);
    assert_eq!(first.facts.len(), 10_002, "a fact each, and one for each hypervisor");
    assert_eq!(sync(&mut addresses, &machines, START), Changes::default());
    for machine in &machines {
        assert_eq!(addresses.sync_machine(&machine.id, Some(machine), START), Changes::default());
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}
