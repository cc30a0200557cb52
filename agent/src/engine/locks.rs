//! One writer at a time: to a machine, to a volume.

use std::collections::HashMap;

use dialogue::reply::Phrase;
use parking_lot::Mutex;

use super::Engine;
use crate::engine::planner::{Made, Step};
use crate::ops::Lock;

/// Who is changing what.
#[derive(Default)]
pub(super) struct Locks(Mutex<HashMap<Lock, String>>);

/// What a change has to itself while this is there, whatever becomes of it.
pub(super) struct Held<'a> {
    locks: &'a Locks,
    held: Vec<Lock>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.locks.0.lock().retain(|lock, _| !self.held.contains(lock));
    }
}

impl Locks {
    /// Takes all of these, or none: then who has one of them, and which.
    pub fn take(&self, wanted: Vec<Lock>, who: &str) -> Result<Held<'_>, (String, Lock)> {
        let mut locks = self.0.lock();
        if let Some(taken) = first_taken(&locks, &wanted) {
            return Err(taken);
        }
        locks.extend(wanted.iter().map(|lock| (lock.clone(), who.to_owned())));
        Ok(Held { locks: self, held: wanted })
    }

    fn taken(&self, wanted: &[Lock]) -> Option<(String, Lock)> {
        first_taken(&self.0.lock(), wanted)
    }
}

fn first_taken(locks: &HashMap<Lock, String>, wanted: &[Lock]) -> Option<(String, Lock)> {
    wanted.iter().find_map(|lock| Some((locks.get(lock)?.clone(), lock.clone())))
}

/// What a plan has to itself while it is carried out.
pub(super) fn of(steps: &[Step]) -> Vec<Lock> {
    let mut all: Vec<Lock> = Vec::new();
    for lock in steps.iter().flat_map(|step| step.change.ops.iter().flat_map(|op| op.locks())) {
        if !all.contains(&lock) {
            all.push(lock);
        }
    }
    all
}

impl Engine {
    /// Somebody is changing what this plan would change, or an op on it is under way that nobody waits for any more: whose it is.
    pub fn busy(&self, made: &Made) -> Option<Phrase> {
        let taken = self.locks.taken(&of(&made.steps)).map(|(who, lock)| self.busy_with(&who, &lock));
        taken.or_else(|| self.stuck(&made.steps))
    }

    /// An op on one of the machines that these steps change, of which nobody knows yet how it ended.
    pub(super) fn stuck(&self, steps: &[Step]) -> Option<Phrase> {
        let machines = steps.iter().flat_map(|step| step.change.ops.iter().filter_map(|op| op.machine()));
        machines.filter_map(|id| self.host.machine(id)).find_map(|machine| self.still_busy(&machine))
    }

    /// Who is told to wait, and for whom.
    pub(super) fn busy_with(&self, who: &str, lock: &Lock) -> Phrase {
        let name = match lock {
            Lock::Machine(id) => id.called(self.host.machine(id)),
            Lock::Volume { name, .. } => name.clone(),
        };
        Phrase::common("busy").with("who", who).with("name", name)
    }
}
