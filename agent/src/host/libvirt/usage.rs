//! What running machines use. Processor time is a counter: its share needs two samples, the last one kept or one taken
//! a moment later. Whoever asks waits for that moment; the threads that call libvirt, which others need, never do.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use grammar::size::Bytes;
use uuid::Uuid;
use virt::connect::Connect;
use virt::error::ErrorNumber;

use super::fault::Fault;
use super::link::Lane;
use super::{Host, read};
use crate::host::events::sys;
use crate::host::{HostError, MachineId, MachineStats};

/// Two samples of processor time are at least this far apart.
const SAMPLE: Duration = Duration::from_millis(200);
/// An older sample says nothing about now.
const SAMPLE_OLD: Duration = Duration::from_secs(60);
/// Asking all machines of a hypervisor may take so many times as long as asking one.
const ALL: u32 = 2;
/// `virConnectListAllDomainsFlags`: the running ones.
const ACTIVE: u32 = 1;

/// Processor time of machines when last asked.
pub type Samples = HashMap<Uuid, (Instant, u64)>;

/// Processor time and memory of one machine, as far as its driver tells.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    cpu_time: Option<u64>,
    memory: Option<Bytes>,
}

impl Host {
    /// What all running machines use.
    ///
    /// # Errors
    /// As [`HostError`].
    pub(super) fn usage(&self) -> Result<HashMap<Uuid, MachineStats>, HostError> {
        let earlier = self.samples.lock().clone();
        let (mut at, mut all) = self.read_all()?;
        let recent = |samples: &Samples, uuid: &Uuid, at: Instant| {
            samples.get(uuid).copied().filter(|(before, _)| is_recent(at.saturating_duration_since(*before)))
        };
        let lacking = |(uuid, used): (&Uuid, &Use)| used.cpu_time.is_some() && recent(&earlier, uuid, at).is_none();
        let mut samples = earlier.clone();
        if all.iter().any(lacking) {
            let first = all.iter().filter_map(|(uuid, used)| Some((*uuid, (at, used.cpu_time?))));
            for (uuid, sample) in first {
                samples.entry(uuid).and_modify(|kept| *kept = older(*kept, sample)).or_insert(sample);
            }
            std::thread::sleep(SAMPLE);
            (at, all) = self.read_all()?;
        }
        let stats = all.iter().map(|(uuid, used)| {
            let id = MachineId { hypervisor: self.config.name.clone(), uuid: *uuid };
            let vcpus = self.mirror.machine(&id).map_or(1, |machine| machine.vcpus);
            let first = recent(&samples, uuid, at);
            let cpu_percent = first.zip(used.cpu_time).map(|(first, time)| percent(first, (at, time), vcpus));
            (*uuid, MachineStats { cpu_percent, memory_used: used.memory, ..MachineStats::default() })
        });
        let stats = stats.collect();
        let kept = all.iter().filter_map(|(uuid, used)| Some((*uuid, (at, used.cpu_time?))));
        *self.samples.lock() = kept.collect();
        Ok(stats)
    }

    /// What one running machine uses.
    ///
    /// # Errors
    /// As [`HostError`].
    pub(super) fn stats(&self, uuid: Uuid, name: &str) -> Result<MachineStats, HostError> {
        let operation = "read statistics of";
        let earlier = self.samples.lock().get(&uuid).copied().filter(|(at, _)| is_recent(at.elapsed()));
        let counters = self.call(Lane::Read, operation, name, move |connection| {
            let domain = connection.lookup_domain_by_uuid(uuid)?;
            if !domain.is_active()? {
                return Err(Fault::new(crate::host::HostErrorKind::WrongState));
            }
            read::counters(&domain)
        })?;
        let mut second = counters.cpu_time.map(|time| (Instant::now(), time));
        let first = earlier.or(second);
        if earlier.is_none() && second.is_some() {
            std::thread::sleep(SAMPLE);
            let time = self.call(Lane::Read, operation, name, move |connection| {
                Ok(connection.lookup_domain_by_uuid(uuid)?.info()?.cpu_time)
            })?;
            second = Some((Instant::now(), time));
        }
        if let Some(second) = second {
            self.samples.lock().insert(uuid, second);
        }
        Ok(MachineStats {
            cpu_percent: first.zip(second).map(|(first, second)| percent(first, second, counters.vcpus)),
            memory_used: counters.memory_used,
            disk_bytes: counters.disk_bytes,
            net_bytes: counters.net_bytes,
        })
    }

    /// One sample of all running machines, and when it was taken.
    fn read_all(&self) -> Result<(Instant, HashMap<Uuid, Use>), HostError> {
        let within = self.timeouts.read * ALL;
        let until = Instant::now() + within / 2;
        let read = move |connection: &Connect| all(connection, until);
        let used = self.call_within(within, Lane::Read, "read statistics of", &self.config.name, read)?;
        Ok((Instant::now(), used))
    }
}

/// All running machines in one call. What that does not tell is asked of each machine, until `until`: the rest stays unknown.
fn all(connection: &Connect, until: Instant) -> Result<HashMap<Uuid, Use>, Fault> {
    let mut all: HashMap<Uuid, Use> = match sys::all_stats(connection) {
        Ok(records) => records.into_iter().map(|(uuid, record)| (uuid, of(&record))).collect(),
        Err(error) if read::is(&error, ErrorNumber::NoSupport) => {
            let running = connection.list_all_domains(ACTIVE)?;
            running.iter().filter_map(|domain| Some((domain.uuid().ok()?, Use::default()))).collect()
        }
        Err(error) => return Err(error.into()),
    };
    for (uuid, used) in all.iter_mut().filter(|(_, used)| used.cpu_time.is_none()) {
        if Instant::now() > until {
            break;
        }
        // One that has ended meanwhile uses nothing.
        let info = connection.lookup_domain_by_uuid(*uuid).and_then(|domain| domain.info());
        used.cpu_time = info.ok().map(|info| info.cpu_time).filter(|time| *time > 0);
    }
    Ok(all)
}

/// `cpu.time` in nanoseconds; `balloon.available` less `balloon.usable`, or `balloon.unused`, in KiB.
fn of(record: &HashMap<String, u64>) -> Use {
    let value = |name: &str| record.get(name).copied();
    let free = value("balloon.usable").or_else(|| value("balloon.unused"));
    let used = value("balloon.available").zip(free).map(|(all, free)| all.saturating_sub(free));
    Use {
        cpu_time: value("cpu.time").filter(|time| *time > 0),
        memory: used.map(|used| Bytes(used.saturating_mul(1024))),
    }
}

fn is_recent(age: Duration) -> bool {
    (SAMPLE..SAMPLE_OLD).contains(&age)
}

/// Of two samples the one that is far enough back, and not too far.
fn older(kept: (Instant, u64), new: (Instant, u64)) -> (Instant, u64) {
    if is_recent(new.0.saturating_duration_since(kept.0)) { kept } else { new }
}

/// The share of its virtual processors that a machine used between two samples.
fn percent((from, before): (Instant, u64), (to, after): (Instant, u64), vcpus: u32) -> f64 {
    let span = to.saturating_duration_since(from).as_nanos().max(1);
    let share = after.saturating_sub(before) as f64 / span as f64;
    (share * 100.0 / f64::from(vcpus.max(1))).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_all_processors_and_a_counter_that_began_anew_is_none() {
        let from = Instant::now();
        let to = from + Duration::from_secs(2);
        let second = 1_000_000_000;
        assert_eq!(percent((from, 0), (to, 2 * second), 1), 100.0);
        assert_eq!(percent((from, second), (to, 2 * second), 2), 25.0);
        assert_eq!(percent((from, 5 * second), (to, second), 2), 0.0, "it was started anew in between");
        assert_eq!(older((from, 1), (to, 2)), (from, 1));
        assert_eq!(older((from, 1), (from + SAMPLE_OLD, 2)).1, 2);
    }

    #[test]
    fn memory_is_what_the_guest_says_is_used() {
        let record =
            |pairs: &[(&str, u64)]| of(&pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect());
        let used =
            record(&[("balloon.available", 4096), ("balloon.unused", 96), ("balloon.usable", 1024), ("cpu.time", 7)]);
        assert_eq!((used.memory, used.cpu_time), (Some(Bytes(3 << 20)), Some(7)));
        assert_eq!(record(&[("balloon.current", 4096)]).memory, None);
    }
}
