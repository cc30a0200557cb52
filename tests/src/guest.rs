//! A private libvirt with real guests: a session `libvirtd` of its own, as an ordinary user, ended with the test.
//!
//! Everything is in one short folder under /tmp (QEMU's sockets have room for 108 characters of path): sockets, settings,
//! images, logs. Started by root, the daemon runs as `nobody`; else as whoever runs the test. No system libvirt is touched.
//! The guest itself is built by `scripts/guest.sh`: Debian's cloud kernel, busybox and the QEMU guest agent.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Whom root lets the daemon run as.
const NOBODY: u32 = 65534;
/// How long starting a daemon or a guest may take on a slow machine without KVM.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A private session `libvirtd`, with a pool "default".
#[derive(Debug)]
pub struct Session {
    folder: tempfile::TempDir,
    daemon: Option<Child>,
    kind: &'static str,
}

impl Session {
    /// Starts the daemon and makes its pool.
    ///
    /// # Errors
    /// When a program is missing or the daemon does not come up; with the end of its log.
    pub fn start() -> Result<Self> {
        let boot = build()?;
        let folder = tempfile::Builder::new().prefix("al-").tempdir_in("/tmp").context("no folder under /tmp")?;
        let path = folder.path();
        for part in ["run", "config/libvirt", "cache", "boot", "pool", "bin"] {
            fs::create_dir_all(path.join(part))?;
        }
        for file in ["vmlinuz", "initrd.gz"] {
            fs::copy(boot.join(file), path.join("boot").join(file))
                .with_context(|| format!("no {file} of the guest"))?;
        }
        // virtlogd would be one more daemon; confinement needs root.
        let settings = "stdio_handler = \"file\"\nsecurity_driver = \"none\"\n";
        fs::write(path.join("config/libvirt/qemu.conf"), settings)?;
        // libvirt moves no machine to a host of the same identity, and all of these are on one.
        let identity = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        fs::write(path.join("config/libvirt/libvirtd.conf"), format!("host_uuid = \"{}\"\n", identity.trim()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        if is_root() {
            give_away(path)?;
        }
        let mut session = Self { folder, daemon: None, kind: "qemu" };
        session.restart()?;
        if session.has_kvm() {
            session.kind = "kvm";
        }
        let pool = session.path("pool");
        session.virsh(&["pool-define-as", "default", "dir", "--target", &pool.display().to_string()])?;
        session.virsh(&["pool-start", "default"])?;
        Ok(session)
    }

    /// Starts a daemon that lets nobody in: it wants a name that nobody here has.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub fn start_locked() -> Result<Self> {
        let mut session = Self::start()?;
        session.kill();
        let settings = "auth_unix_rw = \"sasl\"\nsasl_allowed_username_list = [\"somebody-else\"]\n";
        fs::write(session.path("config/libvirt/libvirtd.conf"), settings)?;
        session.spawn()?;
        let socket = session.socket();
        wait_for("libvirtd", PATIENCE, || std::os::unix::net::UnixStream::connect(&socket).is_ok())?;
        Ok(session)
    }

    /// libvirt's URI of this daemon.
    pub fn uri(&self) -> String {
        format!("qemu+unix:///session?socket={}", self.socket().display())
    }

    /// A file or folder of this session.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Defines the small guest, off, with an empty 64 MiB qcow2 disk `<name>.qcow2` in the pool.
    ///
    /// # Errors
    /// As `virsh define`.
    pub fn define(&self, name: &str) -> Result<()> {
        let volume = format!("{name}.qcow2");
        self.virsh(&["vol-create-as", "default", &volume, "64M", "--format", "qcow2"])?;
        let disk = self.path("pool").join(&volume);
        let template = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("hosts/guest.xml"))?;
        let xml = template
            .replace("{KIND}", self.kind)
            .replace("{NAME}", name)
            .replace("{MEMORY}", "112")
            .replace("{BOOT}", &self.path("boot").display().to_string())
            .replace("{DISK}", &disk.display().to_string())
            .replace("{CONSOLE}", &self.console(name).display().to_string());
        let file = self.path(&format!("{name}.xml"));
        fs::write(&file, xml)?;
        self.virsh(&["define", &file.display().to_string()])?;
        Ok(())
    }

    /// Fills the disk of a guest that is off with so many MiB that nobody can compress.
    ///
    /// # Errors
    /// What `qemu-img` says.
    pub fn fill_disk(&self, name: &str, mib: usize) -> Result<()> {
        let (raw, image) = (self.path("fill.raw"), self.path("pool").join(format!("{name}.qcow2")));
        let noise = (0..mib << 17).scan(0x9e37_79b9_7f4a_7c15_u64, |state, _| {
            // xorshift64: noise enough for a disk.
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            Some(state.to_le_bytes())
        });
        fs::write(&raw, noise.flatten().collect::<Vec<u8>>())?;
        let (from, to) = (raw.display().to_string(), image.display().to_string());
        let done = Command::new("qemu-img").args(["convert", "-O", "qcow2", &from, &to]).status()?;
        ensure!(done.success(), "qemu-img: {done}");
        if is_root() {
            give_away(&self.path("pool"))?;
        }
        self.virsh(&["pool-refresh", "default"])?;
        Ok(())
    }

    /// Makes another pool, of a folder of its own.
    ///
    /// # Errors
    /// What virsh says.
    pub fn add_pool(&self, name: &str) -> Result<()> {
        let folder = self.path(&format!("pool-{name}"));
        fs::create_dir_all(&folder)?;
        if is_root() {
            give_away(&folder)?;
        }
        self.virsh(&["pool-define-as", name, "dir", "--target", &folder.display().to_string()])?;
        self.virsh(&["pool-start", name])?;
        Ok(())
    }

    /// Has copies that libvirt makes of volumes (`qemu-img convert`) stand still before their first byte until what this gives is dropped.
    ///
    /// # Errors
    /// When the files for that can't be made.
    pub fn hold_copies(&self) -> Result<fs::File> {
        let (held, begun, program) = (self.path("bin/held"), self.path("bin/begun"), self.path("bin/qemu-img"));
        let file = fs::File::create(&held)?;
        file.lock()?;
        let wait = format!("touch {} && flock --shared {} true", begun.display(), held.display());
        let script = format!("#!/bin/sh\nif [ \"$1\" = convert ]; then {wait}; fi\nexec /usr/bin/qemu-img \"$@\"\n");
        fs::write(&program, script)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        Ok(file)
    }

    /// Waits until a copy stands still.
    ///
    /// # Errors
    /// When none does.
    pub fn wait_copying(&self) -> Result<()> {
        wait_for("a copy", PATIENCE, || self.path("bin/begun").exists())
    }

    /// Where a guest's serial console is written.
    pub fn console(&self, name: &str) -> PathBuf {
        self.path(&format!("cache/{name}.console"))
    }

    /// Waits until a guest has come up so many times since it was defined, and its agent answers.
    ///
    /// # Errors
    /// When that takes longer than [`PATIENCE`]; with the end of its console.
    pub fn wait_up(&self, name: &str, times: usize) -> Result<()> {
        let up = || {
            let console = fs::read_to_string(self.console(name)).unwrap_or_default();
            console.matches("atoll guest is up").count() >= times
        };
        wait_for(&format!("{name} coming up"), PATIENCE, up)?;
        let agent = || self.virsh(&["qemu-agent-command", name, r#"{"execute":"guest-ping"}"#]).is_ok();
        wait_for(&format!("the guest agent of {name}"), PATIENCE, agent)
    }

    /// Calls `virsh` on this daemon, as somebody else would.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn virsh(&self, arguments: &[&str]) -> Result<String> {
        let Output { status, stdout, stderr } =
            Command::new("virsh").arg("-c").arg(self.uri()).arg("-q").args(arguments).stdin(Stdio::null()).output()?;
        if !status.success() {
            bail!("virsh {}: {}", arguments.join(" "), String::from_utf8_lossy(&stderr).trim());
        }
        Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
    }

    /// Stops the daemon where it stands (SIGSTOP): it hangs.
    pub fn hang(&self) {
        self.signal("STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    /// Kills the daemon; guests live on.
    pub fn kill(&mut self) {
        self.signal("KILL");
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.wait();
        }
    }

    /// Starts the daemon, again if it was killed.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.spawn()?;
        let up = || self.virsh(&["version"]).is_ok();
        wait_for("libvirtd", PATIENCE, up).with_context(|| {
            let log = fs::read_to_string(self.path("daemon.log")).unwrap_or_default();
            log.chars().skip(log.chars().count().saturating_sub(2_000)).collect::<String>()
        })
    }

    fn spawn(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("daemon.log"))?;
        let mut command = self.as_user("libvirtd");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.daemon = Some(command.spawn().context("libvirtd can't be started (package libvirt-daemon)")?);
        Ok(())
    }

    /// Kills the QEMU process of a guest, as a bug in it or the kernel's out-of-memory killer would.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill_guest(&self, name: &str) -> Result<()> {
        self.signal_guest(name, "KILL")
    }

    /// Stops the QEMU process of a guest where it stands: every call that has to ask it hangs, and the daemon goes on.
    ///
    /// # Errors
    /// When it is not running.
    pub fn hang_guest(&self, name: &str) -> Result<()> {
        self.signal_guest(name, "STOP")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it is not running.
    pub fn wake_guest(&self, name: &str) -> Result<()> {
        self.signal_guest(name, "CONT")
    }

    fn signal_guest(&self, name: &str, what: &str) -> Result<()> {
        let pid = fs::read_to_string(self.path(&format!("run/libvirt/qemu/run/{name}.pid")))?;
        signal(pid.trim(), what);
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.path("run/libvirt/libvirt-sock")
    }

    fn signal(&self, name: &str) {
        if let Some(daemon) = &self.daemon {
            signal(&daemon.id().to_string(), name);
        }
    }

    /// A program with the session's own folders, as the session's user.
    fn as_user(&self, program: &str) -> Command {
        let own = self.path("bin");
        let mut command;
        if is_root() {
            command = Command::new("setpriv");
            command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", program]);
        } else {
            command = Command::new(program);
        }
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", own.display()))
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Whether the guest really comes up with KVM, as this user: the device may be closed to it, or be there and not work.
    fn has_kvm(&self) -> bool {
        let (kernel, initrd) = (self.path("boot/vmlinuz"), self.path("boot/initrd.gz"));
        let console = self.path("cache/kvm.console");
        let mut command = self.as_user("qemu-system-x86_64");
        command.args(["-machine", "pc,accel=kvm", "-m", "112", "-nodefaults", "-display", "none", "-no-reboot"]);
        command.args(["-append", "console=ttyS0 quiet panic=-1", "-serial", &format!("file:{}", console.display())]);
        command.arg("-kernel").arg(kernel).arg("-initrd").arg(initrd);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(mut qemu) = spawned else { return false };
        let up = || fs::read_to_string(&console).is_ok_and(|text| text.contains("atoll guest is up"));
        let mut ended = false;
        let _ = wait_for("a guest with KVM", Duration::from_secs(10), || {
            ended = !matches!(qemu.try_wait(), Ok(None));
            ended || up()
        });
        let _ = qemu.kill();
        let _ = qemu.wait();
        up() && !ended
    }
}

impl Drop for Session {
    /// Nothing stays: neither daemon nor guests.
    fn drop(&mut self) {
        self.go_on();
        self.kill();
        for file in fs::read_dir(self.path("run/libvirt/qemu/run")).into_iter().flatten().flatten() {
            let is_pid = file.path().extension().is_some_and(|extension| extension == "pid");
            if let Some(pid) = fs::read_to_string(file.path()).ok().filter(|_| is_pid) {
                signal(pid.trim(), "KILL");
            }
        }
    }
}

/// Builds the guest, once; says where it is.
fn build() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/guest.sh");
    let output = Command::new(&script).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{} can't be run", script.display()))?;
    if !output.status.success() {
        bail!("{} failed", script.display());
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Looks until it is so; never for longer than the deadline.
///
/// # Errors
/// When the time is over.
pub fn wait_for(what: &str, patience: Duration, mut so: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !so() {
        if Instant::now() > deadline {
            bail!("{what}: not within {} s", patience.as_secs());
        }
        // A condition outside of this process can only be looked at again.
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Ok(())
}

fn give_away(path: &Path) -> Result<()> {
    chown(path, Some(NOBODY), Some(NOBODY))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give_away(&entry.path())?;
        } else {
            chown(entry.path(), Some(NOBODY), Some(NOBODY))?;
        }
    }
    Ok(())
}

fn signal(pid: &str, name: &str) {
    let _ = Command::new("kill").args(["-s", name, pid]).stderr(Stdio::null()).status();
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
