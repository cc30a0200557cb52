//! How far what takes long is, for those who only look: it is read from the hosts now and then, and kept with its job, so that it can't
//! outlive that.

use std::time::Duration;

use dialogue::reply::Phrase;

use super::Engine;
use super::jobs::Job;
use crate::host::MachineId;

/// How often a host is asked, and how long it is left alone after it gave no answer.
const EVERY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// What somebody is doing to a machine, and how much of it is done, in percent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Work {
    pub what: Phrase,
    pub percent: Option<u8>,
}

/// How far a job is.
#[derive(Default)]
pub(super) struct Progress {
    /// Of which op, by step and place, and in percent.
    read: Option<((usize, usize), Option<u8>)>,
    /// When it is read again.
    next: Duration,
}

impl Job {
    /// What is under way at a machine; nothing as long as its asker may be answered at once.
    fn work_on(&self, id: &MachineId) -> Option<Work> {
        let (step, op) = (self.step()?, self.now().filter(|op| op.kind().is_long)?);
        if !self.is_acknowledged() || step.machine.as_ref().is_none_or(|machine| machine.id != *id) {
            return None;
        }
        let read = self.progress.lock().read.filter(|(at, _)| *at == self.at());
        Some(Work { what: op.deed(step.name()), percent: read.and_then(|(_, percent)| percent) })
    }
}

impl Engine {
    /// What is under way at a machine.
    pub fn work_on(&self, id: &MachineId) -> Option<Work> {
        self.jobs.running().iter().find_map(|job| job.work_on(id))
    }

    /// Reads how far everything is, where it is time for that. Blocks for as long as hosts take.
    pub fn look_how_far(&self) {
        let now = self.host.steady();
        for job in self.jobs.running() {
            let Some(op) = job.now().filter(|op| op.kind().is_long && now >= job.progress.lock().next) else {
                continue;
            };
            let at = job.at();
            let read = self.host.progress(op);
            let wait = if read.is_ok() { EVERY } else { PATIENCE };
            *job.progress.lock() = Progress { read: read.ok().map(|percent| (at, percent)), next: now + wait };
        }
    }

    /// The machines of which something else is under way than when this was last asked, or further.
    pub fn take_changed_work(&self) -> Vec<MachineId> {
        let mut now: Vec<(MachineId, Work)> = Vec::new();
        for machine in self.jobs.running().iter().filter_map(|job| job.step()?.machine.clone()) {
            now.extend(self.work_on(&machine.id).map(|work| (machine.id.clone(), work)));
        }
        let mut shown = self.shown.lock();
        let changed = |these: &[(MachineId, Work)], those: &[(MachineId, Work)]| {
            these.iter().filter(|one| !those.contains(one)).map(|(id, _)| id.clone()).collect::<Vec<_>>()
        };
        let mut ids = changed(&now, &shown);
        ids.extend(changed(&shown, &now));
        ids.sort();
        ids.dedup();
        *shown = now;
        ids
    }
}
