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
/// Messages that wait for an answer at most.
const UNDERWAY: usize = 100;
/// Threads are counted after so many messages.
const LOOK_EVERY: usize = 200;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// After that much silence threads without work have ended.
const SETTLED: Duration = Duration::from_secs(15);
const MIB: f64 = 1024.0 * 1024.0;
/// What is said, in turns: looking, a question that stays open a while, and its end.
const TEXTS: [&str; 4] = ["status", "what is your ip address", "pull the plug", "no"];
/// After how many messages it is looked at, and names of what is seen: resident memory, threads then, threads after silence.
const LOOKS: [(usize, &str, &str, &str); 6] = [
    (0, "resident before any message", "threads before any message", "after silence: threads before any message"),
    (2_400, "resident after 2,400 messages", "threads with 2,400 messages", "after silence: threads, 2,400 messages"),
    (6_000, "resident after 6,000 messages", "threads with 6,000 messages", "after silence: threads, 6,000 messages"),
    (
        12_000,
        "resident after 12,000 messages",
        "threads with 12,000 messages",
        "after silence: threads, 12,000 messages",
    ),
    (
        18_000,
        "resident after 18,000 messages",
        "threads with 18,000 messages",
        "after silence: threads, 18,000 messages",
    ),
    (
        24_000,
        "resident after 24,000 messages",
        "threads with 24,000 messages",
        "after silence: threads, 24,000 messages",
    ),
];
/// Growth after the first tenth of the messages that is no growth but an allocator's.
const MOST_GROWTH: f64 = 8.0;
/// Threads: those that may block, of the runtime, and of one host.
const MOST_THREADS: f64 = 40.0;

/// Measures with 1,000 machines.
pub fn measure(report: &mut Report) -> Result<()> {
    let site = Site::start()?;
    let agent = site.agent(&site.machines(1_000)?, "vm-0999")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut crowd = runtime.block_on(Crowd::join(site.component_port()))?;
    let (mut residents, mut most) = (Vec::new(), 0.0_f64);
    for (messages, resident, threads, silent) in LOOKS {
        runtime.block_on(crowd.talk(messages, &agent, &mut most))?;
        let busy = agent.threads()?;
        most = most.max(busy);
        std::thread::park_timeout(SETTLED);
        let all = agent.resident()?.all / MIB;
        report.note(resident, all, "MiB");
        report.note(threads, busy, "");
        report.note(silent, agent.threads()?, "");
        residents.push(all);
    }
    report.judge("growth from 2,400 to 24,000 messages", residents[5] - residents[1], "MiB", MOST_GROWTH);
    report.judge("most threads at any time", most, "", MOST_THREADS);
    Ok(())
}

/// A component that speaks for all of them.
struct Crowd {
    outbox: Outbox,
    incoming: Receiver<Incoming>,
    /// Messages so far.
    said: usize,
}

impl Crowd {
    async fn join(port: u16) -> Result<Self> {
        let domain = BareJid::new(ECHO).context("an address")?;
        let config = LinkConfig::new(vec![format!("127.0.0.1:{port}")], domain, Secret::new(SECRET));
        let (outbox, mut incoming) = Link::start(config);
        while !matches!(incoming.recv().await.context("the link ended")?, Incoming::Up { .. }) {}
        Ok(Self { outbox, incoming, said: 0 })
    }

    /// All people speak in turns, each to a machine, until so many messages were said in all; returns when all are answered.
    async fn talk(&mut self, messages: usize, agent: &Process, most: &mut f64) -> Result<()> {
        let mut underway = 0;
        while self.said < messages {
            while underway >= UNDERWAY {
                self.answer().await?;
                underway -= 1;
            }
            let (round, person) = (self.said / PEOPLE, self.said % PEOPLE);
            let mut message = Message::chat(Jid::new(&address(&format!("vm-{person:04}")))?);
            message.from = Some(Jid::new(&format!("p{person}@{ECHO}/phone"))?);
            message.bodies.insert(Lang::new(), TEXTS[round % TEXTS.len()].to_owned());
            self.outbox.send(Lane::Answer, message)?;
            underway += 1;
            self.said += 1;
            if self.said.is_multiple_of(LOOK_EVERY) {
                *most = most.max(agent.threads()?);
            }
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
