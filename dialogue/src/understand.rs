//! From a text to calls: frame, command patterns, classifier, and the veto on what only looks like a request.

use std::collections::VecDeque;

use grammar::condition::Condition;
use grammar::frame::{Part, Stance, frame};
use grammar::kind::Of;
use grammar::selector::Selector;
use grammar::value::Value;

use crate::conditions;
use crate::controls::CONTROLS;
use crate::gist::Gist;
use crate::inside::Inside;
use crate::language::LANGUAGE;
use crate::leftover::is_bare_value;
use crate::machine::{Action, Planning, Purpose, Ranking, Stage, Sure, Turn};
use crate::parts::without_asides;
use crate::policy::Path;
use crate::reply::{Phrase, Reply};
use crate::session::{Call, Decision, Open, Trace};
use crate::several::Several;
use crate::slots;
use crate::spec::{Danger, Spec, TARGET};
use crate::topics::HOW_TO;

/// Most characters of a message that are read.
pub const MOST_CHARACTERS: usize = 1_000;
/// So likely must be what a sentence asks for that tells or considers something beside it, or wishes for it, to be asked about.
const WISHED: f32 = 0.9;
/// Why nothing comes of a message that was heard before.
pub const REPEATED: &str = "repeated";
/// Why something was understood that says not all of what it asks.
pub(crate) const FOLLOWS: &str = "follows";
/// Why a question was understood by a few of its words.
pub(crate) const GIST: &str = "gist";
/// Controls that change nothing, and the score from which a guess at one is good enough.
const HARMLESS: [&str; 4] = ["talk.cancel", "talk.no", "talk.repeat", "talk.more"];
const LIKELY: f32 = 0.5;

/// What is known of a text while the classifier is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Understanding {
    pub(crate) text: String,
    pub(crate) part: Option<Part>,
    pub(crate) rest: VecDeque<Part>,
    pub(crate) calls: Vec<Call>,
    pub(crate) path: Path,
    pub(crate) doubtful: bool,
    pub(crate) preface: Vec<Phrase>,
    /// Whether the part in hand was cut out of one in which others are wished for.
    pub(crate) cut: bool,
    /// What was passed over, for when something is changed.
    pub(crate) beside: Vec<Phrase>,
    pub(crate) before: Option<Box<Open>>,
    /// What has to be so before the part in hand is done.
    pub(crate) condition: Option<Condition>,
    /// The state that was asked about just before: "if not, start it" is about that.
    pub(crate) asked: Option<Condition>,
    /// The machine it was said to: "web1: reboot", said to its host.
    pub(crate) addressee: Option<String>,
    /// Who is left as it is, said beside it.
    pub(crate) spared: Vec<String>,
}

impl Turn<'_> {
    pub(crate) fn understand_sparing(
        &mut self,
        text: &str,
        doubtful: bool,
        preface: Vec<Phrase>,
        before: Option<Box<Open>>,
        spared: Vec<String>,
    ) {
        let cx = self.context();
        let framed = frame(text, &cx);
        // "don't stop" is no "stop", and what may only be told ("back to square one") is asked about.
        let negated = framed.parts.iter().any(|part| part.stance == Stance::Negated);
        let told = framed.parts.iter().any(|part| part.stance != Stance::Request);
        if !negated && self.control_word(text, doubtful || told, &preface) {
            return;
        }
        let mut preface = preface;
        let mut rest: VecDeque<Part> = framed.parts.into_iter().filter(|part| !part.text.trim().is_empty()).collect();
        // "Hello there, web1!": one word after a greeting, and no command, is whom it is said to.
        let named = |part: &Part| part.text.split_whitespace().count() == 1 && self.commands(&part.text).is_empty();
        if framed.greeting && rest.len() == 1 && rest.iter().all(named) {
            rest.clear();
        }
        if rest.is_empty() {
            let skill = if framed.thanks {
                "talk.thanks"
            } else if framed.greeting {
                "talk.greet"
            } else {
                ""
            };
            if skill.is_empty() {
                self.understood_nothing(&[], preface);
            } else {
                self.begin(
                    vec![Call { skill: skill.to_owned(), ..Call::default() }],
                    Path::Command,
                    doubtful,
                    preface,
                    before,
                );
            }
            return;
        }
        if framed.greeting {
            preface.push(Phrase::common("hello").with("asker", self.around.asker));
        }
        // The whole utterance may be one command even where "and then" or a full stop seems to cut it.
        if rest.len() > 1 && spared.is_empty() {
            let readings = self.commands(text);
            if let [(call, Path::Command)] = readings.as_slice() {
                self.begin(vec![call.clone()], Path::Command, doubtful, preface, before);
                return;
            }
            // "Another. 50 GB."
            if let Some(call) = self.one_more(text, &[]) {
                self.begin(vec![call], Path::Understood, doubtful, preface, before);
                return;
            }
        }
        // Nobody of that name is no reason to take it for oneself: "bob: reboot" is refused for want of a machine called bob.
        let addressee =
            framed.addressee.map(|name| self.around.known.has(Of::Machine, &name).unwrap_or(name)).filter(|name| {
                !name.eq_ignore_ascii_case(self.around.entity) && self.around.known.has(Of::Hypervisor, name).is_none()
            });
        let part = rest.pop_front();
        let understanding = Understanding {
            text: text.to_owned(),
            part,
            rest,
            calls: Vec::new(),
            path: Path::Command,
            doubtful,
            preface,
            cut: false,
            beside: Vec::new(),
            before,
            condition: None,
            asked: self.session.asked.take(),
            addressee,
            spared,
        };
        self.next_part(understanding);
    }

    /// Command readings of a text that fit this entity: several only when they mean different things.
    pub(crate) fn commands(&self, text: &str) -> Vec<(Call, Path)> {
        let cx = self.context();
        let mut list: Vec<(Call, Path)> = Vec::new();
        for reading in self.heard.patterns.matches(text, &cx) {
            let spec = self.book.specs()[reading.tag];
            let path = if reading.mended.is_empty() { Path::Command } else { Path::Understood };
            let call = Call { skill: spec.id.to_owned(), args: reading.values };
            if !list.iter().any(|(known, _)| *known == call) {
                list.push((call, path));
            }
        }
        list.retain_mut(|(call, _)| {
            self.name_a_snapshot(call, !text.contains('?'));
            self.of_a_machine(call)
        });
        let fitting: Vec<_> = list
            .iter()
            .filter(|(call, _)| self.spec(call).is_some_and(|spec| spec.fits(self.around.scope)))
            .cloned()
            .collect();
        let list = if fitting.is_empty() { list } else { fitting };
        let built = |(call, _): &(Call, Path)| self.spec(call).is_some_and(|spec| !spec.planned);
        if !list.iter().any(built)
            && let Some(call) = self.snapshot_alone(text)
        {
            return vec![(call, Path::Command)];
        }
        self.prefer_known(list)
    }

    /// Of readings of one skill, those that name what exists win over those that take words for names.
    fn prefer_known(&self, list: Vec<(Call, Path)>) -> Vec<(Call, Path)> {
        if list.len() < 2 {
            return list;
        }
        let unknown =
            |call: &Call| self.spec(call).map_or(0, |spec| slots::unknown_names(spec, call, self.around.known));
        // At equal footing the reading that takes the most words for keywords wins: the one with the fewest values.
        let weight = |call: &Call| (unknown(call), call.args.len());
        let least = list.iter().map(|(call, _)| weight(call)).min().unwrap_or_default();
        list.into_iter().filter(|(call, _)| weight(call) == least).collect()
    }

    /// Takes the part in hand: a command, else a question to the classifier.
    pub(crate) fn next_part(&mut self, mut understanding: Understanding) {
        let Some(part) = understanding.part.clone() else {
            self.weigh_asides(&mut understanding);
            let Understanding { text, mut calls, path, doubtful, preface, before, addressee, spared, .. } =
                understanding;
            // "wake up then, start please": said twice, wished for once.
            calls.dedup();
            self.name_its(&text, &mut calls);
            if let Some(name) = addressee {
                for call in &mut calls {
                    if self.spec(call).is_some_and(Spec::has_target) {
                        call.args
                            .entry(TARGET.to_owned())
                            .or_insert_with(|| Value::Machines(Selector::Names(vec![name.clone()])));
                    }
                }
            }
            let Some(asked) = self.spare_all(&mut calls, &spared, &preface) else { return };
            self.begin(calls, path, doubtful || asked, preface, before);
            return;
        };
        if let Some(call) = self.asked_whether(&part) {
            self.next_after(call, understanding);
            return;
        }
        if self.commands(&part.text).is_empty()
            && let Some(Several { parts, instead }) = self.several(&part)
        {
            understanding.path = understanding.path.min(Path::Understood);
            understanding.doubtful |= instead;
            understanding.cut = true;
            parts.into_iter().rev().for_each(|part| understanding.rest.push_front(part));
            understanding.part = understanding.rest.pop_front();
            self.next_part(understanding);
            return;
        }
        let part = self.with_condition(part, &mut understanding);
        let mut readings = self.commands(&part.text);
        // "do a clean shutdown" is a command as it was said, though "do" also begins questions.
        if readings.is_empty() && part.raw != part.text {
            readings = self.commands(&part.raw);
        }
        if part.roundabout {
            understanding.path = understanding.path.min(Path::Understood);
        }
        let mut part = part;
        if readings.is_empty()
            && part.stance == Stance::Request
            && let Some(call) = self.one_more(&part.raw, &understanding.calls)
        {
            readings = vec![(call, Path::Understood)];
        }
        if readings.is_empty()
            && let Some(Inside { part: wish, call, beside }) = self.inside(&part)
        {
            understanding.doubtful |= beside;
            understanding.path = understanding.path.min(if beside { Path::Understood } else { Path::Command });
            (part, readings) = (wish, vec![(call, Path::Command)]);
        }
        let first = understanding.calls.is_empty();
        let asked = match readings.as_slice() {
            [] => self.asks(&part, understanding.addressee.is_some(), first),
            [(call, _)] if first && !self.may_change(call) => self.goes_on_of_all(&part).map(|call| (call, FOLLOWS)),
            _ => None,
        };
        if let Some((call, why)) = asked {
            self.session.trace.why = why.to_owned();
            readings = vec![(call, Path::Understood)];
        }
        if let [(call, _)] = readings.as_mut_slice() {
            self.about_the_last(call, &part);
        }
        match readings.as_slice() {
            [] => {
                // "I don't need you any more, power down": what is asked for beside it is asked about.
                if self.vetoed_outright(&part) {
                    understanding = match self.pass_over(Box::new(understanding), &part, false) {
                        Ok(()) => return,
                        Err(back) => *back,
                    };
                }
                let text = part.text.clone();
                self.session.stage = Stage::Understanding(Box::new(understanding));
                self.actions.push(Action::Rank(text));
            }
            [(call, path)] => {
                if *path != Path::Command && self.vetoes(&part, call) {
                    self.veto(&part, Some(&call.skill), 1.0);
                    return;
                }
                // "never mind and then reboot": nobody knows whether that is still wanted.
                if CONTROLS.contains(&call.skill.as_str())
                    && (!understanding.rest.is_empty() || !understanding.calls.is_empty())
                {
                    self.understood_nothing(&[], understanding.preface);
                    return;
                }
                // A command to the letter that may also be a report ("clean shutdown") is shown and asked.
                // A question among several wishes changes nothing of them.
                understanding.doubtful |= self.hardly_names(&part, call) || self.tells_beside(&part, call);
                self.session.trace.confidence = 1.0;
                if *path == Path::Understood && ![FOLLOWS, GIST].contains(&self.session.trace.why.as_str()) {
                    self.session.trace.why = "typo".to_owned();
                }
                understanding.path = understanding.path.min(*path);
                self.note_how_to(&part, call);
                let mut call = call.clone();
                understanding.doubtful |= conditions::attach(understanding.condition.take(), &mut call);
                self.next_after(call, understanding);
            }
            several => {
                let options = several.iter().map(|(call, _)| call.clone()).collect::<Vec<_>>();
                self.session.trace.path = Some(Path::Guess);
                self.session.trace.skill = options.first().map(|call| call.skill.clone());
                self.session.trace.why = "two readings".to_owned();
                self.session.trace.alternatives = options.iter().map(|call| (call.skill.clone(), 1.0)).collect();
                self.offer(options, &part.text, Reply::say(Phrase::common("which_of")));
            }
        }
    }

    /// Goes on behind a part that was understood.
    fn next_after(&mut self, call: Call, mut understanding: Understanding) {
        understanding.calls.push(call);
        understanding.part = understanding.rest.pop_front();
        self.next_part(understanding);
    }

    /// Refuses what leaves somebody out, or depends on something, in words that nobody can place.
    pub(crate) fn refuse_unread(&mut self, id: &str, words: String, preface: &[Phrase]) {
        self.session.trace.why = "excepted".to_owned();
        let phrase = Phrase::common(id).with("words", words);
        self.say(Reply { head: [preface, &[phrase]].concat(), ..Reply::default() });
    }

    /// In negations and advice to others nothing is for this entity to do, whatever they are about.
    fn vetoed_outright(&self, part: &Part) -> bool {
        match part.stance {
            Stance::Negated | Stance::AboutOthers => true,
            // "who stopped you?" and "db1 is off, is it?" are about what happened, and may be answered.
            Stance::Report | Stance::Request | Stance::HowTo | Stance::Hypothetical => false,
        }
    }

    /// Whether a part that is no request may be asked about: it may hold a wish, and what is wished for is beyond doubt.
    fn is_wish(&self, part: &Part, ranking: &Ranking) -> bool {
        let likely = ranking.ranked.first().is_some_and(|(_, score)| *score >= WISHED);
        part.wish && likely && ranking.sure == Sure::Yes
    }

    /// Whether what a part says has any change beside it asked about: it is no request, and no plain question either.
    fn tells_beside(&self, part: &Part, call: &Call) -> bool {
        part.stance == Stance::Report || part.stance != Stance::Request && self.may_change(call)
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
    fn veto(&mut self, part: &Part, skill: Option<&str>, confidence: f32) {
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
        if part.stance == Stance::HowTo
            && let Some(skill) = skill
        {
            self.tell_how(skill);
            return;
        }
        if self.vetoed_open(part.stance) {
            return;
        }
        let spec = skill.and_then(|skill| self.book.spec(skill)).filter(|spec| !spec.planned);
        let example = spec.and_then(|spec| self.example(spec.id));
        match example {
            Some(example) if part.stance == Stance::Hypothetical => {
                self.say(Reply::say(Phrase::common(id).with("example", example)))
            }
            _ if matches!(part.stance, Stance::HowTo | Stance::Hypothetical) => self.say_common("not_understood"),
            _ => self.say_common(id),
        }
    }

    /// The classifier has answered for the part in hand.
    pub(crate) fn ranked(&mut self, ranking: Ranking) {
        let Stage::Understanding(understanding) = std::mem::take(&mut self.session.stage) else { return };
        let Some(part) = understanding.part.clone() else { return };
        // "20 GB" alone says nothing of what to do with it.
        let ranking = match ranking.sure {
            Sure::Yes if is_bare_value(&part.text, &self.context()) => Ranking { sure: Sure::Guess, ..ranking },
            _ => ranking,
        };
        let ranking = self.asks_a_state(&part, ranking);
        let guessed = ranking.sure == Sure::Guess;
        let ranking = self.clearly_first(&part, ranking);
        self.session.trace.alternatives = ranking.ranked.iter().skip(1).cloned().collect();
        let best = ranking.ranked.first().cloned();
        let fitting: Vec<(String, f32)> = ranking
            .ranked
            .iter()
            .filter(|(id, _)| self.book.spec(id).is_some_and(|spec| spec.fits(self.around.scope)))
            .cloned()
            .collect();
        let mut understanding = understanding;
        let planned = best.as_ref().and_then(|(id, _)| self.book.spec(id)).is_some_and(|spec| spec.planned);
        if (ranking.sure != Sure::Yes || planned)
            && let Some(call) =
                self.gist(&part, understanding.addressee.is_some()).filter(Gist::is_likely).map(|gist| gist.call)
        {
            self.session.trace.why = GIST.to_owned();
            understanding.path = understanding.path.min(Path::Understood);
            self.next_after(call, *understanding);
            return;
        }
        let likely = best.as_ref().map(|(id, _)| id.as_str()).filter(|_| ranking.sure != Sure::No);
        let score = best.as_ref().map_or(0.0, |(_, score)| *score);
        let wish = self.is_wish(&part, &ranking);
        if self.vetoed_outright(&part) && !wish {
            self.veto(&part, likely, score);
            return;
        }
        // Nobody who only tells something wants to be asked what they meant; what can be answered is.
        if part.stance == Stance::Report && !part.question && !wish {
            let answers = best.as_ref().is_some_and(|(id, _)| {
                ranking.sure == Sure::Yes && self.book.spec(id).is_some_and(|spec| spec.danger == Danger::Read)
            });
            if !answers {
                if self.pass_over(understanding, &part, false).is_err() {
                    self.veto(&part, likely, score);
                }
                return;
            }
        }
        // "How can I …?" in words that are all of one skill's is about that skill, whatever the classifier guesses.
        if part.stance == Stance::HowTo
            && ranking.sure != Sure::Yes
            && let Some(skill) = self.heard.topics().covering(&part.text)
        {
            self.veto(&part, Some(skill), score);
            return;
        }
        let Some((skill, score)) = best.filter(|_| ranking.sure != Sure::No) else {
            self.session.trace.confidence = ranking.ranked.first().map_or(0.0, |(_, score)| *score);
            if let Err(understanding) = self.pass_over(understanding, &part, false) {
                self.understood_nothing(&fitting, without_asides(understanding.preface));
            }
            return;
        };
        self.session.trace.confidence = score;
        let (mut call, left) = self.call_and_rest(&skill, &part.text, &ranking);
        self.like_the_last(&mut call, &part);
        self.name_a_snapshot(&mut call, false);
        self.about_the_last(&mut call, &part);
        self.note_how_to(&part, &call);
        if self.vetoes(&part, &call) && !wish {
            self.veto(&part, Some(&skill), score);
            return;
        }
        // A question that waits for its answer is not pushed aside by a guess.
        let waits = self.session.waits();
        // Small words change nothing: a likely one is taken for said.
        let small = HARMLESS.contains(&skill.as_str()) && score >= LIKELY;
        if ranking.sure == Sure::Guess && (waits || is_bare_value(&part.text, &self.context())) {
            self.understood_nothing(&fitting, understanding.preface);
            return;
        }
        if ranking.sure == Sure::Guess && !small {
            if let Err(understanding) = self.pass_over(understanding, &part, true) {
                self.guess(&fitting, &part, &ranking, understanding.preface);
            }
            return;
        }
        // "web1 started?" may be a wish or a question; beside a report or a question about the past a change is asked about too.
        understanding.doubtful |= guessed || self.tells_beside(&part, &call) || part.question && self.may_change(&call);
        if CONTROLS.contains(&skill.as_str()) && (!understanding.rest.is_empty() || !understanding.calls.is_empty()) {
            self.understood_nothing(&fitting, understanding.preface);
            return;
        }
        let beside = left.as_ref().map_or(&[][..], |left| left.words.as_slice());
        self.unplaced_target(&mut call, &part, beside);
        if let Some(left) = left {
            let words = left.words.join(" … ");
            if let Some(id) = left.unread() {
                self.refuse_unread(id, words, &understanding.preface);
                return;
            }
            understanding.doubtful = true;
            understanding.preface.push(Phrase::common("left_over").with("words", words));
        }
        understanding.path = understanding.path.min(Path::Understood);
        understanding.doubtful |= conditions::attach(understanding.condition.take(), &mut call);
        self.next_after(call, *understanding);
    }

    /// Calls are known: fill in what is known otherwise, ask for what is missing, or have them planned.
    pub(crate) fn begin(
        &mut self,
        calls: Vec<Call>,
        path: Path,
        doubtful: bool,
        preface: Vec<Phrase>,
        before: Option<Box<Open>>,
    ) {
        let Some(first) = calls.first().cloned() else {
            self.understood_nothing(&[], preface);
            return;
        };
        self.session.trace.path = Some(path);
        self.session.trace.skill = Some(first.skill.clone());
        self.session.trace.args = first.args.clone();
        self.session.trace.decision = Decision::Decline;
        if let [only] = calls.as_slice()
            && CONTROLS.contains(&only.skill.as_str())
        {
            if only.skill == LANGUAGE {
                self.speak(only, path);
                return;
            }
            let rest = only.args.get("rest").map(Value::to_string);
            self.control(&only.skill.clone(), rest.as_deref(), &preface, path, doubtful);
            return;
        }
        let mut specs: Vec<&'static Spec> = Vec::new();
        let (mut preface, mut doubtful) = (preface, doubtful);
        let planned = |call: &Call| self.spec(call).is_some_and(|spec| spec.planned);
        let all_planned = calls.iter().all(planned);
        for call in &calls {
            let Some(spec) = self.spec(call) else {
                self.understood_nothing(&[], preface);
                return;
            };
            if spec.planned && !all_planned {
                preface.push(Phrase::common("not_yet").with("what", self.words.title(spec.id)));
                doubtful = true;
                continue;
            }
            if spec.planned {
                self.session.trace.skill = Some(spec.id.to_owned());
                self.session.trace.why = "planned".to_owned();
                let title = self.words.title(spec.id);
                let phrase = Phrase::common("not_yet").with("what", title);
                self.trouble_with(&calls, vec![phrase.clone()]);
                self.say(Reply::say(phrase));
                return;
            }
            if !spec.fits(self.around.scope) {
                self.session.trace.why = "scope".to_owned();
                let id = if spec.has_target() { "ask_a_machine" } else { "ask_the_host" };
                self.trouble_with(&calls, vec![Phrase::common(id)]);
                self.say_common(id);
                return;
            }
            specs.push(spec);
        }
        let calls: Vec<Call> = calls.into_iter().filter(|call| all_planned || !planned(call)).collect();
        let changes = specs.iter().any(|spec| spec.danger > Danger::Read);
        let kept = self.make_way(&calls, changes, &mut preface);
        let planning = Planning {
            calls,
            path,
            took_turns: false,
            doubtful,
            purpose: Purpose::New,
            back_to: kept,
            preface,
            tell: false,
            before,
        };
        self.complete(planning);
    }
}
