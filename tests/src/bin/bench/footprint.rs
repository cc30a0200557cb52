//! Memory and idle processor time, beside a process that holds the same libvirt connection and nothing else.

use std::time::Duration;

use anyhow::Result;

use crate::figure::Report;
use crate::process::{Process, Resident};
use crate::site::{Site, address};
use crate::talk::SENTENCE;

/// How long an idle agent is watched.
const WATCHED: Duration = Duration::from_secs(20);
/// How long it may settle before.
const SETTLED: Duration = Duration::from_secs(5);
const MIB: f64 = 1024.0 * 1024.0;

/// Measures with 1,000 and with 2,000 machines.
pub fn measure(report: &mut Report) -> Result<()> {
    let site = Site::start()?;
    let (agent, bare, idle) = at(&site, 1_000)?;
    report.note("agent with 1,000 machines, resident", agent.all / MIB, "MiB");
    report.note("of which not pages of files", agent.anonymous / MIB, "MiB");
    report.note("bare process with the same connection, resident", bare.all / MIB, "MiB");
    report.judge("agent − bare process", (agent.all - bare.all) / MIB, "MiB", 150.0);
    let (more_agent, more_bare, _) = at(&site, 2_000)?;
    let each = ((more_agent.all - agent.all) - (more_bare.all - bare.all)) / 1_000.0 / 1024.0;
    report.note("bare process, each machine from 1,000 to 2,000", (more_bare.all - bare.all) / 1_000.0 / 1024.0, "KiB");
    report.judge("agent's own, each machine from 1,000 to 2,000", each, "KiB", 8.0);
    report.judge("idle with 1,000 machines, of one core", idle * 100.0, "%", 0.5);
    Ok(())
}

/// An agent with so many machines after it has heard a sentence for the encoder, the bare process, and the part of a core
/// that the agent takes when nobody speaks.
fn at(site: &Site, machines: usize) -> Result<(Resident, Resident, f64)> {
    let uri = site.machines(machines)?;
    let bare = Process::holder(&uri)?.resident()?;
    let last = format!("vm-{:04}", machines - 1);
    let agent = site.agent(&uri, &last)?;
    site.client()?.say(&address(&last), SENTENCE)?;
    std::thread::park_timeout(SETTLED);
    let before = agent.ticks()?;
    std::thread::park_timeout(WATCHED);
    let idle = (agent.ticks()? - before) / 100.0 / WATCHED.as_secs_f64();
    Ok((agent.resident()?, bare, idle))
}
