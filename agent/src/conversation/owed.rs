//! What is kept of answers and questions until they are known to have arrived, and of conversations until they are over.

use dialogue::session::Session;
use jiff::Timestamp;

use super::Bot;
use super::turn::{Conversation, Unanswered};
use crate::engine::TakenUp;
use crate::message::Message;
use crate::state::journal::{Table, Unfinished};
use crate::state::store::{Begun, Owed};

/// What an earlier run was cut off in and nobody goes on with.
pub(crate) struct CutOff {
    /// Ops that were begun and of which nobody knows how they ended.
    pub unfinished: Vec<Unfinished>,
    /// Changes whose answer was never made.
    pub begun: Vec<Begun>,
}

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

    /// Goes on with what an earlier run was carrying out; `facts` and `unfinished` are the journal's. Gives all else that was cut off.
    pub(crate) fn take_up(&self, facts: &Table, mut unfinished: Vec<Unfinished>) -> CutOff {
        let mut begun = self.store.take_begun();
        let TakenUp { jobs, entries } = self.engine.take_up_kept(facts);
        for job in jobs {
            let Message { asker, now, .. } = &job.message;
            let its = |one: &Begun| asker.jid.as_ref() == Some(&one.actor) && one.at == now.timestamp();
            begun.retain(|one| !its(one));
            job.keeps(Unanswered::new(&self.store, &job.message, &job.made.plan).keep());
        }
        unfinished.retain(|one| !entries.contains(&one.id));
        CutOff { unfinished, begun }
    }

    /// Deletes conversations that ended long ago.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        let gone = self.store.expire(now);
        if gone > 0 {
            tracing::debug!(gone, left = self.store.count(), "old conversations are forgotten");
        }
    }
}
