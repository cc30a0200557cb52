//! A bot over a host in memory: as careful as one is without a configuration, and heard by nobody but who asks.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::{Caution, Parts};
use crate::config::Grant;
use crate::events::InFlight;
use crate::host::fake::Fake;
use crate::nlu::Nlu;
use crate::people::access::Access;
use crate::people::contacts::{ContactBook, Nobody};
use crate::people::languages::Languages;
use crate::state::journal::Journal;
use crate::state::store::Store;

impl Parts {
    /// Its parts; what should be otherwise is said beside them: `Parts { notices, ..Parts::over(…) }`.
    pub fn over(nlu: &Arc<Nlu>, fake: &Arc<Fake>, grants: &[Grant], journal: Arc<Journal>, store: Store) -> Self {
        Self {
            nlu: Arc::clone(nlu),
            host: fake.clone(),
            affairs: Arc::new(ContactBook::new(Arc::clone(&journal), Box::new(Nobody), Box::new(Vec::new))),
            access: Access::new(grants),
            languages: Arc::new(Languages::new("en", Arc::clone(&journal), &Default::default())),
            journal,
            store,
            in_flight: Arc::new(InFlight::default()),
            caution: Caution {
                ask_disruptive: false,
                most_at_once: 10,
                shutdown_patience: SignedDuration::from_secs(60),
                // Nothing takes long here, unless a test says so.
                answer_within: Duration::from_secs(60),
            },
            desk: "desk".to_owned(),
            notices: Box::new(|_| {}),
        }
    }
}
