//! The bridge to libvirt: [`HostRead`] from the mirror and by live calls, [`HostWrite`] by ops.
//!
//! Each hypervisor has a thread that watches its connection (`watch`) and a few for calls (`workers`); libvirt's calls
//! block and can't be cancelled, so a daemon that hangs costs its own threads and nobody else's. Connections are opened,
//! lost and opened again by the watch alone; callers find one or are told `Unreachable`.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use grammar::size::Bytes;
use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;
use virt::connect::Connect;

use self::link::{Lane, Link};
use self::watch::Signal;
use self::workers::{Abandoned, NoAnswer};
use super::mirror::Mirror;
use super::{
    DiskUse, Feature, HostError, HostErrorKind, HostEvent, HostInfo, HostRead, HostWrite, Hypervisor, Late, Machine,
    MachineId, MachineStats, Naming, Pool, Uses, Volume,
};
use crate::ops::{Op, Stands};

mod clone;
mod cut_off;
mod fault;
mod link;
mod migrate;
mod ops;
mod quiet;
mod read;
mod said;
mod usage;
mod uses;
mod watch;
mod workers;

pub use self::fault::Fault;
pub use self::ops::{At, is_block};
#[cfg(test)]
pub(crate) use self::said::sentences;
pub use self::said::words;

/// A hypervisor as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// What people call it.
    pub name: String,
    /// libvirt's URI: `qemu:///system`, `qemu+ssh://root@hv2/system`.
    pub uri: String,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Opening a connection, until it is called hung.
    pub connect: Duration,
    /// A call that reads.
    pub read: Duration,
    /// An op.
    pub write: Duration,
    /// A guest letting go of a device; within `write`.
    pub detach: Duration,
    /// From one full reading to the next.
    pub resync: Duration,
    /// The first wait before a connection is tried again; it doubles up to `retry_most`.
    pub retry_first: Duration,
    /// The longest such wait.
    pub retry_most: Duration,
    /// Most that the copy of a disk may read and write in a second, in MiB, so that machines are not starved; 0: all it can.
    pub copy_bandwidth: u64,
    /// Between keepalives, in whole seconds; three missed ones end a connection.
    pub keepalive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(5),
            write: Duration::from_secs(60),
            detach: Duration::from_secs(20),
            resync: Duration::from_secs(600),
            retry_first: Duration::from_secs(1),
            retry_most: Duration::from_secs(60),
            copy_bandwidth: 0,
            keepalive: Duration::from_secs(5),
        }
    }
}

/// Where the connection to a hypervisor stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The first attempt has not ended yet.
    Connecting,
    /// Connected, and the mirror was read.
    Up,
    /// No connection; it is tried again and again.
    Down {
        /// What sort of trouble.
        reason: DownReason,
        /// libvirt's words.
        said: String,
    },
}

/// Why there is no connection, as far as it makes a difference to who mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownReason {
    /// No driver knows that URI, or it can't be read.
    #[error("the URI is wrong")]
    BadUri,
    /// The socket's permissions, polkit or a password refuse this user.
    #[error("access is denied")]
    Denied,
    /// Nobody listens there.
    #[error("libvirtd is not running there")]
    NotRunning,
    /// It was reached but does not answer.
    #[error("it does not answer")]
    NoAnswer,
    /// It was connected, and then no more.
    #[error("the connection was lost")]
    Lost,
    /// Something else; libvirt's words say more.
    #[error("it can't be reached")]
    Other,
}

/// How a hypervisor does, for `doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostStatus {
    /// The configured name.
    pub name: String,
    /// The configured URI.
    pub uri: String,
    /// Where the connection stands.
    pub connection: Connection,
    /// Since when.
    pub since: Timestamp,
    /// libvirt's name of the driver (`QEMU`), when connected.
    pub driver: Option<String>,
    /// Whether keepalive watches the connection (drivers inside the process have none).
    pub keepalive: bool,
    /// Machines in the mirror.
    pub machines: usize,
    /// Calls that nobody waits for any more and that have not come back.
    pub abandoned: usize,
    /// Such calls since the start.
    pub abandoned_ever: u64,
}

/// The bridge. Dropping it ends its threads and closes the connections.
#[derive(Debug)]
pub struct Bridge {
    mirror: Arc<Mirror>,
    hosts: Vec<Arc<Host>>,
}

/// One hypervisor: what its watch and its callers share.
#[derive(Debug)]
struct Host {
    config: HostConfig,
    timeouts: Timeouts,
    mirror: Arc<Mirror>,
    signals: Sender<Signal>,
    abandoned: Arc<Abandoned>,
    link: Mutex<Option<Arc<Link>>>,
    standing: Mutex<(Connection, Timestamp)>,
    settled: Condvar,
    /// Counts device callbacks, so that a detach can wait for the next one.
    devices: Mutex<u64>,
    device_heard: Condvar,
    /// Processor time of machines when last asked.
    samples: Mutex<usage::Samples>,
    /// Machines of which we take a snapshot just now.
    quiet: Mutex<quiet::Quiet>,
    /// Machines whose copying to another host is to stop.
    stops: Mutex<HashSet<Uuid>>,
    peers: Arc<Peers>,
}

/// All hypervisors, known to each: a machine may be on several.
#[derive(Debug, Default)]
struct Peers(Mutex<Vec<Weak<Host>>>);

impl Peers {
    fn all(&self) -> Vec<Arc<Host>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether there is more than one.
    fn has_others(&self) -> bool {
        self.0.lock().len() > 1
    }

    /// Has each look at a machine again, until it is clear on which of them it is.
    fn look(&self, uuid: Uuid) {
        for host in self.all() {
            let _ = host.signals.send(Signal::Look(uuid));
        }
    }
}

impl Bridge {
    /// Starts watching the hypervisors. Never fails: one that can't be reached is `unreachable` and tried again.
    ///
    /// The receiver hears everything that happens; see also [`Bridge::wait_settled`].
    pub fn start(hosts: Vec<HostConfig>, timeouts: Timeouts) -> (Arc<Self>, UnboundedReceiver<HostEvent>) {
        let (events, heard) = unbounded_channel();
        let named = hosts.iter().map(|host| (host.name.clone(), host.uri.clone()));
        let mirror = Arc::new(Mirror::new(named, Timestamp::now()));
        let peers = Arc::<Peers>::default();
        // No watch looks for another before all are there.
        let mut list = peers.0.lock();
        let start = |config| Host::start(config, timeouts, mirror.clone(), events.clone(), Arc::clone(&peers));
        let hosts: Vec<Arc<Host>> = hosts.into_iter().map(start).collect();
        list.extend(hosts.iter().map(Arc::downgrade));
        drop(list);
        (Arc::new(Self { mirror, hosts }), heard)
    }

    /// Waits until each hypervisor has been read or is known not to be reachable; false when that takes longer.
    pub fn wait_settled(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.hosts.iter().all(|host| {
            let connecting = |standing: &mut (Connection, Timestamp)| standing.0 == Connection::Connecting;
            !host.settled.wait_while_until(&mut host.standing.lock(), connecting, deadline).timed_out()
        })
    }

    /// Takes in machines of before the start: they exist until libvirt says otherwise.
    pub fn remember(&self, machines: impl IntoIterator<Item = (MachineId, String)>) {
        self.mirror.remember(machines);
    }

    /// How each hypervisor does.
    pub fn status(&self) -> Vec<HostStatus> {
        self.hosts.iter().map(|host| host.status()).collect()
    }

    /// Reads a hypervisor's machines and pools again, and waits for that.
    ///
    /// # Errors
    /// `NotFound` for no such hypervisor, `Unreachable` when it could not be read.
    pub fn resync(&self, hypervisor: &str) -> Result<(), HostError> {
        let host = self.host(hypervisor, "read")?;
        let (done, waited) = channel();
        let _ = host.signals.send(Signal::Resync { done });
        match waited.recv_timeout(host.timeouts.write) {
            Ok(true) => Ok(()),
            _ => Err(Fault::new(HostErrorKind::Unreachable).at("read", hypervisor)),
        }
    }

    fn host(&self, name: &str, operation: &'static str) -> Result<&Arc<Host>, HostError> {
        let found = self.hosts.iter().find(|host| host.config.name == name);
        found.ok_or_else(|| Fault::new(HostErrorKind::NotFound).at(operation, name))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        for host in &self.hosts {
            let _ = host.signals.send(Signal::Stop);
        }
    }
}

impl Host {
    fn start(
        config: HostConfig,
        timeouts: Timeouts,
        mirror: Arc<Mirror>,
        events: UnboundedSender<HostEvent>,
        peers: Arc<Peers>,
    ) -> Arc<Self> {
        let (signals, heard) = channel();
        let host = Arc::new(Self {
            config,
            timeouts,
            mirror,
            signals,
            abandoned: Arc::default(),
            link: Mutex::default(),
            standing: Mutex::new((Connection::Connecting, Timestamp::now())),
            settled: Condvar::new(),
            devices: Mutex::default(),
            device_heard: Condvar::new(),
            samples: Mutex::default(),
            quiet: Mutex::default(),
            stops: Mutex::default(),
            peers,
        });
        watch::start(host.clone(), heard, events);
        host
    }

    fn status(&self) -> HostStatus {
        use std::sync::atomic::Ordering::SeqCst;
        let (connection, since) = self.standing.lock().clone();
        let link = self.link();
        HostStatus {
            name: self.config.name.clone(),
            uri: self.config.uri.clone(),
            connection,
            since,
            driver: link.as_ref().map(|link| link.driver.clone()),
            keepalive: link.is_some_and(|link| link.keepalive),
            machines: self.mirror.count(&self.config.name),
            abandoned: self.abandoned.now.load(SeqCst),
            abandoned_ever: self.abandoned.total.load(SeqCst),
        }
    }

    fn link(&self) -> Option<Arc<Link>> {
        self.link.lock().clone()
    }

    /// Calls libvirt on a thread of this host and waits at most as long as that lane's time-out.
    fn call<T: Send + 'static>(
        &self,
        lane: Lane,
        operation: &'static str,
        on: &str,
        f: impl FnOnce(&Connect) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, HostError> {
        self.call_late(self.time_for(lane), lane, operation, on, f, drop)
    }

    fn time_for(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Read | Lane::Watch => self.timeouts.read,
            Lane::Write => self.timeouts.write,
            // As long as libvirt works on it; a connection that breaks ends it.
            Lane::Long => Duration::from_secs(7 * 24 * 3_600),
        }
    }

    /// The same with a time-out of its own.
    fn call_within<T: Send + 'static>(
        &self,
        timeout: Duration,
        lane: Lane,
        operation: &'static str,
        on: &str,
        f: impl FnOnce(&Connect) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, HostError> {
        self.call_late(timeout, lane, operation, on, f, drop)
    }

    /// The same; a call that was given up on tells `late`, on its own thread, how it ended once it comes back.
    fn call_late<T: Send + 'static>(
        &self,
        timeout: Duration,
        lane: Lane,
        operation: &'static str,
        on: &str,
        f: impl FnOnce(&Connect) -> Result<T, Fault> + Send + 'static,
        late: impl FnOnce(Result<T, HostError>) + Send + 'static,
    ) -> Result<T, HostError> {
        let link = self.link().ok_or_else(|| Fault::new(HostErrorKind::Unreachable).at(operation, on))?;
        let called = link.clone();
        let subject = on.to_owned();
        let told =
            move |ended: Result<T, Fault>| late(ended.map_err(|fault| broken(fault, lane).at(operation, &subject)));
        let kind = match link.lane(lane).run_late(timeout, move || called.with(f), told, || link.nudge()) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(fault)) => {
                if fault.link_broke || fault.kind == HostErrorKind::Unreachable {
                    let _ = self.signals.send(Signal::Suspect);
                }
                return Err(broken(fault, lane).at(operation, on));
            }
            Err(NoAnswer::Panicked) => HostErrorKind::Failed,
            Err(NoAnswer::Abandoned) => HostErrorKind::TimedOut,
            Err(NoAnswer::NotBegun) => HostErrorKind::Full,
        };
        tracing::warn!(host = self.config.name, operation, on, %kind, "libvirt did not answer");
        let _ = self.signals.send(Signal::Suspect);
        Err(Fault::new(kind).at(operation, on))
    }
}

/// What a broken connection means depends on what was tried: nothing is lost by a read that did not happen; an op may have.
fn broken(fault: Fault, lane: Lane) -> Fault {
    match (fault.link_broke, lane) {
        (false, _) => fault,
        (true, Lane::Write | Lane::Long) => fault.with_kind(HostErrorKind::Lost),
        (true, Lane::Read | Lane::Watch) => fault.with_kind(HostErrorKind::Unreachable),
    }
}

impl Bridge {
    /// Looks at an op that is under way, or has it stop.
    fn beside<T: Send + 'static>(
        &self,
        op: &Op,
        operation: &'static str,
        look: impl FnOnce(&At<'_>, &Op) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, HostError> {
        self.host_of(op)?.beside(op, operation, look)
    }

    /// Whoever reads next sees what an op did on the hypervisor that it reaches, too.
    fn look_at_other(&self, op: &Op) {
        if let (Some(other), Some(machine)) = (op.reaches(), op.machine())
            && let Ok(other) = self.host(other, op.operation())
        {
            other.look_again(machine);
        }
    }

    /// The host that an op is done on.
    fn host_of(&self, op: &Op) -> Result<&Arc<Host>, HostError> {
        let operation = op.operation();
        let on = op.hypervisor().ok_or_else(|| Fault::new(HostErrorKind::Unsupported).at(operation, ""))?;
        self.host(on, operation)
    }
}

impl HostRead for Bridge {
    fn stands(&self, op: &Op) -> Result<Stands, HostError> {
        self.host_of(op)?.cut_off(op, |at, op| op.stands_on_libvirt(at))
    }

    fn progress(&self, op: &Op) -> Result<Option<u8>, HostError> {
        self.beside(op, "look at", |at, op| op.progress_on_libvirt(at))
    }

    fn hypervisors(&self) -> Vec<Hypervisor> {
        self.mirror.hypervisors()
    }

    fn machines(&self) -> Vec<Arc<Machine>> {
        self.mirror.machines()
    }

    fn machine(&self, id: &MachineId) -> Option<Arc<Machine>> {
        self.mirror.machine(id)
    }

    fn naming(&self) -> Naming {
        self.mirror.naming()
    }

    fn named(&self, name: &str) -> Vec<Arc<Machine>> {
        self.mirror.named(name)
    }

    fn remembered(&self) -> Vec<(MachineId, String)> {
        self.mirror.remembered()
    }

    fn look_again(&self, id: &MachineId) -> Option<Arc<Machine>> {
        // Where it was, and where it is.
        let is = self.mirror.machine(id).map(|machine| machine.id.hypervisor.clone());
        let mut names = vec![id.hypervisor.clone()];
        names.extend(is.filter(|name| *name != id.hypervisor));
        for host in names.iter().filter_map(|name| self.host(name, "read").ok()) {
            host.look_again(id);
        }
        self.mirror.machine(id)
    }

    fn also_called(&self, name: &str) -> Vec<Arc<Machine>> {
        self.mirror.also_called(name)
    }

    fn pools(&self, hypervisor: &str) -> Vec<Pool> {
        self.mirror.pools(hypervisor)
    }

    fn can(&self, hypervisor: &str, feature: Feature) -> bool {
        self.mirror.can(hypervisor, feature)
    }

    fn stats(&self, id: &MachineId) -> Result<MachineStats, HostError> {
        self.host(&id.hypervisor, "read statistics of")?.stats(id.uuid, &id.called(self.mirror.machine(id)))
    }

    fn usage(&self, hypervisor: &str) -> Result<HashMap<Uuid, MachineStats>, HostError> {
        self.host(hypervisor, "read statistics of")?.usage()
    }

    fn disk_use(&self, id: &MachineId, target: &str) -> Result<DiskUse, HostError> {
        let host = self.host(&id.hypervisor, "read the disk of")?;
        let disk = self.machine(id).and_then(|m| m.disks.iter().find(|disk| disk.target == target).cloned());
        let name = id.called(self.mirror.machine(id));
        let Some(disk) = disk else { return Err(Fault::new(HostErrorKind::NotFound).at("read the disk of", &name)) };
        let (uuid, target) = (id.uuid, target.to_owned());
        let by_domain = host.call(Lane::Read, "read the disk of", &name, move |connection| {
            read::disk_use(&connection.lookup_domain_by_uuid(uuid)?, &target)
        });
        match (by_domain, disk.volume) {
            // The driver can't ask the disk, so the volume behind it is asked.
            (Err(error), Some((pool, volume))) if error.kind == HostErrorKind::Unsupported => {
                host.call(Lane::Read, "read the disk of", &name, move |connection| {
                    let volume = connection.lookup_storage_pool_by_name(&pool)?.lookup_storage_vol_by_name(&volume)?;
                    let info = volume.info()?;
                    Ok(DiskUse { capacity: Bytes(info.capacity), allocation: Bytes(info.allocation) })
                })
            }
            (answer, _) => answer,
        }
    }

    fn networks(&self, hypervisor: &str) -> Result<Vec<String>, HostError> {
        let host = self.host(hypervisor, "list the networks of")?;
        host.call(Lane::Read, "list the networks of", hypervisor, read::networks)
    }

    fn volumes(&self, hypervisor: &str, pool: &str) -> Result<Vec<Volume>, HostError> {
        let host = self.host(hypervisor, "list the volumes of")?;
        let name = pool.to_owned();
        host.call(Lane::Read, "list the volumes of", pool, move |connection| {
            read::volumes(&connection.lookup_storage_pool_by_name(&name)?)
        })
    }

    fn uses(&self, hypervisor: &str, pool: &str, volume: &str) -> Result<Uses, HostError> {
        let host = self.host(hypervisor, "look for users of")?;
        let (pool, name) = (pool.to_owned(), volume.to_owned());
        // Everything is read, which takes longer than one look.
        let read = move |connection: &Connect| uses::of(connection, &pool, &name);
        host.call(Lane::Write, "look for users of", volume, read)
    }

    fn host_info(&self, hypervisor: &str) -> Result<HostInfo, HostError> {
        let host = self.host(hypervisor, "read")?;
        host.call(Lane::Read, "read", hypervisor, read::host_info)
    }
}

impl HostWrite for Bridge {
    fn apply(&self, op: &Op) -> Result<(), HostError> {
        self.apply_late(op, channel().0)
    }

    fn apply_late(&self, op: &Op, late: Late) -> Result<(), HostError> {
        let done = self.host_of(op)?.apply(op, late);
        self.look_at_other(op);
        done
    }

    fn take_up(&self, op: &Op) -> Result<Stands, HostError> {
        let stands = self.host_of(op)?.take_up(op);
        self.look_at_other(op);
        stands
    }

    fn stop(&self, op: &Op) -> Result<(), HostError> {
        self.beside(op, "stop", |at, op| op.stop_on_libvirt(at))
    }
}
