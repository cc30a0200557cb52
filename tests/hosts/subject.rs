//! A host under test: web1 and db1 on hv1, in one of three ways.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent::host::fake::Fake;
use agent::host::libvirt::{Bridge, HostConfig, Timeouts};
use agent::host::{
    EventKind, HostError, HostErrorKind, HostEvent, HostRead, HostWrite, Machine, MachineId, Pool, State,
};
use agent::ops::{self, Op};
use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use tests::guest::{PATIENCE, Session, wait_for};
use tokio::sync::mpsc::UnboundedReceiver;

/// Which host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In memory.
    Fake,
    /// libvirt's `test:///`.
    TestDriver,
    /// Real guests.
    Qemu,
}

/// Reads and writes.
pub trait Host: HostRead + HostWrite {}
impl<T: HostRead + HostWrite> Host for T {}

/// The host with its two machines, both off at first, and what happens to it.
pub struct Subject {
    pub kind: Kind,
    pub host: Arc<dyn Host>,
    pub events: UnboundedReceiver<HostEvent>,
    pub web1: MachineId,
    pub db1: MachineId,
    pub session: Option<Session>,
}

/// No event comes later than this.
const SOON: Duration = Duration::from_secs(60);

/// A second pool, where the host can have one.
pub const SSD: &str = "ssd";
/// The name of the hypervisor in all of them.
pub const HV: &str = "hv1";

impl Subject {
    /// Starts one.
    pub fn start(kind: Kind) -> Result<Self> {
        let (host, events, session): (Arc<dyn Host>, _, _) = match kind {
            Kind::Fake => {
                let (fake, events) = Fake::new("two_vms", Timestamp::now())?;
                let capacity = grammar::size::Bytes(100 << 30);
                let (name, kind) = (SSD.to_owned(), "dir".to_owned());
                fake.add_pool(HV, Pool { name, kind, active: true, capacity, available: capacity });
                (fake, events, None)
            }
            Kind::TestDriver => {
                let (bridge, events) = bridge(&[(HV, &test_driver())], Timeouts::default())?;
                (bridge, events, None)
            }
            Kind::Qemu => {
                let session = Session::start()?;
                session.add_pool(SSD)?;
                session.define("web1")?;
                session.define("db1")?;
                let (bridge, events) = bridge(&[(HV, &session.uri())], Timeouts::default())?;
                (bridge, events, Some(session))
            }
        };
        let named = |name: &str| {
            let machines = host.machines();
            machines.iter().find(|m| m.name == name).map(|m| m.id.clone()).with_context(|| format!("no {name}"))
        };
        let (web1, db1) = (named("web1")?, named("db1")?);
        let mut subject = Self { kind, host, events, web1, db1, session };
        for id in [subject.web1.clone(), subject.db1.clone()] {
            if subject.machine(&id)?.state == State::Running {
                subject.apply(ops::ForceOff { machine: id.clone() })?;
                subject.hear(&id, EventKind::ForcedOff)?;
            }
        }
        Ok(subject)
    }

    /// A machine as the mirror has it.
    pub fn machine(&self, id: &MachineId) -> Result<Arc<Machine>> {
        self.host.machine(id).context("not in the mirror")
    }

    /// Does an op that must work.
    pub fn apply(&self, op: impl Into<Op>) -> Result<()> {
        self.host.apply(&op.into()).map_err(chain)
    }

    /// Does an op that must fail so.
    pub fn refused(&self, op: impl Into<Op>, kind: HostErrorKind) -> Result<()> {
        let op = op.into();
        match self.host.apply(&op) {
            Ok(()) => bail!("{op:?} worked and should be {kind}"),
            Err(error) if error.kind == kind => Ok(()),
            Err(error) => Err(chain(error)).with_context(|| format!("{op:?} should be {kind}")),
        }
    }

    /// The next thing that happens must be this.
    pub fn hear(&mut self, id: &MachineId, kind: EventKind) -> Result<()> {
        let event = next(&mut self.events).with_context(|| format!("waiting for {kind:?}"))?;
        let machine = event.machine.map(|(id, _)| id);
        ensure!((machine.as_ref(), event.kind) == (Some(id), kind), "{:?} came, {kind:?} was due", event.kind);
        Ok(())
    }

    /// The next thing that happens must be this, and the mirror must have the machine in that state already.
    pub fn hear_state(&mut self, id: &MachineId, kind: EventKind, state: State) -> Result<()> {
        self.hear(id, kind)?;
        let machine = self.machine(id)?;
        ensure!(machine.state == state, "{:?} after {kind:?}", machine.state);
        ensure!(machine.since.is_some(), "since when is not known after {kind:?}");
        Ok(())
    }

    /// What was saved goes on, in the state in which it was saved.
    pub fn hear_restored(&mut self, id: &MachineId, paused: bool) -> Result<()> {
        let (kind, state) = match (self.kind, paused) {
            (Kind::Qemu, true) => {
                self.hear(id, EventKind::Restored)?;
                (EventKind::RestoredPaused, State::Paused)
            }
            (Kind::Fake, true) => (EventKind::RestoredPaused, State::Paused),
            // The test driver tells of it as of any start.
            (Kind::TestDriver, _) => (EventKind::Started, State::Running),
            _ => (EventKind::Restored, State::Running),
        };
        self.hear_state(id, kind, state)
    }

    /// Waits until a real guest has come up so many times; other hosts have none.
    pub fn wait_up(&self, name: &str, times: usize) -> Result<()> {
        self.session.as_ref().map_or(Ok(()), |session| session.wait_up(name, times))
    }
}

/// The test driver's file, fresh for each connection.
pub fn test_driver() -> String {
    format!("test://{}", Path::new(env!("CARGO_MANIFEST_DIR")).join("hosts/test.xml").display())
}

/// A bridge that is settled.
pub fn bridge(hosts: &[(&str, &str)], timeouts: Timeouts) -> Result<(Arc<Bridge>, UnboundedReceiver<HostEvent>)> {
    let configs = hosts.iter().map(|(name, uri)| HostConfig { name: (*name).to_owned(), uri: (*uri).to_owned() });
    let (bridge, events) = Bridge::start(configs.collect(), timeouts);
    ensure!(bridge.wait_settled(PATIENCE), "not settled: {:?}", bridge.status());
    Ok((bridge, events))
}

/// The next event, or an error when none comes.
pub fn next(events: &mut UnboundedReceiver<HostEvent>) -> Result<HostEvent> {
    let deadline = Instant::now() + SOON;
    let mut heard = None;
    wait_for("an event", deadline.saturating_duration_since(Instant::now()), || {
        // That the machines were read is told first, and is no news here.
        heard = events.try_recv().ok().filter(|event| event.kind != EventKind::HostRead);
        heard.is_some()
    })?;
    heard.context("no event")
}

/// The whole chain of a host's error.
pub fn chain(error: HostError) -> anyhow::Error {
    anyhow::Error::new(error)
}
