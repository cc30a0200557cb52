//! Steps of our own ops that libvirt tells as if somebody had done them: a snapshot pauses a running machine for a moment.
//!
//! Exactly the steps of that op are hidden, in their order and each once; the same done by somebody else at that time is heard.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::host::EventKind;

/// Steps may be heard this long after the op's answer.
const TRAIL: Duration = Duration::from_secs(2);
/// What a snapshot of a running machine makes libvirt tell.
const STEPS: [EventKind; 2] = [EventKind::Paused, EventKind::Resumed];

/// Machines of which we take a snapshot.
#[derive(Debug, Default)]
pub struct Quiet(HashMap<Uuid, Steps>);

#[derive(Debug)]
struct Steps {
    heard: usize,
    until: Option<Instant>,
}

impl Quiet {
    /// A snapshot is begun.
    pub fn begin(&mut self, uuid: Uuid) {
        self.0.insert(uuid, Steps { heard: 0, until: None });
    }

    /// It is done, or has failed.
    pub fn end(&mut self, uuid: Uuid, now: Instant) {
        if let Some(steps) = self.0.get_mut(&uuid) {
            steps.until = Some(now + TRAIL);
        }
    }

    /// That a pause was a step of it was seen from the machine itself: there is nothing left to hide.
    pub fn seen(&mut self, uuid: Uuid) {
        if let Some(steps) = self.0.get_mut(&uuid) {
            steps.heard = STEPS.len();
        }
    }

    /// Whether this is the next step of a snapshot of ours.
    pub fn hides(&mut self, uuid: Uuid, kind: EventKind, now: Instant) -> bool {
        self.0.retain(|_, steps| steps.until.is_none_or(|until| now < until));
        match self.0.get_mut(&uuid) {
            Some(steps) if STEPS.get(steps.heard) == Some(&kind) => {
                steps.heard += 1;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_of_a_snapshot_is_hidden_once_and_nobody_elses() {
        let (now, machine) = (Instant::now(), Uuid::nil());
        let mut quiet = Quiet::default();
        assert!(!quiet.hides(machine, EventKind::Paused, now));
        quiet.begin(machine);
        assert!(!quiet.hides(machine, EventKind::Resumed, now), "it was paused before, and somebody resumed it");
        assert!(!quiet.hides(machine, EventKind::ForcedOff, now));
        assert!(quiet.hides(machine, EventKind::Paused, now));
        assert!(!quiet.hides(machine, EventKind::Paused, now));
        quiet.end(machine, now);
        assert!(quiet.hides(machine, EventKind::Resumed, now + TRAIL / 2), "it may come late");
        assert!(!quiet.hides(machine, EventKind::Paused, now), "somebody else's, a moment later");
        quiet.begin(machine);
        quiet.seen(machine);
        assert!(!quiet.hides(machine, EventKind::Paused, now), "its own was seen to be one");
        quiet.begin(machine);
        quiet.end(machine, now);
        assert!(!quiet.hides(machine, EventKind::Paused, now + TRAIL), "a snapshot of a machine that was off");
    }
}
