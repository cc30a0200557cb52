//! The watch over one hypervisor: opens its connection, keeps the mirror, passes events on, notices when it is gone.
//!
//! One thread per hypervisor, driven by signals alone. It never calls libvirt itself but through the workers, with their
//! time-outs, so that it always comes back to its signals. Opening has no time-out in libvirt: it runs on a thread of its own,
//! and while one attempt hangs no other is begun.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;
use virt::domain::Domain;

use super::link::{Lane, Link, NotOpen};
use super::{Connection, DownReason, Host, fault::Fault, read};
use crate::host::events::{CloseReason, Fold, Happened, Heard, What, missed, sys};
use crate::host::{EventKind, Feature, HostError, HostErrorKind, HostEvent, Machine, MachineId, State, steady};

/// What the watch is told.
pub enum Signal {
    /// A callback of the connection of that number.
    Heard(u64, Heard),
    /// An attempt to connect has ended.
    Opened(Result<Box<Link>, NotOpen>),
    /// A call went wrong in a way that speaks against the connection.
    Suspect,
    /// Read one machine again (after an op), say that it went back to a snapshot, in an op begun then, unless libvirt said so,
    /// then tell.
    Refresh { uuid: Uuid, reverted: Option<Instant>, done: Sender<bool> },
    /// Read the pools again, then tell.
    Pools { done: Sender<bool> },
    /// Read everything again, then tell.
    Resync { done: Sender<bool> },
    /// It is on several hosts, or has gone to one: look again until it is clear on which it is.
    Look(Uuid),
    /// End.
    Stop,
}

/// Machines read in one call; a call has a time-out, a reading of thousands does not.
const CHUNK: usize = 50;

/// Of one that is on several hosts libvirt does not tell when it leaves one (its definition goes without an event), nor in which order: it
/// is looked at so often, the first time after that long, and each time after twice as long.
const LOOKS: u32 = 6;
const LOOK_FIRST: Duration = Duration::from_millis(200);
/// One that has gone to another host has been seen there by then, if it is one of ours.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// How libvirt tells of a pause, and of the one that is a step of a snapshot.
const PAUSE: What = What::Lifecycle(sys::SUSPENDED, sys::SUSPENDED_PAUSED);

/// Starts the thread.
pub fn start(host: Arc<Host>, signals: Receiver<Signal>, events: UnboundedSender<HostEvent>) {
    let name = format!("watch-{}", host.config.name);
    let mut watch = Watch {
        retry: host.timeouts.retry_first,
        host,
        events,
        number: 0,
        fold: Fold::default(),
        volumes: Arc::default(),
        phase: Phase::Waiting(Instant::now()),
        seen: false,
        announced: false,
        looks: HashMap::new(),
        gone: Vec::new(),
    };
    let spawned = thread::Builder::new().name(name).spawn(move || watch.run(&signals));
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread to watch a hypervisor");
    }
}

enum Phase {
    /// Until the next attempt.
    Waiting(Instant),
    /// An attempt runs; when it is called hung.
    Opening(Instant),
    /// Connected; when everything is read again.
    Up(Instant),
    /// An attempt runs and was called hung; its end is waited for.
    Hung,
}

struct Watch {
    host: Arc<Host>,
    events: UnboundedSender<HostEvent>,
    /// Of the connection, so that callbacks of an earlier one are told apart.
    number: u64,
    fold: Fold,
    volumes: Arc<read::PoolVolumes>,
    retry: Duration,
    phase: Phase,
    /// Its machines have been read before.
    seen: bool,
    /// And that was told.
    announced: bool,
    /// Machines that are looked at again: when, and how often they were.
    looks: HashMap<Uuid, (Instant, u32)>,
    /// Machines that went to another host and were not seen there yet, with their names: until when that is waited for.
    gone: Vec<(Instant, Uuid, String)>,
}

impl Watch {
    fn run(&mut self, signals: &Receiver<Signal>) {
        loop {
            self.look();
            let looks = self.looks.values().map(|(at, _)| *at).chain(self.gone.iter().map(|(at, ..)| *at));
            let next = looks.chain(self.phase_ends()).min();
            let wait = next.map_or(self.host.timeouts.resync, |at| at.saturating_duration_since(Instant::now()));
            match signals.recv_timeout(wait) {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return self.end(),
                Ok(signal) => {
                    if !self.on(signal, signals) {
                        return self.end();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.on_time(),
            }
        }
    }

    fn phase_ends(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting(at) | Phase::Opening(at) | Phase::Up(at) => Some(at),
            Phase::Hung => None,
        }
    }

    /// The time of the present phase may be over.
    fn on_time(&mut self) {
        if self.phase_ends().is_none_or(|at| at > Instant::now()) {
            return;
        }
        match self.phase {
            Phase::Waiting(_) => self.open(),
            Phase::Opening(_) => {
                self.phase = Phase::Hung;
                self.down(DownReason::NoAnswer, "no answer while connecting".to_owned());
            }
            Phase::Up(_) => {
                self.resync_or_drop();
            }
            Phase::Hung => {}
        }
    }

    /// False when it is to end.
    fn on(&mut self, signal: Signal, signals: &Receiver<Signal>) -> bool {
        match signal {
            Signal::Stop => return false,
            Signal::Heard(number, heard) => {
                // What has come in meanwhile is taken along, so that a storm costs one reading per machine.
                let mut batch = vec![(number, heard)];
                let mut rest = None;
                while let Ok(next) = signals.try_recv() {
                    match next {
                        Signal::Heard(number, heard) => batch.push((number, heard)),
                        other => {
                            rest = Some(other);
                            break;
                        }
                    }
                }
                self.hear(batch);
                if let Some(rest) = rest {
                    return self.on(rest, signals);
                }
            }
            Signal::Opened(opened) => self.opened(opened),
            Signal::Suspect => self.probe(),
            Signal::Look(uuid) => drop(self.looks.insert(uuid, (Instant::now() + LOOK_FIRST, 0))),
            Signal::Refresh { uuid, reverted, done } => {
                let fresh = self.refresh(&[uuid]).is_ok();
                self.tell_moves();
                let unsaid = reverted.is_some_and(|begun| self.fold.reverted(uuid, begun, Instant::now()));
                if unsaid {
                    self.tell(uuid, None, EventKind::Reverted, None, Timestamp::now());
                }
                let _ = done.send(fresh);
            }
            Signal::Pools { done } => {
                let _ = done.send(self.read_pools().is_ok());
            }
            Signal::Resync { done } => {
                let _ = done.send(matches!(self.phase, Phase::Up(_)) && self.resync_or_drop());
            }
        }
        true
    }

    fn open(&mut self) {
        self.number += 1;
        let number = self.number;
        let host = self.host.clone();
        let attempt = move || {
            let heard = host.signals.clone();
            let ear: crate::host::events::sys::Ear = Arc::new(move |event| {
                let _ = heard.send(Signal::Heard(number, event));
            });
            let opened = Link::open(&host.config, host.timeouts, &ear, &host.abandoned);
            let _ = host.signals.send(Signal::Opened(opened.map(Box::new)));
        };
        match thread::Builder::new().name("libvirt-open".to_owned()).spawn(attempt) {
            Ok(_) => self.phase = Phase::Opening(Instant::now() + self.host.timeouts.connect),
            Err(error) => self.drop_link(DownReason::Other, error.to_string()),
        }
    }

    fn opened(&mut self, opened: Result<Box<Link>, NotOpen>) {
        let link: Arc<Link> = match opened {
            Ok(link) => Arc::from(link),
            Err(NotOpen { reason, said }) => return self.drop_link(reason, said),
        };
        let mut features = link.features.clone();
        features.retain(|feature| *feature != Feature::Migrate || self.host.peers.has_others());
        *self.host.link.lock() = Some(link);
        self.host.mirror.set_features(&self.host.config.name, features);
        if self.resync_or_drop() {
            self.retry = self.host.timeouts.retry_first;
            self.up();
        }
    }

    /// Callbacks: devices are counted at once, machines read, then people told, in the order in which it happened.
    fn hear(&mut self, batch: Vec<(u64, Heard)>) {
        let now = Timestamp::now();
        let mut told = Vec::new();
        let mut closed = None;
        for (_, heard) in batch.into_iter().filter(|(number, _)| *number == self.number) {
            let (uuid, name, what) = match heard {
                Heard::Domain { uuid, name, what } => (uuid, name, what),
                Heard::Closed(CloseReason::Client) => continue,
                Heard::Closed(reason) => {
                    closed = Some(reason);
                    continue;
                }
            };
            if matches!(what, What::DeviceRemoved(_) | What::DeviceKept(_)) {
                *self.host.devices.lock() += 1;
                self.host.device_heard.notify_all();
            }
            told.push((uuid, name, what));
        }
        let mut touched: Vec<Uuid> = told.iter().map(|(uuid, ..)| *uuid).collect();
        touched.sort_unstable();
        touched.dedup();
        let before = self.states(&touched);
        let read = if closed.is_some() { None } else { self.refresh(&touched).ok() };
        self.tell_moves();
        for uuid in touched.iter().filter(|uuid| self.host.mirror.is_shared(**uuid)) {
            self.host.peers.look(*uuid);
        }
        for (uuid, name, what) in told {
            let state = read.as_ref().and_then(|read| read.get(&uuid).copied());
            let happened = self.fold.kind(uuid, &name, &what, state, Instant::now());
            let mut quiet = self.host.quiet.lock();
            let Some(Happened { kind, was }) = happened else {
                if what == PAUSE {
                    quiet.seen(uuid);
                }
                continue;
            };
            if read.is_none() {
                self.host.mirror.note(&self.id(uuid), kind, now);
            }
            if kind == EventKind::Rebooted {
                self.host.mirror.set_ending(&self.id(uuid), None);
            }
            let hidden = quiet.hides(uuid, kind, Instant::now());
            drop(quiet);
            let nowhere = || read.is_some() && self.host.mirror.machine(&self.id(uuid)).is_none();
            if kind == EventKind::MovedAway && nowhere() && self.host.peers.has_others() {
                self.host.peers.look(uuid);
                self.gone.push((Instant::now() + SEEN_WITHIN, uuid, name));
                touched.retain(|of| *of != uuid);
            } else if !hidden && self.is_news(uuid, kind) {
                self.tell(uuid, Some(name), kind, was, now);
                touched.retain(|of| *of != uuid);
            }
        }
        self.show_changed(&touched, &before);
        if let Some(reason) = closed {
            let reason = if reason == CloseReason::Keepalive { DownReason::NoAnswer } else { DownReason::Lost };
            self.drop_link(reason, reason.to_string());
        }
    }

    /// How machines are here.
    fn states(&self, uuids: &[Uuid]) -> HashMap<Uuid, Option<State>> {
        let state = |uuid| self.host.mirror.there(&self.id(uuid)).map(|machine| machine.state);
        uuids.iter().map(|uuid| (*uuid, state(*uuid))).collect()
    }

    /// A step that is not told may show all the same, for a moment or until the next one.
    fn show_changed(&self, touched: &[Uuid], before: &HashMap<Uuid, Option<State>>) {
        for (uuid, after) in self.states(touched) {
            if before.get(&uuid) != Some(&after) {
                self.tell(uuid, None, EventKind::HostRead, None, Timestamp::now());
            }
        }
    }

    /// Looks at those that are, or may be, on several hosts, as far as it is time.
    fn look(&mut self) {
        let now = Instant::now();
        let due: Vec<Uuid> = self.looks.iter().filter(|(_, (at, _))| *at <= now).map(|(uuid, _)| *uuid).collect();
        if !due.is_empty() {
            let before = self.states(&due);
            let read = matches!(self.phase, Phase::Up(_)) && self.refresh(&due).is_ok();
            self.tell_moves();
            self.show_changed(&due, &before);
            for uuid in due {
                let Some((at, looked)) = self.looks.remove(&uuid).map(|(at, looked)| (at, looked + 1)) else {
                    continue;
                };
                let shared = self.host.mirror.is_shared(uuid);
                let unclear = shared || self.host.mirror.machine(&self.id(uuid)).is_none() && looked < LOOKS / 2;
                if read && unclear && looked < LOOKS {
                    self.looks.insert(uuid, (at + LOOK_FIRST * 2_u32.pow(looked), looked));
                } else if let Some(other) = self.host.mirror.doubled(uuid).filter(|_| read) {
                    self.tell_doubled(&other);
                }
            }
        }
        let (late, waiting) = std::mem::take(&mut self.gone).into_iter().partition(|(until, ..)| *until <= now);
        self.gone = waiting;
        let late: Vec<(Instant, Uuid, String)> = late;
        for (_, uuid, name) in late {
            if self.host.mirror.machine(&self.id(uuid)).is_none() {
                self.tell(uuid, Some(name), EventKind::MovedAway, None, Timestamp::now());
            }
        }
    }

    /// Whether it is only on its way between hosts: one that was paused when it was saved, or moved, keeps libvirt's reason for a step of
    /// a move, so that it counts only of one that another host may have, and that was neither saved nor paused here.
    fn on_its_way(&self, machine: Machine) -> Machine {
        let known = self.host.mirror.there(&machine.id);
        let stays = known.is_some_and(|known| known.saved || known.state == State::Paused && !known.moving);
        if machine.moving && (stays || !self.host.peers.has_others()) {
            return Machine { state: State::Paused, moving: false, ..machine };
        }
        machine
    }

    fn is_news(&self, uuid: Uuid, kind: EventKind) -> bool {
        self.host.mirror.is_news(&self.id(uuid), kind)
    }

    /// Tells of the machines that count on another host now, whichever of the two was read last.
    fn tell_moves(&self) {
        for moved in self.host.mirror.take_moves() {
            self.send(&moved.machine, EventKind::Moved, moved.from);
        }
    }

    fn tell_doubled(&self, other: &Machine) {
        let here = self.host.mirror.machine(&other.id).map(|machine| machine.id.hypervisor.clone());
        self.send(other, EventKind::Doubled, here.unwrap_or_default());
    }

    fn send(&self, machine: &Machine, kind: EventKind, was: String) {
        let (hypervisor, at) = (machine.id.hypervisor.clone(), Timestamp::now());
        let machine = Some((machine.id.clone(), machine.name.clone()));
        let _ = self.events.send(HostEvent { hypervisor, machine, kind, was: Some(was), at, steady: steady() });
    }

    /// Something speaks against the connection: is it alive, and does the daemon answer?
    fn probe(&mut self) {
        if !matches!(self.phase, Phase::Up(_)) {
            return;
        }
        if self.host.link().is_none_or(|link| !link.answers(self.host.timeouts)) {
            self.drop_link(DownReason::NoAnswer, DownReason::NoAnswer.to_string());
        }
    }

    /// Reads everything; a host that can't be read is no host.
    fn resync_or_drop(&mut self) -> bool {
        match self.resync() {
            Ok(()) => {
                self.phase = Phase::Up(Instant::now() + self.host.timeouts.resync);
                true
            }
            Err(error) => {
                let reason = if matches!(error.kind, HostErrorKind::TimedOut | HostErrorKind::Full) {
                    DownReason::NoAnswer
                } else {
                    DownReason::Other
                };
                let said = error.source.as_ref().map_or_else(|| error.to_string(), ToString::to_string);
                self.drop_link(reason, said);
                false
            }
        }
    }

    fn resync(&mut self) -> Result<(), HostError> {
        self.read_pools()?;
        let domains = self.call(|connection| Ok(connection.list_all_domains(0)?))?;
        let mut machines = Vec::with_capacity(domains.len());
        let mut reasons = HashMap::new();
        let mut domains = domains.into_iter();
        loop {
            let chunk: Vec<Domain> = domains.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                break;
            }
            let (name, volumes) = (self.host.config.name.clone(), self.volumes.clone());
            let read = self.call(move |connection| {
                let each = chunk.iter().map(|domain| read::machine(connection, domain, &name, &volumes));
                // One that was deleted while we read is simply not there.
                each.filter(|read| !matches!(read, Err(fault) if fault.kind == HostErrorKind::NotFound))
                    .collect::<Result<Vec<_>, Fault>>()
            })?;
            for (machine, reason) in read {
                reasons.insert(machine.id.uuid, reason);
                machines.push(self.on_its_way(machine));
            }
        }
        let now = Timestamp::now();
        // What was there before we ever looked was defined by nobody just now.
        let first = !std::mem::replace(&mut self.seen, true);
        let paused = machines.iter().filter(|m| m.state == State::Paused).map(|m| m.id.uuid);
        self.fold.sync(paused.collect::<Vec<_>>());
        let differences = self.host.mirror.replace(&self.host.config.name, machines, now);
        self.tell_moves();
        for uuid in self.host.mirror.shared(&self.host.config.name) {
            self.host.peers.look(uuid);
        }
        for difference in differences {
            let (machine, kind) = match (difference.before, difference.after) {
                (Some(before), Some(after)) => {
                    if before.name != after.name {
                        let was = Some(before.name.clone());
                        self.tell(after.id.uuid, Some(after.name.clone()), EventKind::Renamed, was, now);
                    }
                    let reason = reasons.get(&after.id.uuid).copied().unwrap_or(0);
                    let kind = missed(before.state, after.state, reason);
                    (after, kind)
                }
                (None, Some(after)) => (after, (!first).then_some(EventKind::Defined)),
                (Some(before), None) => (before, Some(EventKind::Undefined)),
                (None, None) => continue,
            };
            if let Some(kind) = kind.filter(|kind| self.is_news(machine.id.uuid, *kind)) {
                self.tell(machine.id.uuid, Some(machine.name.clone()), kind, None, now);
            }
        }
        Ok(())
    }

    fn read_pools(&mut self) -> Result<(), HostError> {
        let (pools, volumes) = self.call(read::pools)?;
        self.host.mirror.set_pools(&self.host.config.name, pools);
        self.volumes = Arc::new(volumes);
        Ok(())
    }

    /// Reads some machines again, with libvirt's reasons for their states; those that are gone leave the mirror.
    fn refresh(&mut self, uuids: &[Uuid]) -> Result<HashMap<Uuid, (State, i32)>, HostError> {
        let mut states = HashMap::new();
        for chunk in uuids.chunks(CHUNK) {
            let chunk = chunk.to_vec();
            let (name, volumes) = (self.host.config.name.clone(), self.volumes.clone());
            let read = self.call(move |connection| {
                let one = |uuid| -> Result<Option<(Machine, i32)>, Fault> {
                    let found = connection.lookup_domain_by_uuid(uuid).map_err(Fault::from);
                    match found.and_then(|domain| read::machine(connection, &domain, &name, &volumes)) {
                        Ok(read) => Ok(Some(read)),
                        Err(fault) if fault.kind == HostErrorKind::NotFound => Ok(None),
                        Err(fault) => Err(fault),
                    }
                };
                chunk.into_iter().map(|uuid| Ok((uuid, one(uuid)?))).collect::<Result<Vec<_>, Fault>>()
            })?;
            let now = Timestamp::now();
            for (uuid, machine) in read {
                match machine {
                    Some((machine, reason)) => {
                        let state = if machine.moving { State::Paused } else { machine.state };
                        states.insert(uuid, (state, reason));
                        drop(self.host.mirror.put(self.on_its_way(machine), now));
                    }
                    None => {
                        self.host.samples.lock().remove(&uuid);
                        self.host.mirror.remove(&self.id(uuid));
                    }
                }
            }
        }
        Ok(states)
    }

    fn call<T: Send + 'static>(
        &self,
        f: impl FnOnce(&virt::connect::Connect) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, HostError> {
        self.host.call(Lane::Watch, "read", &self.host.config.name, f)
    }

    fn up(&mut self) {
        // Who waits for this to settle finds the mirror as it is then.
        self.host.mirror.set_unreachable(&self.host.config.name, None);
        self.tell_moves();
        let before = std::mem::replace(&mut *self.host.standing.lock(), (Connection::Up, Timestamp::now())).0;
        self.host.settled.notify_all();
        if !std::mem::replace(&mut self.announced, true) {
            self.tell_host(EventKind::HostRead);
        }
        if matches!(before, Connection::Down { .. }) {
            tracing::info!(host = self.host.config.name, "the hypervisor is back");
            self.tell_host(EventKind::HostBack);
        }
    }

    /// Throws the connection away, says so, and tries again later.
    fn drop_link(&mut self, reason: DownReason, said: String) {
        *self.host.link.lock() = None;
        let jitter = rand::random_range(0.8..1.2);
        self.phase = Phase::Waiting(Instant::now() + self.retry.mul_f64(jitter));
        self.retry = (self.retry * 2).min(self.host.timeouts.retry_most);
        self.down(reason, said);
    }

    fn down(&mut self, reason: DownReason, said: String) {
        let now = Timestamp::now();
        let was_down = {
            let mut standing = self.host.standing.lock();
            let was_down = matches!(standing.0, Connection::Down { .. });
            let since = if was_down { standing.1 } else { now };
            *standing = (Connection::Down { reason, said: said.clone() }, since);
            self.host.mirror.set_unreachable(&self.host.config.name, Some((since, said.clone())));
            was_down
        };
        self.host.settled.notify_all();
        self.tell_moves();
        if !was_down {
            tracing::warn!(host = self.host.config.name, %reason, said, "the hypervisor can't be reached");
            self.tell_host(EventKind::HostLost);
        }
    }

    fn end(&mut self) {
        *self.host.link.lock() = None;
    }

    fn id(&self, uuid: Uuid) -> MachineId {
        MachineId { hypervisor: self.host.config.name.clone(), uuid }
    }

    fn tell(&self, uuid: Uuid, name: Option<String>, kind: EventKind, was: Option<String>, at: Timestamp) {
        let id = self.id(uuid);
        let name = name.or_else(|| Some(self.host.mirror.there(&id)?.name.clone())).unwrap_or_default();
        let hypervisor = id.hypervisor.clone();
        let _ = self.events.send(HostEvent { hypervisor, machine: Some((id, name)), kind, was, at, steady: steady() });
    }

    fn tell_host(&self, kind: EventKind) {
        let hypervisor = self.host.config.name.clone();
        let (at, steady) = (Timestamp::now(), steady());
        let _ = self.events.send(HostEvent { hypervisor, machine: None, kind, was: None, at, steady });
    }
}
