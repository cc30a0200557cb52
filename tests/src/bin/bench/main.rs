//! `./bench`: what a turn, an event and a machine cost, side by side with bare programs that do as little as can be done.
//!
//! Every figure is taken in one run through one private Prosody on loopback; the bare programs are this binary too
//! (`--as`): an echo component on the agent's own link code, and a process that only holds a libvirt connection. Nothing
//! is judged by the exit code: a goal that is missed is told in the table.

mod client;
mod crowd;
mod echo;
mod event;
mod figure;
mod fleet;
mod footprint;
mod inside;
mod process;
mod site;
mod storm;
mod talk;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use figure::Report;

/// What can be measured: name, what it tells, and how.
type Bench = (&'static str, &'static str, fn(&mut Report) -> Result<()>);

const BENCHES: [Bench; 7] = [
    ("inside", "a turn within the process: grammar and dialogue, classifier", inside::measure),
    ("talk", "round trips through Prosody, beside an echo component", talk::measure),
    ("footprint", "memory and idle processor time with 1,000 and 2,000 machines", footprint::measure),
    ("crowd", "memory and threads while 1,000 people write 24,000 messages", crowd::measure),
    ("fleet", "10,000 machines: start, memory, lists, a log-in of somebody who has them all", fleet::measure),
    ("storm", "10,000 machines: a thousand changes a second while others ask", storm::measure),
    ("event", "from a change at libvirt to the message at the client", event::measure),
];

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--as", "echo", port] => return echo::run(port.parse().context("a port")?),
        ["--as", "holder", uri] => return process::hold(uri),
        ["--list"] => {
            BENCHES.iter().for_each(|(name, what, _)| println!("{name:10} {what}"));
            return Ok(());
        }
        _ => {}
    }
    let json = arguments.contains(&"--json");
    let names: Vec<&str> = arguments.into_iter().filter(|argument| *argument != "--json").collect();
    if let Some(unknown) = names.iter().find(|name| BENCHES.iter().all(|(known, ..)| known != *name)) {
        bail!("there is no benchmark {unknown}; --list tells which there are");
    }
    let mut report = Report::new();
    for (name, what, measure) in BENCHES.iter().filter(|(name, ..)| names.is_empty() || names.contains(name)) {
        eprintln!("{name}: {what}");
        measure(&mut report).with_context(|| (*name).to_owned())?;
    }
    if json {
        println!("{}", report.json())
    } else {
        print!("{report}")
    }
    Ok(())
}
