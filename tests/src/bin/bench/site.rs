//! A private site: Prosody on loopback with two components, and an agent with as many machines as wanted.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tests::guest::wait_for;

use crate::client::{Account, Client, PEOPLE};
use crate::process::Process;

/// The echo component.
pub const ECHO: &str = "echo.localhost";
/// The agent's domain.
const VMS: &str = "vms.localhost";
/// Shared with both.
pub const SECRET: &str = "secret";
/// How long a server or an agent may take to come up: an agent may have to train first.
const PATIENCE: Duration = Duration::from_secs(300);

/// The servers; all end when dropped.
pub struct Site {
    folder: tempfile::TempDir,
    client_port: u16,
    component_port: u16,
    _prosody: Process,
}

impl Site {
    /// Starts Prosody.
    ///
    /// # Errors
    /// When it is not installed or does not listen.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (client_port, component_port) = (free_port()?, free_port()?);
        let config = folder.path().join("prosody.cfg.lua");
        fs::write(&config, prosody(&folder.path().display().to_string(), client_port, component_port))?;
        let prosody = Process::start(Command::new("prosody").args(["-F", "--config"]).arg(&config))?;
        for port in [client_port, component_port] {
            wait_for("Prosody", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        }
        Ok(Self { folder, client_port, component_port, _prosody: prosody })
    }

    /// Logs a person in.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn client(&self) -> Result<Client> {
        Client::new(self.client_port)
    }

    /// Logs somebody in whose contacts are kept.
    ///
    /// # Errors
    /// As [`Client::known`].
    pub fn known(&self, account: &Account) -> Result<Client> {
        Client::known(self.client_port, account)
    }

    /// Has the server keep these contacts for an account, each seeing the other. Before it logs in.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn contacts(&self, account: &Account, contacts: impl Iterator<Item = String>) -> Result<()> {
        let folder = self.folder.path().join(PEOPLE.replace('.', "%2e")).join("roster");
        fs::create_dir_all(&folder)?;
        let entry = |contact| format!("[\"{contact}\"] = {{ subscription = \"both\"; groups = {{ }}; }};\n");
        let roster = contacts.map(entry).collect::<String>();
        fs::write(folder.join(format!("{}.dat", account.name)), format!("return {{ {roster} }};\n"))?;
        Ok(())
    }

    /// Where components come in.
    pub fn component_port(&self) -> u16 {
        self.component_port
    }

    /// Starts the echo component; gives it when it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn echo(&self) -> Result<Process> {
        let echo = Process::start_as("echo", &self.component_port.to_string())?;
        self.answers(ECHO, PATIENCE)?;
        Ok(echo)
    }

    /// Starts the agent over a hypervisor "hv1"; gives it when that machine answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn agent(&self, uri: &str, machine: &str) -> Result<Process> {
        self.agent_at(&self.store()?, uri, machine)
    }

    /// A folder for an agent's store.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn store(&self) -> Result<PathBuf> {
        Ok(tempfile::tempdir_in(self.folder.path())?.keep())
    }

    /// As [`Site::agent`], over a store that may be there already.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn agent_at(&self, store: &Path, uri: &str, machine: &str) -> Result<Process> {
        let config = configuration(self.component_port, uri, store)?;
        let file = store.join("atoll.toml");
        fs::write(&file, config)?;
        let log = fs::File::create(store.join("log"))?;
        let program = std::env::current_exe()?.with_file_name("atoll");
        let agent = Process::start(Command::new(program).arg("run").arg("--config").arg(&file).stderr(log))?;
        self.answers(&address(machine), PATIENCE)
            .with_context(|| fs::read_to_string(store.join("log")).unwrap_or_default())?;
        Ok(agent)
    }

    /// Waits until somebody answers.
    fn answers(&self, to: &str, patience: Duration) -> Result<()> {
        wait_for(to, patience, || self.client().and_then(|mut client| client.say(to, "status")).is_ok())
    }

    /// As [`machines`], in the site's folder.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn machines(&self, count: usize) -> Result<String> {
        machines(self.folder.path(), count)
    }
}

/// A file for libvirt's test driver with so many running machines, `vm-0000` and on; gives its URI.
///
/// # Errors
/// When it can't be written.
pub fn machines(folder: &Path, count: usize) -> Result<String> {
    let mut xml = "<node>\n".to_owned();
    for number in 0..count {
        xml += &definition(number);
        xml.push('\n');
    }
    let file = folder.join(format!("machines-{count}.xml"));
    fs::write(&file, xml + "</node>\n")?;
    Ok(format!("test://{}", file.display()))
}

/// One of them, as libvirt's test driver defines it: two disks and a network card.
pub fn definition(number: usize) -> String {
    format!(
        "<domain type='test'><name>vm-{number:04}</name><uuid>{number:08x}-0000-4000-8000-000000000000</uuid>\
     <memory unit='MiB'>512</memory><vcpu>2</vcpu><os><type arch='x86_64'>hvm</type></os><devices>\
     <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>\
     <source file='/var/lib/libvirt/images/vm-{number:04}.qcow2'/><target dev='vda' bus='virtio'/></disk>\
     <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>\
     <source file='/var/lib/libvirt/images/vm-{number:04}-data.qcow2'/><target dev='vdb' bus='virtio'/></disk>\
     <interface type='network'><source network='default'/><model type='virtio'/></interface>\
     </devices></domain>"
    )
}

/// An agent's configuration: a hypervisor "hv1", a store, and the model and what was trained where the set-up puts them.
///
/// # Errors
/// When nobody knows where that is.
pub fn configuration(component_port: u16, uri: &str, store: &Path) -> Result<String> {
    let cache = std::env::var_os("ATOLL_CACHE").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/atoll"));
    let cache = cache.or_else(home).context("HOME is not set")?;
    Ok(format!(
        "[xmpp]\nservers = [\"127.0.0.1:{component_port}\"]\ndomain = \"{VMS}\"\nsecret = \"{SECRET}\"\n\
         [[hypervisor]]\nname = \"hv1\"\nuri = \"{uri}\"\n\
         [[access]]\nwho = \"@localhost\"\nrole = \"operator\"\n\
         [[access]]\nwho = \"@{PEOPLE}\"\nrole = \"operator\"\n\
         [[access]]\nwho = \"@{ECHO}\"\nrole = \"operator\"\n\
         [store]\npath = \"{}\"\n[model]\ntrained = \"{}\"\n[http]\nlisten = \"\"\n",
        store.display(),
        cache.join("trained").display(),
    ))
}

/// A machine's address.
pub fn address(machine: &str) -> String {
    format!("{machine}@{VMS}")
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Everybody may log in, under an address that is made up; nothing is limited, nothing is kept. Without Nagle's algorithm:
/// what is said to a client that keeps silent would else wait 40 ms for its acknowledgement of what was said before.
fn prosody(folder: &str, client_port: u16, component_port: u16) -> String {
    format!(
        r#"run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
log = {{ warn = "{folder}/prosody.log" }}
interfaces = {{ "127.0.0.1" }}
network_settings = {{ nagle = false }}
c2s_ports = {{ {client_port} }}
component_ports = {{ {component_port} }}
component_interfaces = {{ "127.0.0.1" }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
storage = {{ roster = "internal" }}
default_storage = "memory"
authentication = "anonymous"
c2s_require_encryption = false
modules_enabled = {{ "roster", "saslauth", "disco", "presence", "message", "iq" }}
modules_disabled = {{ "s2s", "tls", "limits" }}
VirtualHost "localhost"
VirtualHost "{PEOPLE}"
    authentication = "insecure"
    insecure_open_authentication = "Yes please, I know what I'm doing!"
    allow_unencrypted_plain_auth = true
Component "{VMS}"
    component_secret = "{SECRET}"
Component "{ECHO}"
    component_secret = "{SECRET}"
"#
    )
}
