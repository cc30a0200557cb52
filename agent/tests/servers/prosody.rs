//! A real Prosody with a private configuration in a temporary folder.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for the server to listen.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running server with the hosts `localhost` and `elsewhere.localhost`, `rooms.localhost`
/// (rooms show real addresses), `veiled.localhost` (rooms hide them), `locked.localhost` (new
/// rooms are locked until their maker opens them) and the component
/// `vms.localhost` (secret `secret`). Anybody may make an account. Ends when
/// dropped, or when the test's process does.
pub struct Prosody {
    folder: TempDir,
    child: Child,
    /// Port for clients, without TLS.
    pub client_port: u16,
    /// Port for components.
    pub component_port: u16,
}

impl Prosody {
    /// Starts a server and waits until it listens. `None` if Prosody isn't installed.
    pub fn start() -> Option<Self> {
        Self::start_on(free_port(), free_port())
    }

    /// Starts a server on given ports.
    pub fn start_on(client_port: u16, component_port: u16) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let config = folder.path().join("prosody.cfg.lua");
        fs::write(&config, configuration(folder.path(), client_port, component_port))
            .expect("it works on loopback and in a temporary folder");
        let child = run(&config).ok()?;
        let server = Self { folder, child, client_port, component_port };
        server.wait();
        Some(server)
    }

    /// `host:port` for components.
    pub fn component(&self) -> String {
        format!("127.0.0.1:{}", self.component_port)
    }

    /// Kills the server at once.
    pub fn kill(mut self) {
        self.crash();
    }

    /// Kills the server at once (SIGKILL); what it keeps stays for [`Prosody::rise`].
    pub fn crash(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again after a crash, on the same ports and with what it kept.
    pub fn rise(&mut self) {
        self.child = run(&self.folder.path().join("prosody.cfg.lua")).expect("it was started before");
        self.wait();
    }

    /// Makes an account with the password `pw`, under exactly this localpart.
    pub fn account(&self, user: &str) {
        self.account_at("localhost", user);
    }

    /// The same at a host.
    pub fn account_at(&self, host: &str, user: &str) {
        let encoded_host = host.replace('.', "%2e");
        let folder = self.folder.path().join(encoded_host).join("accounts");
        fs::create_dir_all(&folder).expect("it works in a temporary folder");
        let encoded: String = user
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                other => format!("%{other:02x}"),
            })
            .collect();
        let file = folder.join(format!("{encoded}.dat"));
        fs::write(file, "return { [\"password\"] = \"pw\" };\n").expect("it works in a temporary folder");
    }

    fn wait(&self) {
        let begin = Instant::now();
        for port in [self.client_port, self.component_port] {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
                assert!(begin.elapsed() < DEADLINE, "Prosody does not listen:\n{}", self.log());
                std::thread::yield_now();
            }
        }
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("prosody.log")).unwrap_or_default()
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server that ends with this process, whatever becomes of it.
fn run(config: &Path) -> std::io::Result<Child> {
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "prosody", "-F", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("it works on loopback and in a temporary folder");
    listener.local_addr().expect("it is bound").port()
}

fn configuration(folder: &Path, client_port: u16, component_port: u16) -> String {
    let folder = folder.display();
    format!(
        r#"run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
log = {{ debug = "{folder}/prosody.log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {client_port} }}
component_ports = {{ {component_port} }}
component_interfaces = {{ "127.0.0.1" }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
storage = "internal"
authentication = "internal_plain"
allow_registration = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
modules_enabled = {{ "roster", "saslauth", "disco", "presence", "message", "iq", "register", "ping" }}
modules_disabled = {{ "s2s", "tls" }}
limits = {{ }}
VirtualHost "localhost"
VirtualHost "elsewhere.localhost"
Component "rooms.localhost" "muc"
    muc_room_default_public_jids = true
    muc_room_locking = false
Component "veiled.localhost" "muc"
    muc_room_default_public_jids = false
    muc_room_locking = false
Component "locked.localhost" "muc"
    muc_room_default_public_jids = true
    muc_room_locking = true
Component "vms.localhost"
    component_secret = "secret"
"#
    )
}
