//! Which language each person is answered in: that of what they wrote last, or the one they asked for. A fact of the journal.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::state::journal::{Entry, Journal, Table};

/// The sort of these facts.
const LANGUAGE: &str = "language";

/// How a person is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    /// The corpus folder: `en`, `fr`.
    pub language: String,
    /// Whether the person asked for it.
    pub fixed: bool,
}

/// Everybody's.
pub struct Languages {
    common: String,
    journal: Arc<Journal>,
    of: Mutex<HashMap<String, Spoken>>,
}

impl Languages {
    /// With what the journal remembers; `common` is what rooms hear, and people nobody has read a word of yet.
    pub fn new(common: &str, journal: Arc<Journal>, facts: &Table) -> Self {
        let of = facts.of(LANGUAGE).filter_map(|(who, value)| Some((who.to_owned(), Spoken::deserialize(value).ok()?)));
        Self { common: common.to_owned(), journal, of: Mutex::new(of.collect()) }
    }

    /// The language of rooms and strangers.
    pub fn common(&self) -> &str {
        &self.common
    }

    /// A person's, by bare address.
    pub fn of(&self, person: &str) -> Spoken {
        let known = self.of.lock().get(person).cloned();
        known.unwrap_or_else(|| Spoken { language: self.common.clone(), fixed: false })
    }

    /// Remembers it; nothing is written when nothing changes.
    pub fn keep(&self, person: &str, spoken: Spoken) {
        if self.of(person) == spoken {
            return;
        }
        let value = serde_json::to_value(&spoken).expect("a language is plain data");
        self.of.lock().insert(person.to_owned(), spoken);
        if let Err(error) = self.journal.write(Timestamp::now(), Entry::fact(LANGUAGE, person, value), false) {
            tracing::error!(%error, person, "a person's language could not be written down");
        }
    }
}
