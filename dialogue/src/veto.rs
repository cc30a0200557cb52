//! The veto on what only looks like a request: a negation, a report, a supposition, talk about others. What is said then is that nothing
//! was changed, or what was done before and stands.

use grammar::corrected::named;
use grammar::frame::{Part, Stance, begins_with_verb, frame};
use grammar::lexicon::Class;
use grammar::token::gap;

use crate::amend::is_among;
use crate::machine::Turn;
use crate::policy::Path;
use crate::reply::{Phrase, Reply};
use crate::session::{Call, Trace};
use crate::spec::Danger;
use crate::topics::{HELP, HOW_TO};
use crate::understand::GIST;

impl Turn<'_> {
    /// Refuses what leaves somebody out, or depends on something, in words that nobody can place.
    pub(crate) fn refuse_unread(&mut self, id: &str, words: String, preface: &[Phrase]) {
        self.session.trace.why = "excepted".to_owned();
        let phrase = Phrase::common(id).with("words", words);
        self.say(Reply { head: [preface, &[phrase]].concat(), ..Reply::default() });
    }

    /// In negations and advice to others nothing is for this entity to do, whatever they are about.
    pub(crate) fn vetoed_outright(&self, part: &Part) -> bool {
        match part.stance {
            // "which of them don't have any snapshot?"
            Stance::Negated => !self.asks_what_is_not(part),
            Stance::AboutOthers => true,
            // "who stopped you?" and "db1 is off, is it?" are about what happened, and may be answered.
            Stance::Report | Stance::Request | Stance::HowTo | Stance::Hypothetical => false,
        }
    }

    /// Whether a negation is asked about: it begins with a word that asks, and forbids nothing.
    fn asks_what_is_not(&self, part: &Part) -> bool {
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        let begins = |class| cx.lexicon.longest(&all, class).is_some();
        begins(Class::Question) && !begins(Class::Forbids) && !begins(Class::No) && part.raw.trim_end().ends_with('?')
    }

    /// "no, don't stop it", behind the wish to stop it.
    pub(crate) fn denies(&self, part: &Part, call: &Call) -> bool {
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        let vocabulary = self.heard.vocabulary(&call.skill);
        let no = cx.lexicon.longest(&all, Class::No).is_some();
        match part.stance {
            Stance::Negated => no || all.iter().any(|token| vocabulary.commands(token)),
            _ => no && cx.lexicon.holds(&all, &[Class::Not, Class::Denied, Class::Meant]),
        }
    }

    /// What a part leaves out behind a mark, after a wish.
    fn denied_later(&self, part: &Part) -> Option<String> {
        let cx = self.context();
        let text = part.raw.trim();
        let all = cx.tokens(text);
        let marked = |at: &usize| gap(text, &all, *at).contains([',', ';', '\u{2013}', '\u{2014}']);
        let at = (1..all.len())
            .filter(marked)
            .find(|at| cx.lexicon.longest_of(&all[*at..], &[Class::Denied, Class::Not, Class::Except]).is_some())?;
        let wish = frame(&text[..all[at - 1].span.end], &cx).parts;
        let wished = wish.iter().all(|part| part.stance == Stance::Request && begins_with_verb(&part.text, &cx));
        (part.stance == Stance::Negated && !wish.is_empty() && wished).then(|| text[all[at].span.start..].to_owned())
    }

    /// "no, pause", "sorry, pause web1": whether a part takes back what was wished before it, and wishes for something else.
    pub(crate) fn turns_over(&self, part: &Part) -> bool {
        let cx = self.context();
        let text = part.raw.trim();
        let all = cx.tokens(text);
        let Some(count) = cx.lexicon.longest_of(&all, &[Class::No, Class::Recants]) else { return false };
        let Some(next) = all.get(count).filter(|_| gap(text, &all, count).contains([',', ':', '.', ';'])) else {
            return false;
        };
        let wish = &text[next.span.start..];
        // "sorry, start web2 too" takes nothing back.
        let also = cx.lexicon.holds(&all, &[Class::Also]);
        !also && self.commands(wish).iter().any(|(call, _)| self.may_change(call))
    }

    /// "ah no not db1", "enfin non, à stable": what begins so behind a wish takes it back, wholly or in part.
    pub(crate) fn takes_back_before(&self, part: &Part, calls: &[Call]) -> bool {
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        // "reboot web1, not web2" takes nothing back.
        let own = self.machines_of_all(calls);
        let named = named(&part.raw, &[], &cx);
        let others = !named.is_empty() && !named.iter().any(|name| is_among(name, &own));
        let long = |at: usize, classes: &[Class]| {
            all.get(at..).and_then(|rest| cx.lexicon.longest_of(rest, classes)).unwrap_or(0)
        };
        let mut at = 0;
        loop {
            let denies = long(at, &[Class::No, Class::Recants, Class::Denied]);
            let small = long(at, &[Class::Aside, Class::Filler, Class::Opens, Class::Hedge, Class::Polite]);
            match (denies, small) {
                (0, 0) => return false,
                (denies, small) if denies > 0 && denies >= small => {
                    let spares = long(at, &[Class::Denied]) == denies && others;
                    return at + denies < all.len() && !spares;
                }
                (_, small) => at += small.max(1),
            }
        }
    }

    /// Whether words before a command hold a wish of their own: "I would like a copy of it, and after that, remove the old one".
    pub(crate) fn wishes_for_more(&self, head: &str) -> bool {
        let cx = self.context();
        let wish = |part: &Part| part.polite || part.stance == Stance::Request && begins_with_verb(&part.text, &cx);
        cx.tokens(head).len() > 1 && frame(head, &cx).parts.iter().any(wish)
    }

    /// Whether what a part says has any change beside it asked about: it is no request, and no plain question either.
    pub(crate) fn tells_beside(&self, part: &Part, call: &Call) -> bool {
        // "how does start work, and then reboot"
        let asks_how = call.skill == HELP;
        part.stance == Stance::Report || part.stance != Stance::Request && (asks_how || self.may_change(call))
    }

    /// Whether a part only looks like a request for this change.
    pub(crate) fn vetoes(&self, part: &Part, call: &Call) -> bool {
        part.stance != Stance::Request && self.may_change(call)
    }

    /// Whether something may come of it: "undo" and "again" are only as harmless as what they take back or repeat.
    pub(crate) fn may_change(&self, call: &Call) -> bool {
        let steers = matches!(call.skill.as_str(), "talk.undo" | "talk.again");
        steers || self.spec(call).is_some_and(|spec| spec.danger > Danger::Read)
    }

    /// Says that nothing was changed, in the way that fits what was said.
    pub(crate) fn veto(&mut self, part: &Part, skill: Option<&str>, confidence: f32) {
        if self.keeps_the_plan() {
            return;
        }
        // "web1 hasn't gone down, has it?", "don't lie to me, which ones are off?": what is asked is answered.
        let text = self.session.trace.text.clone();
        let cx = self.context();
        let all = cx.tokens(&text);
        let asks = cx.lexicon.longest(&all, Class::Question).is_some()
            && cx.lexicon.longest_of(&all, &[Class::Forbids, Class::No]).is_none();
        if (text.contains('?') || asks) && self.session.open.is_none() && self.answer_anyway(&text) {
            return;
        }
        let (why, id) = match part.stance {
            Stance::Negated => ("negated", "veto_negated"),
            Stance::Report => ("report", "veto_report"),
            Stance::AboutOthers => ("about_others", "veto_report"),
            Stance::HowTo => (HOW_TO, "not_understood"),
            Stance::Hypothetical | Stance::Request => ("hypothetical", "veto_hypothetical"),
        };
        self.session.trace = Trace {
            path: Some(if skill.is_some() { Path::Understood } else { Path::None }),
            skill: skill.map(str::to_owned),
            confidence,
            why: why.to_owned(),
            ..Trace::default()
        };
        self.note_anything();
        if part.stance == Stance::HowTo
            && let Some(skill) = skill
        {
            self.tell_how(skill);
            return;
        }
        let asked = self.session.waited;
        if self.vetoed_open(part.stance) {
            return;
        }
        // "stop web1 and web2, not the fronts": who is left out, whoever that is.
        if let Some(words) = self.denied_later(part) {
            self.refuse_unread("left_over_except", words, &[]);
            return;
        }
        // "if web1 is up and web2 down, start db1": a condition that nobody can look up.
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        let depends = (0..all.len()).find(|at| cx.lexicon.longest(&all[*at..], Class::If).is_some());
        if let Some(at) = depends.filter(|_| part.stance == Stance::Hypothetical) {
            self.refuse_unread("left_over_if", part.raw[all[at].span.start..].to_owned(), &[]);
            return;
        }
        let spec = skill.and_then(|skill| self.book.spec(skill)).filter(|spec| !spec.planned);
        let example = spec.and_then(|spec| self.example(spec.id));
        match example {
            // "the wifi is slow, a reboot would do": what would have it done.
            Some(example) if part.stance == Stance::Report && spec.is_some_and(|spec| spec.danger > Danger::Read) => {
                self.say(Reply::say(Phrase::common("veto_report_near").with("example", example)))
            }
            Some(example) if part.stance == Stance::Hypothetical => {
                self.say(Reply::say(Phrase::common(id).with("example", example)))
            }
            _ if matches!(part.stance, Stance::HowTo | Stance::Hypothetical) => self.say_common("not_understood"),
            _ => match self.session.last.clone().filter(|last| last.applied && part.stance == Stance::Negated) {
                Some(last) => self.say(self.came_too_late(&last.calls)),
                // Whose question it is that is not wanted, nobody here can say.
                None if self.around.room && !asked && part.stance == Stance::Negated => self.say_common("veto_in_room"),
                None => self.say_common(id),
            },
        }
    }

    /// Answers what a text asks that was vetoed; false where it asks nothing.
    fn answer_anyway(&mut self, text: &str) -> bool {
        let asked = self.asked_in_a_piece(text).map(|(call, _)| call).or_else(|| self.asked_about(text));
        let Some(call) = asked else { return false };
        self.session.unheard = true;
        self.session.trace.why = GIST.to_owned();
        self.begin(vec![call], Path::Understood, true, Vec::new(), None);
        true
    }

    /// "no, don't", after it was done: what was done stands, and how it is taken back, if it can be.
    pub(crate) fn came_too_late(&self, calls: &[Call]) -> Reply {
        let titles = || calls.iter().map(|call| self.words.title(&call.skill)).collect::<Vec<_>>();
        let what = match calls {
            [call] => self.label(call),
            _ => titles().into(),
        };
        let undoes = self.done_lately().is_some_and(|done| calls.iter().any(|call| call.skill == done.call.skill));
        let id = if undoes { "veto_done" } else { "veto_done_for_good" };
        Reply::say(Phrase::common(id).with("what", what))
    }
}
