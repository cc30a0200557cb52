//! What is kept of answers and questions until they are known to have arrived, and of conversations until they are over.

use dialogue::session::Session;
use jiff::Timestamp;

use super::Bot;
use super::turn::Conversation;
use crate::state::store::{Begun, Owed};

impl Bot {
    /// A question of that conversation came back from a device: whoever answers it there is shown it again.
    pub(crate) fn not_seen(&self, key: &str, device: &str) {
        self.amend(key, |session| session.not_seen(device));
    }

    /// Ends whatever is open with people like that, in all their conversations.
    pub(crate) fn end_questions(&self, of: impl Fn(&str) -> bool) {
        let theirs = |key: &String| key.split('|').next().is_some_and(&of);
        for key in self.store.keys().into_iter().filter(theirs) {
            self.amend(&key, Session::end_question);
        }
    }

    /// Changes a kept conversation outside its turns; kept again if `change` says that it did.
    fn amend(&self, key: &str, change: impl FnOnce(&mut Session) -> bool) {
        let conversation = Conversation::of(self, key.to_owned());
        let _turn = conversation.lock.lock();
        let (mut session, _) = self.store.session(key, self.engine.languages.common());
        if change(&mut session) {
            self.keep(key, &session, true);
        }
    }

    /// Writes down an answer that must not be lost; false if that can't be done.
    pub(crate) fn owe(&self, owed: &Owed) -> bool {
        let kept = self.store.owe(owed);
        kept.inspect_err(|error| tracing::error!(%error, "an answer could not be written down")).is_ok()
    }

    /// It arrived.
    pub(crate) fn paid(&self, id: &str) {
        self.store.paid(id);
    }

    /// Answers that nobody may have heard yet.
    pub(crate) fn owed(&self) -> Vec<Owed> {
        self.store.owed()
    }

    /// Changes of an earlier run whose answer was never made.
    pub(crate) fn take_begun(&self) -> Vec<Begun> {
        self.store.take_begun()
    }

    /// Deletes conversations that ended long ago.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        let gone = self.store.expire(now);
        if gone > 0 {
            tracing::debug!(gone, left = self.store.count(), "old conversations are forgotten");
        }
    }
}
