//! What is due without anybody having said something: outcomes that are known by now, jobs that go on or have ended, news that had to wait, and
//! guests that did not do what they were asked, of which their askers are told, and may type the name for the hard way.

use std::collections::BTreeMap;

use dialogue::machine::Input;
use dialogue::phrases::Rendered;
use dialogue::reply::{Phrase, Reply};
use dialogue::session::Call;
use dialogue::spec::TARGET;
use grammar::selector::Selector;
use grammar::value::Value;
use jiff::Zoned;

use super::Bot;
use super::turn::Towards;
use crate::engine::Asked;
use crate::message::{Answer, Message};
use crate::ops::Harder;

impl Bot {
    /// Tells what is due. Called every second.
    pub fn look_after(&self, now: &Zoned, say: &mut dyn FnMut(&Message, Rendered)) {
        self.look_after_on(now, &mut |message, answer| {
            say(message, answer.rendered);
            true
        });
    }

    /// The same where answers may be lost; `say` tells whether one was taken for delivery.
    pub(crate) fn look_after_on(&self, now: &Zoned, say: &mut dyn FnMut(&Message, Answer) -> bool) {
        self.engine.keep_promises(now, None, &mut |message, rendered| {
            say(message, Answer { rendered, question: None, outcome: true });
        });
        self.tell_taken_up(now, say);
        self.tell_ended(now, say);
        self.engine.tell_settled(now);
        for one in self.engine.overdue(now.timestamp()) {
            self.tell_overdue(one, now, say);
        }
    }

    /// Changes that go on after they were cut off.
    fn tell_taken_up(&self, now: &Zoned, say: &mut dyn FnMut(&Message, Answer) -> bool) {
        for job in self.engine.jobs.take_taken_up() {
            let phrases = self.phrases(job.message.asker.jid.as_deref());
            let rendered = phrases.reply(&Reply::say(job.again_under_way()), now);
            say(&job.message, Answer { rendered, question: None, outcome: true });
        }
    }

    /// What has become of changes that took longer than an answer.
    fn tell_ended(&self, now: &Zoned, say: &mut dyn FnMut(&Message, Answer) -> bool) {
        for ended in self.engine.jobs.take_ended() {
            let mut message = ended.job.message.clone();
            message.now = now.with_time_zone(message.now.time_zone().clone());
            let input = Input::Ended { job: ended.job.id.clone(), applied: ended.outcome.applied };
            let to = message.clone();
            self.turn_on(&message, input, &mut Towards { to, say: &mut *say });
            if let Some(begun) = ended.job.kept() {
                self.store.end(begun);
            }
        }
    }

    fn tell_overdue(&self, one: Asked, now: &Zoned, say: &mut dyn FnMut(&Message, Answer) -> bool) {
        let Some(machine) = self.engine.host.machine(&one.machine) else { return };
        let Harder { skill, preface } = one.harder;
        let mut message = one.message;
        message.now = now.with_time_zone(message.now.time_zone().clone());
        let names = Value::Machines(Selector::Names(vec![machine.name.clone()]));
        let call = Call { skill: (*skill).to_owned(), args: BTreeMap::from([(TARGET.to_owned(), names)]) };
        let patience = self.engine.caution.shutdown_patience;
        let preface = vec![Phrase::common(preface).with("name", machine.name.as_str()).with("span", patience)];
        let input = Input::Suggest { calls: vec![call], preface };
        let to = message.clone();
        self.turn_on(&message, input, &mut Towards { to, say: &mut *say });
    }
}
