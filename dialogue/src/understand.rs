//! From a text to calls: frame, command patterns, classifier, and the veto on what only looks like a request.

use std::collections::VecDeque;

use grammar::answer::{Answer, answer, control};
use grammar::condition::{Condition, whether};
use grammar::frame::{Part, Stance, frame};
use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::selector::Selector;
use grammar::value::Value;

use crate::conditions;
use crate::controls::CONTROLS;
use crate::details::Told;
use crate::inside::Inside;
use crate::language::LANGUAGE;
use crate::machine::{Action, Planning, Purpose, Stage, Turn};
use crate::policy::Path;
use crate::reply::{Phrase, Reply};
use crate::session::{About, Call, Decision, Open};
use crate::several::Several;
use crate::slots::points;
use crate::spec::{Category, Danger, Spec, TARGET};

/// Most characters of a message that are read.
pub const MOST_CHARACTERS: usize = 1_000;
/// Taking leave: whatever else is said then may be for later.
pub(crate) const BYE: &str = "talk.bye";
/// Saying hello, which in French is taking leave as well.
pub(crate) const GREET: &str = "talk.greet";
/// Why nothing comes of a message that was heard before.
pub const REPEATED: &str = "repeated";
/// Why something was understood that says not all of what it asks.
pub(crate) const FOLLOWS: &str = "follows";
/// Why a question was understood by a few of its words.
pub(crate) const GIST: &str = "gist";

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
    /// What was passed over, for when something is changed; and whether it says nothing that may matter.
    pub(crate) beside: Vec<(Phrase, bool)>,
    /// Wishes that were passed over, for when nothing is changed.
    pub(crate) wishes: Vec<Phrase>,
    pub(crate) before: Option<Box<Open>>,
    /// What has to be so before the part in hand is done.
    pub(crate) condition: Option<Condition>,
    /// The state that was asked about just before: "if not, start it" is about that.
    pub(crate) asked: Option<Condition>,
    /// The machine it was said to: "web1: reboot", said to its host.
    pub(crate) addressee: Option<String>,
    /// Who is left as it is, said beside it.
    pub(crate) spared: Vec<String>,
    /// Which calls are to come before those that were said before them.
    pub(crate) ahead: Vec<usize>,
}

impl Understanding {
    /// The wish that comes next is to be done before those that were said before it, if it was `led` in so. What is said first is first
    /// anyway.
    pub(crate) fn note_ahead(&mut self, led: bool) {
        let at = self.calls.len();
        if led && at > 0 && !self.ahead.contains(&at) {
            self.ahead.push(at);
        }
    }
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
        // "never mind. stop web1", where nothing is open to be called off.
        let called_off = |part: &Part| matches!(answer(&part.raw, &cx), Answer::Cancel | Answer::No);
        // "Reprenons. Un instantané de web1" goes on with the talk, perhaps, rather than with a machine.
        let goes_on = |part: &Part| [&part.raw, &part.text].iter().any(|text| control(text, &cx) == Answer::Continue);
        let mut doubtful = doubtful || rest.len() > 1 && rest.front().is_some_and(goes_on);
        let mut said = text.to_owned();
        while rest.len() > 1 && rest.front().is_some_and(called_off) {
            rest.pop_front();
            doubtful = true;
            said = rest.iter().map(|part| part.raw.as_str()).collect::<Vec<_>>().join(" ");
        }
        let text = said.as_str();
        if rest.is_empty() {
            let skill = if framed.thanks {
                "talk.thanks"
            } else if framed.greeting {
                GREET
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
        let hello = Phrase::common("hello").with("asker", self.around.asker);
        if framed.greeting && !preface.contains(&hello) {
            preface.push(hello);
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
        // "bob: stop web1" is said to somebody else, perhaps.
        let stranger = addressee.iter().find(|name| self.around.known.has(Of::Machine, name).is_none());
        let doubtful = doubtful || stranger.is_some();
        preface.extend(stranger.map(|name| Phrase::common("left_over").with("words", name.as_str())));
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
            wishes: Vec::new(),
            before,
            condition: None,
            asked: self.session.asked.take(),
            addressee,
            spared,
            ahead: Vec::new(),
        };
        self.next_part(understanding);
    }

    /// Takes the part in hand: a command, else a question to the classifier.
    pub(crate) fn next_part(&mut self, mut understanding: Understanding) {
        let Some(part) = understanding.part.clone() else {
            self.weigh_asides(&mut understanding);
            let Understanding { text, mut calls, path, doubtful, preface, before, addressee, spared, ahead, .. } =
                understanding;
            let doubtful = self.name_its(&text, &mut calls) || doubtful;
            if let [call] = calls.as_mut_slice() {
                self.named_behind(&text, call);
            }
            let doubtful = doubtful || !ahead.is_empty();
            for (to, at) in ahead.into_iter().enumerate() {
                if at < calls.len() {
                    let call = calls.remove(at);
                    calls.insert(to, call);
                }
            }
            // "wake up then, start please": said twice, wished for once.
            calls.dedup();
            let anew = self.off_and_on(&mut calls);
            let doubtful = doubtful || anew;
            let elsewhere = self.address(&mut calls, addressee.as_deref());
            let leaves = calls.iter().any(|call| call.skill == BYE) && calls.iter().any(|call| self.may_change(call));
            let doubtful = doubtful || elsewhere || leaves;
            let mut preface = preface;
            if elsewhere && let Some(name) = &addressee {
                preface.push(Phrase::common("left_over").with("words", name.as_str()));
            }
            let Some(asked) = self.spare_all(&mut calls, &spared, &preface) else { return };
            self.begin(calls, path, doubtful || asked, preface, before);
            return;
        };
        // "reboot. No, pause.": only what is said last is shown.
        if self.turns_over(&part) && understanding.calls.iter().any(|call| self.may_change(call)) {
            understanding.calls.retain(|call| !self.may_change(call));
            understanding.doubtful = true;
        }
        if let Some(parts) = self.by_conditions(&part) {
            self.next_of(parts, understanding);
            return;
        }
        if let Some(call) = self.asked_whether(&part).or_else(|| self.asked_of_those(&part)) {
            // "check if web1 is off, and if so start it"
            understanding.asked = whether(&part.raw, &self.context()).and_then(|(_, condition)| condition);
            self.next_after(call, understanding);
            return;
        }
        if let Some(call) = self.renamed_wish(&part) {
            understanding.doubtful = true;
            self.next_after(call, understanding);
            return;
        }
        if let Some((calls, otherwise)) = self.detail(&part, &understanding.calls) {
            understanding.calls = calls;
            understanding.doubtful |= otherwise;
            self.next_after_all(Vec::new(), understanding);
            return;
        }
        let built = |(call, _): &(Call, Path)| self.spec(call).is_some_and(|spec| !spec.planned);
        if !self.commands(&part.text).iter().any(built)
            && let Some(calls) = self.one_each(&part)
        {
            self.next_after_all(calls, understanding);
            return;
        }
        if let Some((wish, picks)) = self.picks_behind(&part) {
            understanding.rest.push_front(picks);
            understanding.part = Some(wish);
            self.next_part(understanding);
            return;
        }
        if let Some(call) = self.one_question(&part) {
            understanding.path = understanding.path.min(Path::Understood);
            self.session.trace.why = GIST.to_owned();
            self.next_after(call, understanding);
            return;
        }
        if self.commands(&part.text).is_empty()
            && let Some(Several { parts, instead }) = self.several(&part)
        {
            understanding.path = understanding.path.min(Path::Understood);
            understanding.doubtful |= instead;
            understanding.cut = true;
            self.next_of(parts, understanding);
            return;
        }
        let led = self.leads_ahead(&part.raw);
        let mut part = self.with_condition(part, &mut understanding);
        if self.leads_ahead(&part.raw) && !self.commands(&part.text).is_empty() && !understanding.calls.is_empty() {
            // "stop web1, but first snapshot it"
            understanding.note_ahead(true);
        } else if self.commands(&part.text).is_empty()
            && let Some(wish) = self.ahead(&part)
        {
            understanding.note_ahead(true);
            part = wish;
        }
        let mut readings = self.commands(&part.text);
        // "ok. what can you do?" is no polite "what?".
        if part.raw != part.text {
            let asked = self.commands(&part.raw);
            let talks = |(call, _): &(Call, Path)| self.spec(call).is_some_and(|spec| spec.category == Category::Talk);
            let steers = readings.iter().all(|(call, _)| CONTROLS.contains(&call.skill.as_str()));
            readings = if steers && !asked.is_empty() && asked.iter().all(talks) { asked } else { readings };
        }
        if let Some(call) = self.for_both(&part.text) {
            readings = vec![(call, Path::Command)];
        }
        if readings.is_empty()
            && let Some(calls) = self.made_so_each(&part)
        {
            understanding.path = understanding.path.min(Path::Understood);
            understanding.doubtful = true;
            self.next_after_all(calls, understanding);
            return;
        }
        // "web1 up, then restart db1"
        let before_a_wish =
            understanding.rest.front().is_some_and(|next| next.stance == Stance::Request && !next.question);
        let as_wish = || Part { polite: part.polite || before_a_wish && !part.question, ..part.clone() };
        if readings.is_empty()
            && let Some(call) = self.made_so(&as_wish())
        {
            understanding.path = understanding.path.min(Path::Understood);
            understanding.doubtful = true;
            readings = vec![(call, Path::Command)];
        }
        // "do a clean shutdown" is a command as it was said, though "do" also begins questions.
        if readings.is_empty() && part.raw != part.text {
            readings = self.commands(&part.raw);
        }
        if part.roundabout {
            understanding.path = understanding.path.min(Path::Understood);
            understanding.doubtful = true;
        }
        if readings.is_empty()
            && part.stance == Stance::Request
            && let Some(call) = self
                .one_as_depends(&part.raw, understanding.condition.as_ref())
                .or_else(|| self.one_more(&part.raw, &understanding.calls))
                .or_else(|| self.one_more(&part.text, &understanding.calls))
        {
            readings = vec![(call, Path::Understood)];
        }
        if readings.is_empty()
            && let Some(Inside { part: wish, call, beside }) = self.inside(&part)
        {
            let head = part.raw.find(wish.raw.as_str()).map_or("", |at| &part.raw[..at]);
            let grave = self.spec(&call).is_some_and(|spec| spec.danger >= Danger::Destructive);
            if beside && (grave || self.wishes_for_more(head)) {
                understanding.preface.push(Phrase::not_followed(head));
            }
            understanding.doubtful |= beside;
            understanding.path = understanding.path.min(if beside { Path::Understood } else { Path::Command });
            (part, readings) = (wish, vec![(call, Path::Command)]);
        }
        if readings.is_empty()
            && let Some(Told { part: wish, call, beside }) =
                self.behind_a_topic(&part).or_else(|| self.told_behind(&part))
        {
            understanding.path = understanding.path.min(Path::Understood);
            understanding.doubtful |= beside.is_some();
            understanding.preface.extend(beside);
            (part, readings) = (wish, vec![(call, Path::Command)]);
        }
        if readings.is_empty()
            && !part.question
            && understanding.condition.is_none()
            && matches!(part.stance, Stance::Request | Stance::Report)
            && let Some((head, parts)) = self.behind_a_heading(&part)
        {
            understanding.preface.push(Phrase::common("left_over").with("words", head));
            understanding.doubtful = true;
            self.next_of(parts, understanding);
            return;
        }
        if readings.is_empty()
            && let Some(parts) = self.two_questions(&part)
        {
            self.next_of(parts, understanding);
            return;
        }
        let first = understanding.calls.is_empty();
        let again = || self.same_as_before(&part, &understanding.calls).map(|call| (call, FOLLOWS));
        let asked = if readings.is_empty() && !first { again() } else { None };
        let asked = asked.or_else(|| match readings.as_slice() {
            [] if self.waits_behind_a_wish(&part, &understanding.calls) => None,
            [] => self.asks(&part, understanding.addressee.is_some(), first && understanding.addressee.is_none()),
            [(call, _)] if first && !self.may_change(call) => self.goes_on_of_all(&part).map(|call| (call, FOLLOWS)),
            _ => None,
        });
        if let Some((mut call, why)) = asked {
            self.of_the_same_message(&mut call, &part, &understanding.calls);
            if let Some(wish) = self.wished_beside(&part, &call) {
                understanding.preface.push(Phrase::not_followed(&wish));
            }
            self.session.trace.why = why.to_owned();
            self.session.unheard |= self.has_unheard(&call.skill, &part.text);
            readings = vec![(call, Path::Understood)];
        }
        if let [(call, _)] = readings.as_mut_slice()
            && understanding.addressee.is_none()
        {
            self.about_the_last(call, &part, &understanding.calls);
        }
        match readings.as_slice() {
            [] => {
                // "I don't need you any more, power down": what is asked for beside it is asked about.
                if let Some(calls) = self.corrected_behind(&part, &understanding.calls) {
                    understanding.calls = calls;
                    understanding.doubtful = true;
                    self.next_after_all(Vec::new(), understanding);
                    return;
                }
                if let Some(call) = understanding.calls.last().filter(|call| self.may_change(call))
                    && (self.denies(&part, call) || self.takes_back_before(&part, &understanding.calls))
                {
                    self.refuse_unread("left_over_except", part.raw.trim().to_owned(), &[]);
                    return;
                }
                if self.waits_for(&part) && !part.question {
                    understanding = match self.go_on_without(Box::new(understanding), &part) {
                        Ok(()) => return,
                        Err(back) => *back,
                    };
                }
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
                // "now reboot web1?"
                let asked = understanding.rest.is_empty() && understanding.text.trim_end().ends_with('?');
                understanding.doubtful |= asked && !part.polite && self.may_change(call);
                if let Some(words) = self.set_aside_before(&part, &understanding).filter(|_| self.may_change(call)) {
                    // "all but web1: reboot", "instead of cache, reboot"
                    const LEAVES: [Class; 5] =
                        [Class::Except, Class::Denied, Class::Not, Class::Spare, Class::Untouched];
                    let cx = self.context();
                    let all = cx.tokens(&words);
                    let leaves =
                        cx.lexicon.holds(&all, &[Class::Except]) || cx.lexicon.longest_of(&all, &LEAVES).is_some();
                    if leaves && !self.named_in(&words).is_empty() {
                        self.refuse_unread("left_over_except", words, &understanding.preface);
                        return;
                    }
                    understanding.doubtful = true;
                    understanding.preface.push(Phrase::common("left_over").with("words", words));
                }
                self.session.trace.confidence = 1.0;
                if *path == Path::Understood && ![FOLLOWS, GIST].contains(&self.session.trace.why.as_str()) {
                    self.session.trace.why = "typo".to_owned();
                }
                understanding.path = understanding.path.min(*path);
                self.note_how_to(&part, call);
                let mut call = call.clone();
                understanding.doubtful |= self.of_whom_was_asked(&mut call, &understanding);
                // "stop web1 if db1 is off, otherwise reboot it", but "…, and if web2 is off start it"
                let same = |before: &&Call| {
                    let machine = |condition: Option<Condition>| condition.and_then(|condition| condition.machine);
                    machine(conditions::of(before)) == machine(understanding.condition.clone())
                };
                let before =
                    understanding.calls.last().filter(same).and_then(|before| before.args.get(TARGET)).cloned();
                if let Some(names @ Value::Machines(Selector::Names(_))) = before
                    && understanding.condition.is_some()
                    && call.args.get(TARGET).is_some_and(points)
                {
                    call.args.insert(TARGET.to_owned(), names);
                }
                let condition = understanding.condition.take();
                understanding.doubtful |= self.attach(condition, &mut call);
                understanding.note_ahead(led);
                self.next_after(call, understanding);
            }
            // "since this morning": one question in two readings, of which either will do, is not asked about; nor what can't be done yet.
            [(call, path), ..] if self.is_one_question(&readings) => {
                let (call, path) = (self.rather(&readings).unwrap_or_else(|| call.clone()), *path);
                understanding.path = understanding.path.min(path);
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

    /// Calls are known: fill in what is known otherwise, ask for what is missing, or have them planned.
    pub(crate) fn begin(
        &mut self,
        calls: Vec<Call>,
        path: Path,
        doubtful: bool,
        preface: Vec<Phrase>,
        before: Option<Box<Open>>,
    ) {
        let mut calls = self.of_each_host(calls);
        calls.iter_mut().for_each(|call| self.with_itself(call));
        let Some(first) = calls.first().cloned() else {
            self.understood_nothing(&[], preface);
            return;
        };
        let path = if self.session.slipped { path.min(Path::Understood) } else { path };
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
        doubtful |= self.names_what_is_inside(&calls, &mut preface);
        doubtful |= self.account(&calls, &mut preface);
        // What was named as not placed or not followed is never passed over beside what is done.
        doubtful |= preface.iter().any(Phrase::is_left_over);
        // "no, the snapshot first, then the rest": of what was refused with more behind it, this may be only a part.
        let cx = self.context();
        doubtful |= self.session.refused
            && cx.lexicon.holds(&cx.tokens(&self.session.trace.text), &[Class::Ahead, Class::Then]);
        doubtful |= calls.iter().any(|call| self.hardly_gives(call)) | self.names_another(&calls, &mut preface);
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
                self.note_thing(&calls);
                self.trouble_with(&calls, vec![phrase.clone()]);
                // "yes, but tell me when it is done": the plan is asked about still, and that this can't be.
                let agrees = self.assents(&self.session.trace.text);
                if let Some(open) = before.filter(|open| matches!(open.about, About::Confirm { .. }))
                    && (agrees || preface.first().is_some_and(|first| first.key == Phrase::common("dropped").key))
                {
                    self.show_after(phrase, *open);
                    return;
                }
                // What was dropped for it, or not followed beside it, is said.
                preface.push(phrase);
                self.say(Reply { head: preface, ..Reply::default() });
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
        doubtful |= before.as_ref().is_some_and(|open| self.is_part_of(&calls, open));
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
            then: Vec::new(),
        };
        self.complete(planning);
    }
}
