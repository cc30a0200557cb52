//! Processes beside this one: started, looked at in `/proc`, ended.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use virt::connect::Connect;

/// A process that ends when dropped.
pub struct Process(Child);

impl Process {
    /// Starts it; what it says on standard error is seen.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        Ok(Self(child.with_context(|| format!("{} can't be started", command.get_program().display()))?))
    }

    /// Starts this binary as a bare program.
    ///
    /// # Errors
    /// When it can't find itself.
    pub fn start_as(role: &str, argument: &str) -> Result<Self> {
        Self::start(Command::new(std::env::current_exe()?).args(["--as", role, argument]))
    }

    /// A process that holds a libvirt connection and nothing else, once it has it.
    ///
    /// # Errors
    /// When libvirt does not open it.
    pub fn holder(uri: &str) -> Result<Self> {
        let mut process = Self::start_as("holder", uri)?;
        let mut line = String::new();
        BufReader::new(process.0.stdout.as_mut().context("its output")?).read_line(&mut line)?;
        anyhow::ensure!(line.starts_with("ready"), "the bare process did not open {uri}");
        Ok(process)
    }

    /// Memory in RAM, in bytes: all of it, and without pages of files.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn resident(&self) -> Result<Resident> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok())
                .with_context(|| format!("no {name} in its status: it has ended"))
        };
        Ok(Resident { all: field("VmRSS:")? * 1024.0, anonymous: field("RssAnon:")? * 1024.0 })
    }

    /// Its threads.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn threads(&self) -> Result<f64> {
        Ok(fs::read_dir(format!("/proc/{}/task", self.0.id()))?.count() as f64)
    }

    /// Processor time used so far, in ticks of 10 ms (`USER_HZ` is 100 on every Linux).
    ///
    /// # Errors
    /// When the process has ended.
    pub fn ticks(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name, in parentheses, may hold spaces; user and system time are the 12th and 13th after it.
        let (_, rest) = stat.rsplit_once(')').context("no name in its stat")?;
        rest.split_whitespace().skip(11).take(2).map(|field| Ok(field.parse::<f64>()?)).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Memory in RAM, in bytes.
#[derive(Clone, Copy)]
pub struct Resident {
    /// All of it: what `VmRSS` says.
    pub all: f64,
    /// Without pages of files.
    pub anonymous: f64,
}

/// The holder's life: opens the connection, looks at every domain once, and stays until its input ends.
///
/// # Errors
/// When libvirt does not open it.
pub fn hold(uri: &str) -> Result<()> {
    let connection = Connect::open(Some(uri))?;
    let domains = connection.list_all_domains(0)?.len();
    println!("ready {domains}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
