//! One connection with its threads: what is opened, used and thrown away together.

use std::sync::Arc;
use std::thread;

use virt::connect::Connect;

use super::fault::{Fault, why_not_open};
use super::workers::{Abandoned, Workers};
use super::{DownReason, HostConfig, Timeouts};
use crate::host::events::sys::{self, Ear, Subscription};
use crate::host::{Feature, HostErrorKind};

/// Which threads a call may take: ops never wait behind reads, reads never behind ops, and the mirror is kept whatever becomes
/// of what people ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Calls that change nothing, for people.
    Read,
    /// The watch's own readings.
    Watch,
    /// Ops.
    Write,
    /// Ops that may take hours.
    Long,
}

/// Most threads of each lane; most of them are never needed. A call on a machine with a job may block for half a minute, and
/// one on a hung QEMU for as long as that hangs.
const READERS: usize = 8;
const WATCHERS: usize = 2;
const WRITERS: usize = 8;
const LONG: usize = 8;
const NUDGERS: usize = 3;
/// So many unanswered keepalives end a connection.
const KEEPALIVES: u32 = 3;

/// An open connection.
#[derive(Debug)]
pub struct Link {
    /// libvirt's name of the driver.
    pub driver: String,
    /// Whether keepalive is on.
    pub keepalive: bool,
    /// What it can do.
    pub features: Vec<Feature>,
    /// Given away when the link is dropped.
    open: Option<(Connect, Subscription)>,
    readers: Workers,
    watchers: Workers,
    writers: Workers,
    long: Workers,
    /// Asks whether the daemon answers at all, when readers or writers hang.
    prober: Workers,
    /// See [`Link::nudge`].
    nudgers: Workers,
}

/// Why a connection could not be opened.
#[derive(Debug)]
pub struct NotOpen {
    /// What sort of trouble.
    pub reason: DownReason,
    /// libvirt's words.
    pub said: String,
}

impl Link {
    /// Opens a connection and subscribes to its events. May block for as long as the daemon hangs.
    pub fn open(
        config: &HostConfig,
        timeouts: Timeouts,
        ear: &Ear,
        abandoned: &Arc<Abandoned>,
    ) -> Result<Self, NotOpen> {
        let failed = |error: virt::error::Error| {
            // First the reason: it asks for errno, which the next call resets.
            let reason = why_not_open(&error, &config.uri);
            NotOpen { reason, said: error.message().to_owned() }
        };
        let other = |said: String| NotOpen { reason: DownReason::Other, said };
        sys::start_loop().map_err(|error| other(error.to_string()))?;
        let connection = Connect::open(Some(&config.uri)).map_err(failed)?;
        let interval = i32::try_from(timeouts.keepalive.as_secs().max(1)).unwrap_or(i32::MAX);
        let keepalive = connection.set_keep_alive(interval, KEEPALIVES).is_ok();
        let subscription = sys::subscribe(&connection, ear).map_err(failed)?;
        let driver = connection.driver_type().map_err(failed)?;
        let workers = |kind: &str, size| Workers::new(&format!("{}-{kind}", config.name), size, abandoned.clone());
        Ok(Self {
            keepalive,
            features: features(&driver, connection.num_of_storage_pools().is_ok()),
            driver,
            open: Some((connection, subscription)),
            readers: workers("read", READERS),
            watchers: workers("watch", WATCHERS),
            writers: workers("write", WRITERS),
            long: workers("long", LONG),
            prober: workers("probe", 1),
            nudgers: workers("nudge", NUDGERS),
        })
    }

    /// The threads of a lane.
    pub fn lane(&self, lane: Lane) -> &Workers {
        match lane {
            Lane::Read => &self.readers,
            Lane::Watch => &self.watchers,
            Lane::Write => &self.writers,
            Lane::Long => &self.long,
        }
    }

    /// Calls with the connection, unless it is known to be dead: then nothing is done.
    pub fn with<T>(&self, f: impl FnOnce(&Connect) -> Result<T, Fault>) -> Result<T, Fault> {
        let connection = self.connection();
        match connection.is_alive() {
            Ok(true) => f(connection),
            _ => Err(Fault::new(HostErrorKind::Unreachable)),
        }
    }

    /// Makes libvirt's client look at its calls again.
    ///
    /// One thread of a connection does the reading and writing for all that wait. Until libvirt 9.1 a second one that comes in
    /// just before the first has begun to wait is not noticed by it, and then is not even sent before something else comes in,
    /// which may be as late as the next keepalive. Another call, whichever, is noticed.
    pub fn nudge(self: &Arc<Self>) {
        let link = self.clone();
        self.nudgers.start(move || drop(link.with(|connection| Ok(connection.lib_version()?))));
    }

    /// Whether the daemon answers in time.
    pub fn answers(self: &Arc<Self>, timeouts: Timeouts) -> bool {
        let link = self.clone();
        let ask = move || link.with(|connection| Ok(connection.lib_version()?));
        let asked = self.prober.run_late(timeouts.read, ask, drop, || self.nudge());
        matches!(asked, Ok(Ok(_)))
    }

    fn connection(&self) -> &Connect {
        &self.open.as_ref().expect("open until dropped").0
    }
}

/// What a driver can do (seen with libvirt 9.0; an op that is refused after all is still told as Unsupported).
fn features(driver: &str, storage: bool) -> Vec<Feature> {
    let can: &[Feature] = match driver.to_ascii_uppercase().as_str() {
        "QEMU" => &[
            Feature::DeviceAttach,
            Feature::Volumes,
            Feature::Snapshots,
            Feature::Reset,
            Feature::Save,
            Feature::BlockJobs,
            Feature::Migrate,
        ],
        "LXC" | "XEN" => &[Feature::DeviceAttach, Feature::Volumes],
        "TEST" => &[Feature::Volumes, Feature::Snapshots, Feature::Reset, Feature::Save],
        "VBOX" | "ESX" => &[Feature::Volumes, Feature::Snapshots, Feature::Reset],
        _ => &[Feature::Volumes],
    };
    can.iter().copied().filter(|feature| *feature != Feature::Volumes || storage).collect()
}

impl Drop for Link {
    /// Closing asks the daemon, which may hang: not on the thread that happens to hold the last reference.
    fn drop(&mut self) {
        let open = self.open.take();
        let closing = thread::Builder::new().name("libvirt-close".to_owned()).spawn(move || {
            if let Some((connection, subscription)) = open {
                drop(subscription);
                drop(connection);
            }
        });
        if let Err(error) = closing {
            tracing::warn!(%error, "no thread to close a connection");
        }
    }
}
