//! A message comes in: what it was sent over, whether it answers what is open, and what it stands in for.

use grammar::answer::agreed;
use grammar::frame::frame;

use crate::machine::{Action, Stage, Turn, Utterance};
use crate::pasted::is_pasted;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::session::{About, Call, Decision, Open, Trace};
use crate::signs::{may_mean_something, strikes_out};
use crate::slots::unknown_names;
use crate::understand::{MOST_CHARACTERS, REPEATED};

impl Turn<'_> {
    /// A message came in.
    pub(crate) fn said(&mut self, utterance: Utterance) {
        let text = utterance.text.trim().to_owned();
        self.session.trace = Trace { text: text.clone(), ..Trace::default() };
        self.session.stage = Stage::Idle;
        self.session.spoken_before.clone_from(&self.session.focus);
        self.session.refused = false;
        self.session.refused_plan = None;
        self.session.waited = self.session.open.is_some();
        self.session.respelled = false;
        self.session.slipped = false;
        self.session.unheard = false;
        if self.session.heard_before(&utterance, self.around.now.timestamp()) {
            self.session.trace.why = REPEATED.to_owned();
            return;
        }
        self.session.spoken = Some(self.now());
        if text.chars().count() > MOST_CHARACTERS {
            self.say_common("too_long");
            return;
        }
        if text.is_empty() {
            return;
        }
        if is_pasted(&text) {
            self.session.trace.why = "pasted".to_owned();
            self.understood_nothing(&[], Vec::new());
            return;
        }
        // "~reboot~", "<!-- reboot -->", "!reboot", "reboot web1 -web2"
        if strikes_out(&text, &self.context()) {
            self.understood_nothing(&[], Vec::new());
            return;
        }
        self.expire();
        let before = self.session.open.clone().map(Box::new);
        let mut doubtful = utterance.late.is_some() || may_mean_something(&text, &self.context());
        let mut preface = Vec::new();
        if let Some(late) = utterance.late {
            let phrase =
                if late.is_zero() { Phrase::common("late_unknown") } else { Phrase::common("late").with("ago", late) };
            preface.push(phrase);
        }
        if utterance.edits_last {
            doubtful |= self.rewind();
        }
        let text = self.without_own_name(&text);
        // A name that is typed is of no language.
        let typed = match &self.session.open {
            Some(Open { about: About::Confirm { plan, by_name: true, .. }, .. }) => {
                plan.typed.trim_matches('"').eq_ignore_ascii_case(text.trim_matches(['"', '.', ' ']))
            }
            _ => false,
        };
        let clear = !typed && self.find_language(&text);
        let confirms = matches!(&self.session.open, Some(Open { about: About::Confirm { .. }, .. }));
        let text = Some(&text).filter(|_| confirms).and_then(|text| self.with_own_yes(text)).unwrap_or(text);
        let text = Some(&text).filter(|_| !typed).and_then(|text| self.ranges_written_out(text)).unwrap_or(text);
        self.note_others(&text);
        if self.session.open.is_none() && self.goes_on_aside(&text) {
            self.session.open = self.session.aside.take();
        }
        if let Some(open) = self.session.open.take() {
            let unanswered = self.session.clone();
            let answers = |turn: &mut Self| {
                turn.session.open = None;
                // What is typed to be destroyed is typed in full.
                let typed = matches!(open.about, About::Confirm { by_name: true, .. });
                let said = if typed { text.clone() } else { turn.spelled(&text, false).0 };
                turn.answer_open(open.clone(), &said).ok()
            };
            let answered = match utterance.late {
                Some(_) => None,
                None if clear => answers(self),
                None => self.in_any_language(answers),
            };
            if answered.is_some() {
                let older = utterance.sent.is_some_and(|sent| sent < open.at);
                if (older || !open.seen_on.contains(&utterance.device)) && !self.did_nothing_with(&open) {
                    self.session = unanswered;
                    self.actions.clear();
                    self.session.trace.why = "not shown here".to_owned();
                    self.session.trace.decision = Decision::Confirm;
                    self.ask_again_after(if older { "once_more_passed" } else { "not_shown_here" }, open);
                }
                return;
            }
            // "yes, stop cache" to another plan than that.
            let plan = matches!(open.about, About::Confirm { .. });
            let other = || agreed(&text, &self.context()).is_some_and(|rest| !self.commands(&rest).is_empty());
            doubtful |= plan && (other() || self.joins_on(&text));
            self.session.open = self.still_waits(&open).then_some(open);
        } else if let Some(expired) = self.session.expired.as_mut().filter(|expired| !expired.said) {
            expired.said = true;
            preface.push(Phrase::common("expired"));
        }
        // What is a command as it was typed has nothing to mend: "disk tmp 5g".
        let parts = frame(&text, &self.context()).parts;
        let plain = self.is_plain_command(&text) || parts.iter().all(|part| self.is_plain_command(&part.text));
        let (text, mut slips) = self.spelled(&text, !plain);
        self.session.slipped = slips.words;
        let written = if plain { None } else { self.written_out(&text) };
        slips.names |= written.is_some();
        let text = written.unwrap_or(text);
        let topics = self.session.focus.clone();
        self.understand(&text, doubtful || slips.names, preface, before);
        self.note_topic(&text, &topics);
    }

    /// Whether a text is a command to the letter, about nothing that isn't there.
    pub(crate) fn is_plain_command(&self, text: &str) -> bool {
        let plain = |(call, path): &(Call, Path)| {
            let unknown = self.spec(call).map_or(0, |spec| unknown_names(spec, call, self.around.known));
            *path == Path::Command && unknown == 0
        };
        self.commands(text).iter().any(plain)
    }

    /// Whether an answer only dropped the open question, or wanted to see it again.
    fn did_nothing_with(&self, open: &Open) -> bool {
        let asked = |action: &Action| matches!(action, Action::Ask(_) | Action::Remind(_));
        let said = |action: &Action| matches!(action, Action::Say(_));
        let only = |one: &dyn Fn(&Action) -> bool| self.session.stage == Stage::Idle && self.actions.iter().all(one);
        match &self.session.open {
            None => only(&said),
            Some(now) => now.about == open.about && only(&asked),
        }
    }

    /// An edited message stands in for the one before: what that one asked is dropped. True if it had changed something.
    fn rewind(&mut self) -> bool {
        match self.session.last.take() {
            Some(last) if last.applied => true,
            Some(last) => {
                self.session.open = last.before.map(|open| *open);
                last.doubtful
            }
            None => false,
        }
    }

    /// "web1: yes", said to web1 itself.
    pub(crate) fn without_own_name(&self, text: &str) -> String {
        let rest = text
            .get(..self.around.entity.len())
            .filter(|head| head.eq_ignore_ascii_case(self.around.entity))
            .map(|head| &text[head.len()..]);
        let rest = rest.and_then(|rest| rest.strip_prefix([':', ','])).map(str::trim);
        // "web1: stop, web2: reboot" goes to each.
        let each = || self.by_addressee(text).is_some_and(|said| said.len() > 1);
        rest.filter(|rest| !rest.is_empty() && !each()).unwrap_or(text).to_owned()
    }
}
