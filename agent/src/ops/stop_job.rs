//! A job begins no further op, and the one it is at stops where libvirt can stop it (`virDomainAbortJob`).

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Agent, Kind, On, Operation};
use crate::host::HostErrorKind;

pub(super) static KIND: Kind = Kind {
    verb: "stop_job",
    operation: "stop job",
    danger: Danger::Disruptive,
    read: super::read::<StopJob>,
    ..Kind::PLAIN
};

/// Stops a job.
#[derive(Debug, Serialize, Deserialize)]
pub struct StopJob {
    /// Which: [`Job::id`](crate::engine::jobs::Job::id).
    pub job: String,
    /// What people call it.
    pub number: String,
    /// Who wishes so, as people call them.
    pub by: String,
}

impl Operation for StopJob {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Agent
    }

    fn object(&self) -> Option<&str> {
        Some(&self.number)
    }

    fn on_agent(&self, agent: &Agent<'_>) -> Result<(), String> {
        // One that has ended needs no stopping; its own outcome says how.
        let Some(job) = agent.jobs.find(&self.job) else { return Ok(()) };
        job.stop(&self.by);
        match job.now() {
            Some(op) if op.kind().is_long => match agent.host.stop(op) {
                // It ended in this very moment; or it is stopped as soon as its host can be reached.
                Err(error) if matches!(error.kind, HostErrorKind::WrongState | HostErrorKind::Unreachable) => Ok(()),
                stopped => stopped.map_err(|error| error.to_string()),
            },
            _ => Ok(()),
        }
    }

    fn line(&self, _: &str) -> String {
        format!("stop job {}", self.number)
    }
}
