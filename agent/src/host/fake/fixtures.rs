//! Fleets by name, for transcripts.

use std::collections::BTreeMap;

use grammar::size::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::host::{Disk, Machine, MachineId, Nic, Passed, PassedKind, Pool, Snapshot, State, Volume};

/// The names of all fixtures.
pub const NAMES: [&str; 8] =
    ["two_vms", "fleet", "odd_names", "twins", "three_hosts", "real_life", "transient", "empty"];

const GIB: u64 = 1 << 30;
/// What a pool holds.
pub(super) const POOL: Bytes = Bytes(500 * GIB);
const FOLDER: &str = "/var/lib/libvirt/images";

/// What is there when a fake host begins.
#[derive(Debug, Default)]
pub struct Fixture {
    /// Names and URIs.
    pub hypervisors: Vec<(String, String)>,
    /// Their machines.
    pub machines: Vec<Machine>,
    /// Volumes by hypervisor and pool.
    pub volumes: BTreeMap<(String, String), Vec<Volume>>,
    /// How big the pool "default" is, by hypervisor; 500 GiB where nothing is said.
    pub capacities: BTreeMap<String, Bytes>,
    /// Other pools, by hypervisor.
    pub pools: Vec<(String, Pool)>,
}

/// Pool "default", empty.
pub fn default_pool(capacity: Bytes) -> Pool {
    Pool { name: "default".to_owned(), kind: "dir".to_owned(), active: true, capacity, available: capacity }
}

/// A small machine, off, without disks; its name gives its UUID.
pub fn machine(hypervisor: &str, name: &str) -> Machine {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let id = MachineId { hypervisor: hypervisor.to_owned(), uuid: Uuid::from_bytes(bytes) };
    Machine::new(id, name, State::Off)
}

/// The fixture of that name.
pub fn named(name: &str) -> Option<Fixture> {
    let mut fixture = Fixture::default();
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
        "three_hosts" => fixture.three_hosts(),
        "real_life" => fixture.real_life(),
        "transient" => {
            fixture.machine("hv1", "web1", State::Running, 2, 2, 20);
            fixture.machine("hv1", "scratch", State::Running, 1, 1, 10);
            for machine in fixture.machines.iter_mut().filter(|machine| machine.name == "scratch") {
                machine.persistent = false;
            }
        }
        "empty" => {}
        _ => return None,
    }
    Some(fixture)
}

impl Fixture {
    /// Adds an empty pool.
    pub fn pool(&mut self, hypervisor: &str, name: &str, capacity: Bytes) {
        let pool = Pool { name: name.to_owned(), ..default_pool(capacity) };
        self.pools.push((hypervisor.to_owned(), pool));
    }

    /// Adds a hypervisor with an empty pool.
    pub fn hypervisor(&mut self, name: &str) {
        self.hypervisors.push((name.to_owned(), "qemu:///system".to_owned()));
        self.volumes.insert((name.to_owned(), "default".to_owned()), Vec::new());
    }

    /// A Debian with one qcow2 disk.
    fn machine(&mut self, hypervisor: &str, name: &str, state: State, memory: u64, vcpus: u32, disk: u64) {
        let disks = [("vda".to_owned(), format!("{name}.qcow2"), Bytes(disk * GIB))];
        let machine = self.machine_with(hypervisor, name, state, Bytes(memory * GIB), vcpus, &disks);
        machine.os = Some("debian12".to_owned());
    }

    /// Adds a machine with disks of the pool "default", each with its target, volume and size, a quarter of which is filled. A volume whose
    /// name ends with a format's is of that format.
    pub fn machine_with(
        &mut self,
        hypervisor: &str,
        name: &str,
        state: State,
        memory: Bytes,
        vcpus: u32,
        disks: &[(String, String, Bytes)],
    ) -> &mut Machine {
        let number = self.machines.len() as u128 + 1;
        let key = (hypervisor.to_owned(), "default".to_owned());
        let volumes = self.volumes.entry(key).or_default();
        let disk = |(target, volume, _): &(String, String, Bytes)| Disk {
            target: target.clone(),
            device: "disk".to_owned(),
            kind: "file".to_owned(),
            protocol: None,
            source: Some(format!("{FOLDER}/{volume}")),
            volume: Some(("default".to_owned(), volume.clone())),
            format: if volume.ends_with(".raw") { "raw" } else { "qcow2" }.to_owned(),
            bus: "virtio".to_owned(),
            readonly: false,
            shared: false,
        };
        volumes.extend(disks.iter().map(|(_, volume, size)| Volume {
            name: volume.clone(),
            path: format!("{FOLDER}/{volume}"),
            capacity: *size,
            allocation: Bytes(size.0 / 4),
        }));
        let id = MachineId {
            hypervisor: hypervisor.to_owned(),
            uuid: Uuid::from_u128(0xa701_1000_0000_4000_8000_0000_0000_0000 + number),
        };
        self.machines.push(Machine {
            vcpus,
            vcpus_max: vcpus,
            memory,
            memory_max: memory,
            disks: disks.iter().map(disk).collect(),
            ..Machine::new(id, name, state)
        });
        self.machines.last_mut().expect("just pushed")
    }

    /// Machines that can go to another host, and such that can't; the last host has hardly any room.
    fn three_hosts(&mut self) {
        self.hypervisor("hv2");
        self.hypervisor("hv3");
        self.capacities.insert("hv3".to_owned(), Bytes(GIB));
        self.machine("hv1", "web1", State::Running, 2, 2, 20);
        self.machine("hv1", "big1", State::Running, 100, 2, 20);
        self.machine("hv1", "gpu1", State::Running, 2, 2, 20);
        self.machine("hv1", "setup1", State::Running, 2, 2, 20);
        self.machine("hv1", "gate1", State::Running, 2, 2, 20);
        self.machine("hv1", "efi1", State::Off, 2, 2, 20);
        self.machine("hv1", "old1", State::Running, 2, 2, 20);
        self.snapshot("old1", "before-upgrade");
        for machine in &mut self.machines {
            match machine.name.as_str() {
                "gpu1" => {
                    machine.passed = vec![Passed { kind: PassedKind::Pci, what: "0000:01:00.0".to_owned() }];
                }
                "setup1" => {
                    let (target, device) = ("sda".to_owned(), "cdrom".to_owned());
                    let source = Some("/srv/iso/debian-12.iso".to_owned());
                    let disc =
                        Disk { target, device, source, volume: None, readonly: true, ..machine.disks[0].clone() };
                    machine.disks.push(disc);
                }
                "gate1" => {
                    let (kind, source) = ("network".to_owned(), Some("dmz".to_owned()));
                    machine.nics = vec![Nic { mac: None, kind, source, model: None }];
                }
                "efi1" => machine.uefi = true,
                _ => {}
            }
        }
    }

    /// Machines as others define them: by a cloud, by an import, with passed-through devices, with a grown snapshot.
    fn real_life(&mut self) {
        self.machine("hv1", "instance-0000002a", State::Running, 4, 2, 40);
        self.machine("hv1", "105", State::Running, 2, 8, 20);
        self.machine("hv1", "106", State::Off, 2, 2, 20);
        self.machine("hv1", "win11", State::Running, 8, 4, 64);
        self.machine("hv1", "render1", State::Running, 32, 12, 100);
        self.machine("hv1", "netboot", State::Off, 1, 1, 1);
        self.machine("hv1", "grown", State::Running, 1, 1, 1);
        self.snapshot("grown", "before-upgrade");
        let network = |target: &str, protocol: &str, source: Option<&str>| Disk {
            target: target.to_owned(),
            device: "disk".to_owned(),
            kind: "network".to_owned(),
            protocol: Some(protocol.to_owned()),
            source: source.map(str::to_owned),
            volume: None,
            format: "raw".to_owned(),
            bus: "virtio".to_owned(),
            readonly: false,
            shared: false,
        };
        let drive = |target: &str, device: &str, source: Option<&str>| Disk {
            device: device.to_owned(),
            kind: "file".to_owned(),
            protocol: None,
            readonly: true,
            bus: "sata".to_owned(),
            ..network(target, "", source)
        };
        let nic = |kind: &str, source: &str, model: &str, mac: &str| Nic {
            mac: Some(mac.to_owned()),
            kind: kind.to_owned(),
            source: Some(source.to_owned()),
            model: Some(model.to_owned()),
        };
        let given = |kind, what: &str| Passed { kind, what: what.to_owned() };
        for machine in &mut self.machines {
            match machine.name.as_str() {
                "instance-0000002a" => {
                    machine.metadata_name = Some("shop-frontend-1".to_owned());
                    machine.disks = vec![
                        network("vda", "rbd", Some("vms/0b6f1f6e_disk")),
                        network("vdb", "nbd", Some("10.20.0.31:10809")),
                        network("vdc", "iscsi", None),
                    ];
                    machine.nics = vec![nic("bridge", "br-int", "virtio", "fa:16:3e:4b:9a:01")];
                }
                "105" => {
                    machine.title = Some("Wiki of the house".to_owned());
                    machine.description = Some("Ask the library before touching it.".to_owned());
                    (machine.memory, machine.vcpus) = (Bytes(GIB), 1);
                    machine.disks.push(drive("hdc", "cdrom", Some("/srv/iso/debian-12.iso")));
                    machine.disks.push(drive("fda", "floppy", None));
                    machine.nics = vec![
                        nic("network", "default", "e1000", "bc:24:11:0a:0b:0c"),
                        nic("direct", "eno1", "virtio", "bc:24:11:0a:0b:0d"),
                    ];
                }
                "106" => machine.title = Some("wiki of the house".to_owned()),
                "win11" => {
                    machine.title = Some("Accounting".to_owned());
                    machine.uefi = true;
                    machine.passed = vec![given(PassedKind::Tpm, "2.0"), given(PassedKind::Redirected, "usb")];
                }
                "render1" => {
                    machine.passed =
                        vec![given(PassedKind::Pci, "0000:01:00.0"), given(PassedKind::Folder, "/srv/footage")];
                }
                "netboot" => machine.disks = vec![drive("sda", "cdrom", Some("/srv/iso/netboot.iso"))],
                _ => {}
            }
        }
        let volumes = self.volumes.values_mut().flatten();
        for volume in volumes.filter(|volume| volume.name == "grown.qcow2") {
            volume.allocation = Bytes(GIB * 26 / 10);
        }
    }

    /// A snapshot of a running machine, taken on the first of January 2026.
    fn snapshot(&mut self, machine: &str, name: &str) {
        let machine = self.machines.iter_mut().find(|known| known.name == machine);
        machine.expect("the fixture has it").snapshots.push(Snapshot {
            name: name.to_owned(),
            created: Timestamp::from_second(1_767_225_600).expect("a second of this century"),
            state: State::Running,
            current: true,
            disks: None,
        });
    }
}
