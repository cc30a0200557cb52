//! Who may take a turn now: so many at once in all, so many of one person, and whoever came first goes first.
//!
//! A turn takes a thread for as long as its plans and ops take, and a host that hangs may keep it for half a minute. A
//! thread for each of a thousand people would take hundreds of megabytes; a pool that one person can fill would make all
//! others wait.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Turns at once. What takes long is no turn: changes go on as jobs, and of a host that hangs a few calls are waited for and no more.
const AT_ONCE: usize = 20;
/// Turns at once of one person: a long op on one machine keeps nobody from asking another.
const OF_ONE: usize = 4;

/// The turns.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    each: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// The right to take one, until it is dropped.
pub(crate) struct Permit {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), each: Mutex::default() }
    }

    /// Waits for the person's turn. `None` never happens: the semaphores are not closed.
    pub(crate) async fn permit(&self, person: &str) -> Option<Permit> {
        let own = self.of(person).acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Permit { _own: own, _all: all })
    }

    fn of(&self, person: &str) -> Arc<Semaphore> {
        let mut each = self.each.lock();
        if let Some(own) = each.get(person).and_then(Weak::upgrade) {
            return own;
        }
        // Whoever neither takes a turn nor waits for one is forgotten.
        if each.len() >= 2 * AT_ONCE {
            each.retain(|_, own| own.strong_count() > 0);
        }
        let own = Arc::new(Semaphore::new(OF_ONE));
        each.insert(person.to_owned(), Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_person_never_takes_all_turns_and_nobody_is_remembered_for_long() {
        let turns = Turns::new();
        let mut held = Vec::new();
        for _ in 0..OF_ONE {
            held.push(turns.permit("mallory").await);
        }
        let fifth = turns.permit("mallory");
        tokio::pin!(fifth);
        assert!(futures::poll!(fifth.as_mut()).is_pending(), "mallory waits for himself");
        for nth in 0..AT_ONCE - OF_ONE {
            held.push(turns.permit(&format!("p{nth}")).await);
        }
        let one_more = turns.permit("alice");
        tokio::pin!(one_more);
        assert!(futures::poll!(one_more.as_mut()).is_pending(), "no more threads than that");
        held.pop();
        assert!(futures::poll!(one_more.as_mut()).is_ready());
        held.clear();
        for nth in 0..10_000 {
            drop(turns.permit(&format!("q{nth}")).await);
        }
        assert!(turns.each.lock().len() <= 2 * AT_ONCE);
    }
}
