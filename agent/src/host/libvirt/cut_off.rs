//! What libvirt still does of an op that nobody waits for any more, because the agent or the connection ended in the middle of it.

use uuid::Uuid;
use virt::error::ErrorNumber;
use virt::stream::Stream;

use super::Fault;
use super::ops::{At, LOOK_EVERY};
use super::read;
use crate::host::State;
use crate::host::events::{is_step_of_move, sys};
use crate::ops::Stands;

/// `virDomainJobType`: with and without a known end.
const JOB_RUNS: [i32; 2] = [1, 2];

impl At<'_> {
    /// Whether libvirt works on a job of its machine.
    pub fn has_job(&self) -> Result<bool, Fault> {
        match self.domain().job_info() {
            Ok(job) => Ok(JOB_RUNS.contains(&job.r#type)),
            // It is off, or gone.
            Err(error) if read::is(&error, ErrorNumber::OperationInvalid) => Ok(false),
            Err(error) if read::is(&error, ErrorNumber::NoDomain) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until it does no more.
    pub fn wait_job(&self) -> Result<(), Fault> {
        while self.has_job()? {
            self.wait_a_little();
        }
        Ok(())
    }

    /// Whether its machine is off and its memory is kept.
    pub fn is_saved(&self) -> Result<bool, Fault> {
        Ok(self.state() == State::Off && self.domain().has_managed_save(0)?)
    }

    /// On which side of a move to another hypervisor a machine is.
    pub fn migration_stands(&self, uuid: Uuid, to: &str) -> Result<Stands, Fault> {
        let there = self.there(to, |there| match there.lookup_domain_by_uuid(uuid) {
            Ok(domain) => Ok(Some(domain.is_active()?)),
            Err(error) if read::is(&error, ErrorNumber::NoDomain) => Ok(None),
            Err(error) => Err(error.into()),
        })?;
        if !self.is_there() {
            return Ok(if there.is_some() { Stands::Done } else { Stands::Unknown });
        }
        let (state, reason) = sys::state(self.domain())?;
        if self.has_job()? || is_step_of_move(read::state(state), reason) {
            return Ok(Stands::Ends);
        }
        Ok(if there == Some(true) && read::state(state) == State::Off { Stands::Done } else { Stands::NotDone })
    }

    /// Whether libvirt is still making a volume; `None` when there is no such volume.
    pub fn is_being_made(&self, pool: &str, name: &str) -> Result<Option<bool>, Fault> {
        let volume = match self.pool(pool)?.lookup_storage_vol_by_name(name) {
            Ok(volume) => volume,
            Err(error) if read::is(&error, ErrorNumber::NoStorageVolume) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Nobody may read it before it is whole.
        let stream = Stream::new(self.connection(), 0)?;
        match volume.download(&stream, 0, 1, 0) {
            Ok(()) => {
                let _ = stream.abort();
                Ok(Some(false))
            }
            Err(error) if read::is(&error, ErrorNumber::OperationInvalid) => Ok(Some(true)),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until it is made; false when it could not be.
    pub fn wait_made(&self, pool: &str, name: &str) -> Result<bool, Fault> {
        loop {
            match self.is_being_made(pool, name)? {
                Some(true) => self.wait_a_little(),
                made => return Ok(made.is_some()),
            }
        }
    }

    fn wait_a_little(&self) {
        let host = self.host();
        host.device_heard.wait_for(&mut host.devices.lock(), LOOK_EVERY);
    }
}
