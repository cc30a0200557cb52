//! What people are still to be told: answers that must not be lost, until it is proven that they arrived.
//!
//! A question, and whatever is said after something was done, is written down before it is sent. The link may drop and
//! the agent may be killed: what is still here then is said again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// The tree of answers, and that of changes whose answer is not even made yet.
const OWED: &str = "owed";
const BEGUN: &str = "begun";

/// An answer on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owed {
    /// The message's id: the same each time it is sent.
    pub id: String,
    /// Localpart of the entity that says it; `None` is the front desk.
    pub entity: Option<String>,
    /// To which device, or which room.
    pub to: String,
    /// Whether it goes to everybody in a room.
    pub room: bool,
    /// The thread it belongs to.
    pub thread: Option<String>,
    /// The text.
    pub body: String,
    /// Answers offered: value and label.
    pub choices: Vec<(String, Option<String>)>,
    /// Whether it asks something, which expires.
    pub question: bool,
    /// When it was said.
    pub at: Timestamp,
}

/// A change whose answer is not made yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Who wants it, by bare address.
    pub actor: String,
    /// The skill.
    pub verb: String,
    /// The machine.
    pub about: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Writes down an answer; the disk has it when this returns.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn owe(&self, owed: &Owed) -> Result<(), StoreError> {
        let Some(sessions) = &self.sessions else { return Ok(()) };
        let tree = sessions.open_tree(OWED).map_err(StoreError::Write)?;
        tree.insert(&owed.id, serde_json::to_vec(owed).expect("plain data")).map_err(StoreError::Write)?;
        self.flush()
    }

    /// It arrived, or is worth nothing any more.
    pub fn paid(&self, id: &str) {
        self.forget(OWED, id.as_bytes());
    }

    /// All that is owed, oldest first.
    pub fn owed(&self) -> Vec<Owed> {
        let mut owed: Vec<Owed> = self.all(OWED);
        owed.sort_by_key(|one| one.at);
        owed
    }

    /// Writes down that a change is about to be made; the caller flushes. Gives what to end it with.
    pub fn begin(&self, begun: &Begun) -> Option<u64> {
        let sessions = self.sessions.as_ref()?;
        let id = rand::random::<u64>();
        let kept = sessions
            .open_tree(BEGUN)
            .and_then(|tree| tree.insert(id.to_be_bytes(), serde_json::to_vec(begun).expect("plain data")).map(|_| id));
        kept.inspect_err(|error| tracing::error!(%error, "what is begun could not be kept")).ok()
    }

    /// Its answer is made, or was given up with a word.
    pub fn end(&self, id: u64) {
        self.forget(BEGUN, &id.to_be_bytes());
    }

    /// Changes of an earlier run whose answer was never made; they are forgotten here.
    pub fn take_begun(&self) -> Vec<Begun> {
        let begun = self.all(BEGUN);
        if let Some(Err(error)) =
            self.sessions.as_ref().map(|sessions| sessions.open_tree(BEGUN).and_then(|tree| tree.clear()))
        {
            tracing::error!(%error, "what was begun could not be forgotten");
        }
        begun
    }

    fn all<T: serde::de::DeserializeOwned>(&self, tree: &str) -> Vec<T> {
        let Some(sessions) = &self.sessions else { return Vec::new() };
        let tree = match sessions.open_tree(tree) {
            Ok(tree) => tree,
            Err(error) => {
                tracing::error!(%error, tree, "the store can't be read");
                return Vec::new();
            }
        };
        tree.iter().values().filter_map(|bytes| serde_json::from_slice(&bytes.ok()?).ok()).collect()
    }

    fn forget(&self, tree: &str, key: &[u8]) {
        let Some(sessions) = &self.sessions else { return };
        if let Err(error) = sessions.open_tree(tree).and_then(|tree| tree.remove(key)) {
            tracing::error!(%error, tree, "the store can't be written");
        }
    }
}
