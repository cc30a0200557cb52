//! Fleets by name, for transcripts.

use std::collections::BTreeMap;

use grammar::size::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::host::{Disk, Machine, MachineId, Pool, Snapshot, State, Volume};

/// The names of all fixtures.
pub const NAMES: [&str; 5] = ["two_vms", "fleet", "odd_names", "twins", "empty"];

const GIB: u64 = 1 << 30;
const FOLDER: &str = "/var/lib/libvirt/images";

/// What a fixture sets up.
pub struct Fixture {
    /// Names and URIs.
    pub hypervisors: Vec<(String, String)>,
    /// Their machines.
    pub machines: Vec<Machine>,
    /// Volumes by hypervisor and pool.
    pub volumes: BTreeMap<(String, String), Vec<Volume>>,
}

/// Pool "default", 500 GiB, on every hypervisor.
pub fn default_pool() -> Pool {
    Pool {
        name: "default".to_owned(),
        kind: "dir".to_owned(),
        active: true,
        capacity: Bytes(500 * GIB),
        available: Bytes(500 * GIB),
    }
}

/// The fixture of that name.
pub fn named(name: &str) -> Option<Fixture> {
    let mut fixture = Fixture { hypervisors: Vec::new(), machines: Vec::new(), volumes: BTreeMap::new() };
    fixture.hypervisor("hv1");
    match name {
        "two_vms" => {
            fixture.machine("hv1", "web1", State::Running, 2, 2, 20);
            fixture.machine("hv1", "db1", State::Off, 4, 2, 40);
            fixture.snapshot("web1", "before-upgrade");
        }
        "fleet" => {
            fixture.hypervisor("hv2");
            fixture.machine("hv1", "web1", State::Running, 2, 2, 20);
            fixture.machine("hv1", "web2", State::Running, 2, 2, 20);
            fixture.machine("hv1", "web3", State::Off, 2, 2, 20);
            fixture.machine("hv1", "db1", State::Running, 8, 4, 100);
            fixture.machine("hv1", "build-box", State::Off, 16, 8, 200);
            fixture.machine("hv1", "vm 42", State::Paused, 1, 1, 10);
            fixture.machine("hv1", "db-eu-3", State::Running, 8, 4, 100);
            fixture.machine("hv2", "cache1", State::Running, 4, 2, 20);
            fixture.snapshot("web1", "before-upgrade");
        }
        "odd_names" => {
            for name in ["stop", "all", "me", "yes", "delete-me", "it", "memory"] {
                fixture.machine("hv1", name, State::Running, 1, 1, 10);
            }
        }
        "twins" => {
            fixture.hypervisor("hv2");
            fixture.machine("hv1", "web1", State::Running, 2, 2, 20);
            fixture.machine("hv2", "web1", State::Running, 2, 2, 20);
        }
        "empty" => {}
        _ => return None,
    }
    Some(fixture)
}

impl Fixture {
    fn hypervisor(&mut self, name: &str) {
        self.hypervisors.push((name.to_owned(), "qemu:///system".to_owned()));
        self.volumes.insert((name.to_owned(), "default".to_owned()), Vec::new());
    }

    /// A machine with one qcow2 disk, of which a quarter is filled.
    fn machine(&mut self, hypervisor: &str, name: &str, state: State, memory: u64, vcpus: u32, disk: u64) {
        let number = self.machines.len() as u128 + 1;
        let volume = format!("{name}.qcow2");
        let path = format!("{FOLDER}/{volume}");
        let key = (hypervisor.to_owned(), "default".to_owned());
        self.volumes.entry(key).or_default().push(Volume {
            name: volume.clone(),
            path: path.clone(),
            capacity: Bytes(disk * GIB),
            allocation: Bytes(disk * GIB / 4),
        });
        let id = MachineId {
            hypervisor: hypervisor.to_owned(),
            uuid: Uuid::from_u128(0xa701_1000_0000_4000_8000_0000_0000_0000 + number),
        };
        self.machines.push(Machine {
            vcpus,
            vcpus_max: vcpus,
            memory: Bytes(memory * GIB),
            memory_max: Bytes(memory * GIB),
            disks: vec![Disk {
                target: "vda".to_owned(),
                device: "disk".to_owned(),
                kind: "file".to_owned(),
                protocol: None,
                source: Some(path),
                volume: Some(("default".to_owned(), volume)),
                format: "qcow2".to_owned(),
                bus: "virtio".to_owned(),
                readonly: false,
            }],
            os: Some("debian12".to_owned()),
            ..Machine::new(id, name, state)
        });
    }

    /// A snapshot of a running machine, taken on the first of January 2026.
    fn snapshot(&mut self, machine: &str, name: &str) {
        let machine = self.machines.iter_mut().find(|known| known.name == machine);
        machine.expect("the fixture has it").snapshots.push(Snapshot {
            name: name.to_owned(),
            created: Timestamp::from_second(1_767_225_600).expect("a second of this century"),
            state: State::Running,
            current: true,
        });
    }
}
