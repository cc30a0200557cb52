//! What a turn locks and marks while it lasts, released however it ends; and what came of it.

use std::sync::Arc;

use dialogue::session::{Call, Open, PlanRef, Trace};
use parking_lot::Mutex;

use super::Bot;
use crate::host::Machine;
use crate::message::{Answer, Channel, Message};
use crate::state::store::{Begun, Store};

/// A conversation's lock, which is forgotten with the last turn that waits for it.
pub(super) struct Conversation<'a> {
    bot: &'a Bot,
    key: String,
    pub(super) lock: Arc<Mutex<()>>,
}

impl<'a> Conversation<'a> {
    pub(super) fn of(bot: &'a Bot, key: String) -> Self {
        let lock = Arc::clone(bot.conversations.lock().entry(key.clone()).or_default());
        Self { bot, key, lock }
    }
}

impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        let mut all = self.bot.conversations.lock();
        // The map's and ours: whoever else wants it takes it under the map's lock.
        if Arc::strong_count(&self.lock) == 2 {
            all.remove(&self.key);
        }
    }
}

/// A change that is made, or being made, until its answer is.
pub(super) struct Unanswered<'a> {
    store: &'a Store,
    id: Option<u64>,
}

impl<'a> Unanswered<'a> {
    pub(super) fn new(store: &'a Store, message: &Message, plan: &PlanRef) -> Self {
        let id = message.asker.jid.as_ref().and_then(|actor| {
            store.begin(&Begun {
                actor: actor.clone(),
                verb: plan.calls.first().map(|call| call.skill.clone()).unwrap_or_default(),
                about: plan.subjects.first().cloned(),
                at: message.now.timestamp(),
            })
        });
        Self { store, id }
    }

    /// Whoever tells what came of it ends it.
    pub(super) fn keep(&mut self) -> Option<u64> {
        self.id.take()
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.store.end(id);
        }
    }
}

/// The channel back to whoever once asked.
pub(super) struct Towards<'a> {
    pub(super) to: Message,
    pub(super) say: &'a mut dyn FnMut(&Message, Answer) -> bool,
}

impl Channel for Towards<'_> {
    fn say(&mut self, answer: Answer) -> bool {
        (self.say)(&self.to, answer)
    }
}

/// What came of a turn, besides what was said.
#[derive(Debug, Default)]
pub struct Turned {
    /// How its text was understood.
    pub trace: Trace,
    /// What was done, in order.
    pub carried: Vec<Carried>,
    /// The question that is open now.
    pub open: Option<Open>,
}

/// One thing that was done.
#[derive(Clone, Debug)]
pub struct Carried {
    /// What.
    pub call: Call,
    /// To which machine.
    pub machine: Option<Arc<Machine>>,
    /// Or was it taken back.
    pub undoing: bool,
}
