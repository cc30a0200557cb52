//! Memory and threads while a thousand people write: what is remembered of them is bounded, and so is who is worked for at once.

use std::time::Duration;

use agent::channels::xmpp::link::{Incoming, Link};
use agent::channels::xmpp::outbox::{Lane, Outbox};
use agent::channels::xmpp::settings::{LinkConfig, Secret};
use anyhow::{Context, Result, bail};
use jid::{BareJid, Jid};
use tokio::sync::mpsc::Receiver;
use xmpp_parsers::message::{Lang, Message};
use xmpp_parsers::stanza::Stanza;

use crate::figure::Report;
use crate::process::Process;
use crate::site::{ECHO, SECRET, Site, address};

/// Who write, each from an address of their own.
const PEOPLE: usize = 1_000;
/// Messages of each between two looks.
const EACH: usize = 6;
/// Messages that wait for an answer at most.
const UNDERWAY: usize = 100;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// After that much silence threads without work have ended.
const SETTLED: Duration = Duration::from_secs(15);
const MIB: f64 = 1024.0 * 1024.0;
/// What is said, in turns: looking, a question that stays open a while, and its end.
const TEXTS: [&str; 4] = ["status", "what is your ip address", "pull the plug", "no"];
/// Names of what is seen: resident memory, threads at the end of the messages, threads after silence.
const LOOKS: [(&str, &str, &str); 5] = [
    ("resident before any message", "threads before any message", "after silence: threads before any message"),
    ("resident after 6,000 messages", "threads with 6,000 messages", "after silence: threads, 6,000 messages"),
    ("resident after 12,000 messages", "threads with 12,000 messages", "after silence: threads, 12,000 messages"),
    ("resident after 18,000 messages", "threads with 18,000 messages", "after silence: threads, 18,000 messages"),
    ("resident after 24,000 messages", "threads with 24,000 messages", "after silence: threads, 24,000 messages"),
];
/// Growth from 12,000 to 24,000 messages that is no growth but an allocator's.
const MOST_GROWTH: f64 = 8.0;
/// Threads: the 64 that may block, those of the runtime, and of one host.
const MOST_THREADS: f64 = 90.0;

/// Measures with 1,000 machines.
pub fn measure(report: &mut Report) -> Result<()> {
    let site = Site::start()?;
    let agent = site.agent(&site.machines(1_000)?, "vm-0999")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut crowd = runtime.block_on(Crowd::join(site.component_port()))?;
    let (mut residents, mut most) = (Vec::new(), 0.0_f64);
    for (nth, (resident, threads, silent)) in LOOKS.into_iter().enumerate() {
        if nth > 0 {
            runtime.block_on(crowd.talk(&agent, &mut most))?;
        }
        let busy = agent.threads()?;
        most = most.max(busy);
        std::thread::park_timeout(SETTLED);
        let all = agent.resident()?.all / MIB;
        report.note(resident, all, "MiB");
        report.note(threads, busy, "");
        report.note(silent, agent.threads()?, "");
        residents.push(all);
    }
    report.judge("growth from 12,000 to 24,000 messages", residents[4] - residents[2], "MiB", MOST_GROWTH);
    report.judge("most threads at any time", most, "", MOST_THREADS);
    Ok(())
}

/// A component that speaks for all of them.
struct Crowd {
    outbox: Outbox,
    incoming: Receiver<Incoming>,
    rounds: usize,
}

impl Crowd {
    async fn join(port: u16) -> Result<Self> {
        let domain = BareJid::new(ECHO).context("an address")?;
        let config = LinkConfig::new(vec![format!("127.0.0.1:{port}")], domain, Secret::new(SECRET));
        let (outbox, mut incoming) = Link::start(config);
        while !matches!(incoming.recv().await.context("the link ended")?, Incoming::Up { .. }) {}
        Ok(Self { outbox, incoming, rounds: 0 })
    }

    /// All people say some things, each to a machine; returns when all are answered.
    async fn talk(&mut self, agent: &Process, most: &mut f64) -> Result<()> {
        let mut underway = 0;
        for _ in 0..EACH {
            let text = TEXTS[self.rounds % TEXTS.len()];
            self.rounds += 1;
            for person in 0..PEOPLE {
                while underway >= UNDERWAY {
                    self.answer().await?;
                    underway -= 1;
                }
                let mut message = Message::chat(Jid::new(&address(&format!("vm-{person:04}")))?);
                message.from = Some(Jid::new(&format!("p{person}@{ECHO}/phone"))?);
                message.bodies.insert(Lang::new(), text.to_owned());
                self.outbox.send(Lane::Answer, message)?;
                underway += 1;
            }
            *most = most.max(agent.threads()?);
        }
        for _ in 0..underway {
            self.answer().await?;
        }
        Ok(())
    }

    async fn answer(&mut self) -> Result<()> {
        loop {
            match tokio::time::timeout(PATIENCE, self.incoming.recv()).await.context("no answer")? {
                Some(Incoming::Stanza(stanza)) => match *stanza {
                    Stanza::Message(message) if !message.bodies.is_empty() => return Ok(()),
                    _ => {}
                },
                Some(Incoming::Up { .. }) => {}
                Some(Incoming::Down { .. }) | None => bail!("the connection ended"),
            }
        }
    }
}
