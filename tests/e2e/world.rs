//! A server, an agent and its machines, as most tests want them.

use std::fs;
use std::path::PathBuf;

use tests::servers::atoll::Atoll;
use tests::servers::person::Person;
use tests::servers::prosody::Prosody;

pub const DESK: &str = "vms.localhost";
pub const HV1: &str = "hv1@vms.localhost";
pub const HV2: &str = "hv2@vms.localhost";
pub const WEB1: &str = "web1@vms.localhost";
pub const DB1: &str = "db1@vms.localhost";

/// Alice and bob may do all, otto runs machines, victor looks.
pub const PEOPLE: [(&str, &str); 4] = [
    ("alice@localhost", "admin"),
    ("bob@localhost", "admin"),
    ("otto@localhost", "operator"),
    ("victor@localhost", "viewer"),
];

/// A Prosody and an agent. The agent ends first.
pub struct World {
    pub atoll: Atoll,
    pub server: Prosody,
    host: Option<TestDriver>,
}

impl World {
    /// web1 runs and db1 is off, on libvirt's test driver.
    pub fn start() -> Self {
        Self::start_with(&[("web1", true), ("db1", false)], "")
    }

    /// These machines (and whether they run) on libvirt's test driver, and more configuration.
    pub fn start_with(machines: &[(&str, bool)], more: &str) -> Self {
        let mut world = Self::prepare(machines, more);
        world.atoll.start();
        world
    }

    /// The same, with the agent not yet started.
    pub fn prepare(machines: &[(&str, bool)], more: &str) -> Self {
        let host = TestDriver::new(machines);
        let server = prosody();
        let atoll = Atoll::new(&server.component(), &[("hv1", &host.uri())], &PEOPLE, more);
        Self { atoll, server, host: Some(host) }
    }

    /// On the host of this URI.
    pub fn on(uri: &str, more: &str) -> Self {
        Self::on_hosts(&[("hv1", uri)], more)
    }

    /// On these hosts, each with its name and URI.
    pub fn on_hosts(hosts: &[(&str, &str)], more: &str) -> Self {
        let server = prosody();
        let mut atoll = Atoll::new(&server.component(), hosts, &PEOPLE, more);
        atoll.start();
        Self { atoll, server, host: None }
    }

    /// From now on the host can't be reached.
    pub fn hide_host(&self) {
        let file = self.driver().file();
        fs::rename(&file, file.with_extension("hidden")).expect("the host is there");
    }

    /// The host can be reached again.
    pub fn show_host(&self) {
        let file = self.driver().file();
        fs::rename(file.with_extension("hidden"), &file).expect("the host was hidden");
    }

    /// From the next connection on the host has these machines, with UUIDs from that number on.
    pub fn rewrite_host(&self, first: usize, machines: &[(&str, bool)]) {
        self.driver().write(first, machines);
    }

    fn driver(&self) -> &TestDriver {
        self.host.as_ref().expect("it is on the test driver")
    }

    /// Somebody's client.
    pub fn person(&self, user: &str) -> Person {
        Person::log_in(&self.server, user)
    }

    /// A client at another host of the server, whose people the configuration doesn't know.
    pub fn outsider(&self, user: &str, resource: &str) -> Person {
        self.server.account_at("elsewhere.localhost", user);
        Person::log_in_with(&self.server, &format!("{user}@elsewhere.localhost"), resource)
    }

    /// Somebody's client that sees these entities, and has been welcomed by them.
    pub fn viewer_of(&self, user: &str, entities: &[&str]) -> Person {
        let mut person = self.person(user);
        for entity in entities {
            person.subscribe(entity);
            person.hear(entity, "You see");
        }
        person
    }
}

/// The server, which has to be installed.
pub fn prosody() -> Prosody {
    Prosody::start().expect("Prosody is installed (scripts/packages.sh)")
}

/// A file for libvirt's in-process test driver; each connection starts from it anew.
pub struct TestDriver {
    folder: tempfile::TempDir,
}

impl TestDriver {
    /// These machines, and whether they run.
    pub fn new(machines: &[(&str, bool)]) -> Self {
        let driver = Self { folder: tempfile::tempdir().expect("a folder") };
        driver.write(0, machines);
        driver
    }

    fn write(&self, first: usize, machines: &[(&str, bool)]) {
        let domains: String =
            machines.iter().enumerate().map(|(index, (name, runs))| domain(first + index, name, *runs)).collect();
        let node = format!(
            "<node>{domains}<pool type='dir'><name>default</name><target><path>/default-pool</path></target></pool>\
             <cpu><mhz>2000</mhz><model>x86_64</model><active>8</active><nodes>1</nodes><sockets>1</sockets><cores>4</cores><threads>2</threads></cpu>\
             <memory>33554432</memory></node>"
        );
        fs::write(self.file(), node).expect("a file");
    }

    /// libvirt's URI of it.
    pub fn uri(&self) -> String {
        format!("test://{}", self.file().display())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("node.xml")
    }
}

fn domain(index: usize, name: &str, runs: bool) -> String {
    // libvirt's numbers: 1 running, 5 off.
    let state = if runs { 1 } else { 5 };
    format!(
        "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>{name}</name>\
         <uuid>a7011000-0000-4000-8000-{:012x}</uuid><memory unit='MiB'>1024</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>\
         <source file='/default-pool/{index}.qcow2'/><target dev='vda' bus='virtio'/></disk></devices>\
         <test:runstate>{state}</test:runstate></domain>",
        index + 1
    )
}
