//! Words that steer the conversation when no question takes them: yes, no, cancel, what?, undo, again, more, and a bare "stop".

use grammar::answer::{Answer, control};
use grammar::follow::asks_of_those;
use grammar::frame::{Part, frame};
use grammar::lexicon::Class;
use jiff::SignedDuration;

use crate::follow::is_about;
use crate::language::LANGUAGE;
use crate::leftover::left_over;
use crate::machine::{Action, Planning, Purpose, Stage, Turn};
use crate::policy::Path;
use crate::reply::{Phrase, Reply};
use crate::session::{Call, Decision, Done, RECENT, Trace, UNDO_WITHIN};
use crate::slots;
use crate::spec::Category;

/// Skills whose whole behaviour is the dialogue's own.
pub const CONTROLS: [&str; 8] =
    ["talk.yes", "talk.no", "talk.cancel", "talk.repeat", "talk.undo", "talk.again", "talk.more", LANGUAGE];

/// How the ids of skills end that list something.
const LISTS: &str = ".list";

impl Turn<'_> {
    /// Whether what would be taken back was done longer ago; then that is said.
    pub(crate) fn is_too_old(&mut self, done: &[Done], within: SignedDuration) -> bool {
        let Some(ago) = done.iter().map(|done| self.now().duration_since(done.at)).max() else { return false };
        if ago <= within {
            return false;
        }
        let what = self.label(&self.in_one(done));
        self.say(Reply::say(Phrase::common("undo_too_old").with("what", what).with("ago", ago)));
        true
    }

    /// Words that answer a question when none is open.
    pub(crate) fn control_word(&mut self, text: &str, doubtful: bool, preface: &[Phrase]) -> bool {
        let control = match control(text, &self.context()) {
            Answer::Yes => "talk.yes",
            Answer::Unsure => "talk.repeat",
            Answer::Continue if self.session.aside.is_some() => {
                self.session.trace.decision = Decision::AskSlot;
                return self.take_up();
            }
            Answer::No => "talk.no",
            Answer::Cancel => "talk.cancel",
            // "what is this?" asks who is there.
            Answer::Repeat if self.asks_else(text) => return false,
            Answer::Repeat => "talk.repeat",
            Answer::Undo => "talk.undo",
            Answer::Stop => "stop",
            _ => return false,
        };
        if control == "talk.repeat" && self.session.refused {
            // "no, not at all! all is as before, right?"
            self.say_common("nothing_changed");
        } else if control == "stop" {
            self.bare_stop();
        } else {
            self.control(control, None, preface, Path::Command, doubtful);
        }
        true
    }

    /// Whether a text, or a part of it, is a command of its own: "hello. what can you do?"
    fn asks_else(&self, text: &str) -> bool {
        let other = |text: &str| self.commands(text).iter().any(|(call, _)| !CONTROLS.contains(&call.skill.as_str()));
        other(text) || frame(text, &self.context()).parts.iter().any(|part| other(&part.raw))
    }

    /// "stop" and nothing else: never the machine.
    fn bare_stop(&mut self) {
        self.session.trace.why = "bare_stop".to_owned();
        let now = self.now();
        if self.session.open.take().is_some() {
            self.say_common("cancelled");
        } else if self.session.expired.as_ref().is_some_and(|expired| now.duration_since(expired.at) < RECENT) {
            self.session.expired = None;
            self.say_common("already_dropped");
        } else if !self.session.under_way.is_empty() {
            // What goes on is meant; it is asked first, since it may be nearly done.
            let call = Call { skill: "job.abort".to_owned(), ..Call::default() };
            self.begin(vec![call], Path::Understood, false, Vec::new(), None);
        } else {
            self.session.trace.decision = Decision::Choose;
            self.session.trace.path = Some(Path::Guess);
            let options = vec![Call { skill: "vm.shutdown".to_owned(), ..Call::default() }];
            let reply = Reply::say(Phrase::common("stop_what"));
            self.offer(options, "stop", reply);
        }
    }

    fn control_begins(&mut self, id: &str, path: Path) {
        self.session.trace = Trace {
            path: Some(path),
            skill: Some(id.to_owned()),
            confidence: 1.0,
            decision: Decision::Smalltalk,
            text: std::mem::take(&mut self.session.trace.text),
            ..Trace::default()
        };
    }

    /// yes, no, cancel, what?, undo, again, more with nothing open (or not as an answer).
    pub(crate) fn control(&mut self, id: &str, rest: Option<&str>, preface: &[Phrase], path: Path, doubtful: bool) {
        self.control_begins(id, path);
        let open = self.session.open.clone();
        match id {
            "talk.cancel" | "talk.no" if open.is_some() => {
                self.session.open = None;
                self.say_common("cancelled");
            }
            "talk.cancel" if self.session.aside.take().is_some() => self.say_common("cancelled"),
            // "annule", right behind something that was done, never takes it back, but says how to.
            "talk.cancel" => match self.done_lately().map(|done| done.call.clone()) {
                Some(done) => {
                    let reply = self.came_too_late(&[done]);
                    self.say(reply);
                }
                None => self.say_common("nothing_to_cancel"),
            },
            "talk.no" if self.around.room && !self.session.waited => self.say_common("veto_in_room"),
            "talk.no" => self.say_common("no_to_what"),
            // A yes that came late, or in words that are no plain yes.
            "talk.yes" if let Some(open) = open => {
                if !preface.is_empty() {
                    self.actions.push(Action::Say(Reply { head: preface.to_vec(), ..Reply::default() }));
                }
                self.show_again(open);
            }
            "talk.yes" => {
                let mut reply = Reply::say(Phrase::common("yes_to_what"));
                reply.head.splice(0..0, preface.iter().cloned());
                self.say(reply);
            }
            "talk.repeat" => match self.session.said.clone() {
                Some(reply) => {
                    self.passed();
                    self.actions.push(Action::Say(reply));
                }
                None => self.say_common("nothing_said"),
            },
            "talk.undo" if self.undoes_otherwise() => {
                let what = self.label(&self.in_one(self.session.done_last()));
                self.say(Reply::say(Phrase::common("undo_other").with("what", what)));
            }
            "talk.undo" => self.undo_these(self.session.done_last().to_vec(), preface, path, doubtful),
            "talk.more" => self.more(),
            "talk.again" => self.again(rest.unwrap_or_default()),
            _ => self.understood_nothing(&[], Vec::new()),
        }
    }

    /// Takes back what was done, if it is not too long ago.
    fn undo_these(&mut self, done: Vec<Done>, preface: &[Phrase], path: Path, doubtful: bool) {
        let Some(first) = done.first() else {
            self.say_common("nothing_to_undo");
            return;
        };
        if self.is_too_old(&done, UNDO_WITHIN) {
            return;
        }
        self.session.trace.decision = Decision::Act;
        let mut preface = preface.to_vec();
        self.make_way(std::slice::from_ref(&first.call.clone()), true, &mut preface);
        self.plan_undo(done, Purpose::Undo, path, doubtful, preface);
    }

    /// The same of those among what was done last that are named.
    pub(crate) fn control_undo(&mut self, done: Vec<Done>, preface: &[Phrase]) {
        self.control_begins("talk.undo", Path::Understood);
        self.undo_these(done, preface, Path::Understood, true);
    }

    pub(crate) fn plan_undo(
        &mut self,
        done: Vec<Done>,
        purpose: impl FnOnce(Vec<Done>) -> Purpose,
        path: Path,
        doubtful: bool,
        preface: Vec<Phrase>,
    ) {
        let planning = Planning {
            calls: done.iter().map(|done| done.call.clone()).collect(),
            path,
            took_turns: false,
            doubtful,
            purpose: purpose(done.clone()),
            back_to: None,
            preface,
            tell: false,
            before: None,
            then: Vec::new(),
        };
        self.session.stage = Stage::Planning(Box::new(planning));
        self.actions.push(Action::PlanUndo(done));
    }

    /// "which ones remain?", "does db1 have one too?", after a snapshot or disk was made, deleted or listed: what there is of those now.
    pub(crate) fn asked_of_those(&self, part: &Part) -> Option<Call> {
        let things = |call: &Call| self.spec(call).is_some_and(|spec| spec.category == Category::Storage);
        let about = self.session.last.as_ref()?.calls.last().filter(|last| things(last))?;
        if !asks_of_those(&part.raw, &self.context()) {
            return None;
        }
        let named: Vec<String> = self.named_in(&part.raw).into_iter().collect();
        let mut call = self.list_of_the_last()?;
        let names = if named.is_empty() { self.machines_of(about) } else { named };
        let slot = self.spec(&call)?.slots.iter().find(|slot| is_about(slot))?;
        call.args.remove(slot.name);
        self.put(&mut call, &names);
        Some(call)
    }

    /// What lists those things of which one was made or deleted last: "which ones remain?"
    fn list_of_the_last(&self) -> Option<Call> {
        let last = self.session.last.as_ref()?.calls.last()?;
        let (of, _) = last.skill.split_once('.')?;
        let spec =
            self.book.spec(&format!("{of}{LISTS}")).filter(|spec| !spec.planned && spec.fits(self.around.scope))?;
        let mut call = Call { skill: spec.id.to_owned(), ..Call::default() };
        self.put(&mut call, &self.machines_of(last));
        Some(call)
    }

    fn more(&mut self) {
        let rows = std::mem::take(&mut self.session.more);
        // Where nothing was left out: the same once more, as it is now.
        let lists = |call: &Call| call.skill.ends_with(LISTS);
        let again = self.last_read().filter(lists).or_else(|| self.list_of_the_last());
        if let Some(call) = again.filter(|_| rows.is_empty()) {
            self.begin(vec![call], Path::Understood, false, Vec::new(), None);
            return;
        }
        if rows.is_empty() {
            self.say_common("no_more");
            return;
        }
        let rows = rows.into_iter().map(|row| Phrase::common("row").with("text", row)).collect();
        self.say_list(Reply { rows, ..Reply::default() });
    }

    /// The last call again, with what `rest` says otherwise.
    fn again(&mut self, rest: &str) {
        let Some(last) = self.session.last.clone().filter(|last| !last.calls.is_empty()) else {
            self.say_common("nothing_to_repeat");
            return;
        };
        let cx = self.context();
        let mut calls = last.calls;
        let mut changed = rest.trim().is_empty();
        let mut preface = Vec::new();
        for call in &mut calls {
            let Some(spec) = self.book.spec(&call.skill) else { continue };
            let (args, taken) = slots::extract_where(spec, rest, &[], &cx);
            // "same for cache tomorrow", "same for cache, but paused"
            let left = left_over(self.book, self.heard, spec, rest, &taken, &cx);
            preface.extend(left.words.iter().map(|words| Phrase::not_followed(words)));
            changed |= !args.is_empty();
            call.args.extend(args);
        }
        preface.dedup();
        // "do not do the same to cache", "did you do the same to cache?"
        let text = self.session.trace.text.clone();
        let said = cx.tokens(&text);
        const DENIES: [Class; 11] = [
            Class::Day,
            Class::Moment,
            Class::Offset,
            Class::Later,
            Class::No,
            Class::Not,
            Class::Denied,
            Class::Forbids,
            Class::If,
            Class::Conditional,
            Class::Tells,
        ];
        // "same except web2", but "same but 6 GB"
        let excepts = cx.lexicon.holds(&said, &[Class::Except, Class::Spare]) && !self.named_in(&text).is_empty();
        // "same to you", "it's all the same"
        let talk = cx.lexicon.holds(&said, &[Class::You]) || cx.lexicon.longest(&said, Class::It).is_some();
        let denied = talk || excepts || text.contains('?') || cx.lexicon.holds(&said, &DENIES);
        if denied && calls.iter().any(|call| self.may_change(call)) {
            self.understood_nothing(&[], Vec::new());
        } else if changed {
            self.begin(calls, Path::Understood, true, preface, None);
        } else {
            self.understood_nothing(&[], Vec::new());
        }
    }
}
