//! The real `atoll`, as a process with a folder and a configuration of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use agent::state::journal::{Entry, Line};

use super::person::PATIENCE;
use crate::guest::wait_for;

/// An agent, running or not. Killed when dropped.
pub struct Atoll {
    folder: tempfile::TempDir,
    child: Option<Child>,
    /// Soft and hard limit of its open files, if they are to be others than ours.
    files: Option<(u64, u64)>,
    largest: Option<u64>,
}

impl Atoll {
    /// An agent that is not started and waits for whatever guests under emulation take, with that component port, those hypervisors (name, URI), those people (address, role), and
    /// whatever else stands in a configuration.
    pub fn new(component: &str, hypervisors: &[(&str, &str)], people: &[(&str, &str)], more: &str) -> Self {
        let atoll = Self { folder: tempfile::tempdir().expect("a folder"), child: None, files: None, largest: None };
        let mut text = format!(
            "[xmpp]\nservers = [\"{component}\"]\ndomain = \"vms.localhost\"\nsecret = \"secret\"\n[store]\npath = \"{}\"\n[policy]\nanswer_within = 60\n[model]\npath = \"\"\ntrained = \"{}\"\n[http]\nlisten = \"\"\n",
            atoll.store().display(),
            trained().display()
        );
        for (name, uri) in hypervisors {
            text += &format!("[[hypervisor]]\nname = \"{name}\"\nuri = \"{uri}\"\n");
        }
        for (who, role) in people {
            text += &format!("[[access]]\nwho = \"{who}\"\nrole = \"{role}\"\n");
        }
        text += more;
        atoll.configure(&text);
        atoll
    }

    /// Starts the agent and waits until the server has let it in.
    pub fn start(&mut self) {
        self.spawn();
        self.wait_log("connected server", 1);
    }

    /// The next start has these limits of open files.
    pub fn limit_files(&mut self, soft: u64, hard: u64) {
        self.files = Some((soft, hard));
    }

    /// The limit of open files that it has now.
    pub fn files(&self) -> Option<u64> {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.child.as_ref()?.id())).ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Starts the agent and waits for nothing.
    pub fn spawn(&mut self) {
        let log = self.log_file();
        // Each run has a log of its own.
        let _ = fs::rename(&log, log.with_extension("before"));
        let file = fs::File::create(&log).expect("a log");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some((soft, hard)) = self.files {
            command.args(["prlimit", &format!("--nofile={soft}:{hard}")]);
        }
        if let Some(largest) = self.largest {
            command.args(["prlimit", &format!("--fsize={largest}:unlimited")]);
        }
        let child = command
            .arg(binary())
            .args(["run", "--config"])
            .arg(self.config())
            .env("ATOLL_LOG", "info")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("setpriv (util-linux) is there");
        self.child = Some(child);
    }

    /// No file may grow beyond that when it is started the next time, as on a full disk.
    pub fn largest_file(&mut self, bytes: Option<u64>) {
        self.largest = bytes;
    }

    /// Waits until these words stand in the log of this run so many times.
    pub fn wait_log(&mut self, words: &str, times: usize) {
        let log = self.log_file();
        let child = &mut self.child;
        let mut ended = false;
        let waited = wait_for(words, PATIENCE, || {
            ended = child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            ended || fs::read_to_string(&log).unwrap_or_default().matches(words).count() >= times
        });
        assert!(
            waited.is_ok() && !ended,
            "atoll never said \"{words}\" {times} times (ended: {ended}):\n{}",
            self.log()
        );
    }

    /// What this run logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGHUP: has it read again who may do what.
    pub fn reload(&self) {
        if let Some(child) = &self.child {
            let _ = Command::new("kill").args(["-s", "HUP", &child.id().to_string()]).status();
        }
    }

    /// SIGTERM, and waits for its end.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        let ended = wait_for("atoll ending", PATIENCE, || !matches!(child.try_wait(), Ok(None)));
        if ended.is_err() {
            let _ = child.kill();
            let _ = child.wait();
            panic!("atoll does not end when told to:\n{}", self.log());
        }
    }

    /// Its process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The folder of the journal and the open conversations.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The configuration's file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("atoll.toml")
    }

    /// Writes the configuration anew.
    pub fn configure(&self, text: &str) {
        fs::write(self.config(), text).expect("a configuration");
    }

    /// Changes the configuration.
    pub fn reconfigure(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).expect("a configuration");
        assert!(text.contains(from), "{from} stands in the configuration");
        self.configure(&text.replace(from, to));
    }

    /// The journal's file.
    pub fn journal_file(&self) -> PathBuf {
        self.store().join("journal.jsonl")
    }

    /// The journal's lines.
    pub fn journal(&self) -> Vec<Line> {
        let text = String::from_utf8_lossy(&fs::read(self.journal_file()).unwrap_or_default()).into_owned();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Ops that the journal says were begun, as (skill, machine).
    pub fn begun(&self) -> Vec<(String, String)> {
        let begun = self.journal().into_iter().filter_map(|line| match line.entry {
            Entry::Before { verb, about, .. } => Some((verb, about.unwrap_or_default())),
            _ => None,
        });
        begun.collect()
    }

    /// `atoll doctor`: its exit code and what it says.
    pub fn doctor(&self) -> (i32, String) {
        let config = self.config().display().to_string();
        command(&["doctor", "--config", &config], "")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("atoll.log")
    }
}

impl Drop for Atoll {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            eprintln!(
                "-- the end of atoll's log\n{}",
                log.chars().skip(log.chars().count().saturating_sub(4_000)).collect::<String>()
            );
        }
    }
}

/// Runs `atoll` with arguments and an input; its exit code, and what it said on both outputs.
pub fn command(arguments: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(binary())
        .args(arguments)
        .env("ATOLL_TRAINED_DIR", trained())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("atoll can be started");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    // Beside the reading, or both sides would wait for each other. A program that ends early reads no more of it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    writer.join().expect("writing does not panic");
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code().unwrap_or(-1), text)
}

/// The program, which cargo puts beside the tests.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("this test has a path");
    let found = own.parent().and_then(Path::parent).map(|folder| folder.join("atoll")).filter(|path| path.exists());
    found
        .unwrap_or_else(|| panic!("atoll is not built: `cargo build -p agent` first (looked beside {})", own.display()))
}

/// The folder of trained classifiers that all tests share.
pub fn trained() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/atoll");
    let all = || std::env::var_os("ATOLL_CACHE").map_or_else(home, PathBuf::from);
    std::env::var_os("ATOLL_TRAINED_DIR").map_or_else(|| all().join("trained"), PathBuf::from)
}
