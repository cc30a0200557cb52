//! What is said when a text is not clearly one skill's: the likely ones as numbered choices, or what is near.

use grammar::answer::refused;
use grammar::frame::{Part, Stance, begins_with_verb, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::selector::Selector;
use grammar::token::{Token, gap};
use grammar::value::Value;

use crate::controls::CONTROLS;
use crate::language::LANGUAGE;
use crate::machine::{Action, Ranking, Sure, Turn};
use crate::policy::Path;
use crate::reply::{Choice, Phrase, Reply, Var};
use crate::session::{About, Call, Decision};
use crate::several::weighs;
use crate::slots::{missing, unknown_names};
use crate::spec::{Category, Danger, Scope, Spec, TARGET};
use crate::understand::{GIST, Understanding};

/// The least score with which a skill is named as near to what was not understood.
const NEAR: f32 = 0.2;
/// So much likelier than what comes after it must a guess be to be asked about by itself.
const CLEARLY: f32 = 2.0;
/// So likely must be what is asked of somebody who is named, where nothing is sure.
const LIKELY_ASKED: f32 = 0.3;
/// Most skills offered for a guess.
const MOST_OFFERED: usize = 3;

impl Turn<'_> {
    /// A guess at a change that nothing else comes near is asked about as it is, rather than chosen among others.
    pub(crate) fn clearly_first(&self, part: &Part, ranking: Ranking) -> Ranking {
        let built = |id: &str| self.book.spec(id).filter(|spec| !spec.planned && spec.fits(self.around.scope));
        let mut scores = ranking.ranked.iter().filter(|(id, _)| built(id).is_some()).map(|(_, score)| *score);
        let (first, second) = (scores.next().unwrap_or(0.0), scores.next().unwrap_or(0.0));
        let best = ranking.ranked.first().and_then(|(id, _)| built(id));
        let changes = best.is_some_and(|spec| [Danger::Reversible, Danger::Disruptive].contains(&spec.danger));
        let wished = begins_with_verb(&part.text, &self.context()) || part.polite || part.wish;
        let named = !self.named_in(&part.text).is_empty();
        let commanded = wished && named;
        let plain = commanded
            && part.stance == Stance::Request
            && !part.question
            && !CONTROLS.contains(&best.map_or("", |spec| spec.id));
        match ranking.sure == Sure::Guess && changes && plain && first >= CLEARLY * second {
            true => Ranking { sure: Sure::Yes, ..ranking },
            false => ranking,
        }
    }

    /// What was refused is, and what else was wished for beside it is named.
    pub(crate) fn say_refused(&mut self) {
        let cx = self.context();
        let text = self.session.trace.text.clone();
        let rest = refused(&text, &cx).unwrap_or_default();
        let deed = cx.lexicon.holds(&cx.tokens(&rest), &[Class::Verb, Class::Deed]);
        let polite = cx.lexicon.holds(&cx.tokens(&rest), &[Class::Polite]);
        let more = deed && (polite || !self.named_in(&rest).is_empty());
        let mut reply = Reply::say(Phrase::common("nothing_changed"));
        if more {
            reply.head.push(Phrase::not_followed(&rest));
        }
        self.say(reply);
    }

    /// A guess at a question about somebody who is named is answered: that harms nobody.
    pub(crate) fn clearly_asked(&self, part: &Part, ranking: Ranking) -> Ranking {
        let best = ranking.ranked.first().and_then(|(id, _)| self.book.spec(id));
        let (first, second) = match ranking.ranked.as_slice() {
            [first, second, ..] => (first.1, second.1),
            [first] => (first.1, 0.0),
            [] => return ranking,
        };
        let reads = |spec: &Spec| {
            spec.danger == Danger::Read
                && spec.category != Category::Talk
                && spec.fits(self.around.scope)
                && !spec.planned
        };
        let asks = best.is_some_and(reads) && !self.named_in(&part.text).is_empty() && part.stance != Stance::Negated;
        let likely = ranking.sure == Sure::Guess || ranking.sure == Sure::No && part.question && first >= LIKELY_ASKED;
        match ranking.sure != Sure::Yes && likely && asks && first >= CLEARLY * second {
            true => Ranking { sure: Sure::Yes, ..ranking },
            false => ranking,
        }
    }

    /// Offers up to three skills, each with what was read from the text; who is spared by it, and on what it depends, goes with each.
    pub(crate) fn guess(
        &mut self,
        fitting: &[(String, f32)],
        part: &Part,
        ranking: &Ranking,
        understanding: Understanding,
    ) {
        let Understanding { preface, spared, condition, addressee, .. } = understanding;
        if self.second_reading(&preface) {
            return;
        }
        let mut options: Vec<Call> = fitting
            .iter()
            .filter(|(id, _)| id == LANGUAGE || !CONTROLS.contains(&id.as_str()))
            .map(|(id, _)| self.call_from(id, &part.text, ranking))
            .filter(|call| !self.vetoes(part, call))
            .take(MOST_OFFERED)
            .collect();
        // What can't be done yet is offered only where there is nothing else.
        let built = |call: &Call| self.spec(call).is_some_and(|spec| !spec.planned);
        if options.iter().any(built) {
            options.retain(built);
        }
        self.address(&mut options, addressee.as_deref());
        for call in options.iter_mut().filter(|call| self.may_change(call)) {
            self.attach(condition.clone(), call);
        }
        options.retain_mut(|call| !self.may_change(call) || self.spare(call, &spared).is_none());
        self.session.trace.path = Some(Path::Guess);
        self.session.trace.skill = options.first().map(|call| call.skill.clone());
        if options.is_empty() {
            self.understood_nothing(&[], preface);
            return;
        }
        if self.session.refused {
            self.say_common("nothing_changed");
            return;
        }
        // Nobody wants to pick a courtesy.
        let courtesy = |call: &Call| self.spec(call).is_some_and(|spec| spec.category == Category::Talk);
        if options.iter().all(courtesy) {
            self.understood_nothing(&[], preface);
            return;
        }
        // "all of them off except the database": nobody offers what leaves out who was to be left out.
        let left = fitting.iter().find_map(|(id, _)| self.call_and_rest(id, &part.text, ranking).1);
        let mut preface = preface;
        if let Some(left) = &left {
            let words = left.words.join(" … ");
            let widened =
                options.iter().any(|call| self.may_change(call) && self.narrows(call, &part.text, &left.words));
            match left.unread().or_else(|| widened.then_some("left_over_which")) {
                Some(id) => {
                    self.refuse_unread(id, words, &preface);
                    return;
                }
                // "shut web1 down until tomorrow": whoever picks knows what was left out.
                None if left.weighs && options.len() == 1 => {
                    preface.push(Phrase::common("left_over").with("words", words));
                }
                None => {}
            }
        }
        if let Some(call) = self.answers_itself(&options).cloned() {
            self.session.unheard |= self.has_unheard(&call.skill, &part.text);
            self.begin(vec![call], Path::Understood, true, preface, None);
            return;
        }
        self.trouble_near(options.iter().map(|call| call.skill.clone()).collect());
        if let [only] = options.as_slice()
            && self.ask_about(only, part, ranking, &preface)
        {
            return;
        }
        self.offer_after(preface, options, &part.text, Reply::say(Phrase::common("did_you_mean")));
    }

    /// Asks about the only thing that may be meant as it is, rather than whether that is meant. False where a value is missing of it.
    fn ask_about(&mut self, call: &Call, part: &Part, ranking: &Ranking, preface: &[Phrase]) -> bool {
        let grave = |spec: &Spec| spec.danger >= Danger::Destructive;
        let Some(spec) = self.spec(call).filter(|spec| !spec.planned && !grave(spec)) else { return false };
        let pointed = matches!(call.args.get(TARGET), Some(Value::Machines(Selector::Nth(_))));
        // "it" is asked about by its name, where that is known.
        let mut resolved = call.clone();
        self.resolve(spec, &mut resolved);
        let names = self.around.scope == Scope::Machine || pointed || self.names_a_machine(&resolved);
        let lacks =
            !missing(spec, &resolved, self.around.scope).is_empty() || unknown_names(spec, call, self.around.known) > 0;
        if lacks || !names {
            return false;
        }
        let mut preface = preface.to_vec();
        if let Some(left) = self.call_and_rest(&call.skill, &part.text, ranking).1 {
            let words = left.words.join(" … ");
            if let Some(id) = left.unread() {
                self.refuse_unread(id, words, &preface);
                return true;
            }
            // "start the ubuntu": whom it points at, with words beside it that may be a name, nobody knows.
            let points = self.around.scope != Scope::Machine && self.is_only_pointed_at(spec, call);
            // "démarre l'ubuntu": what stands right behind the word that points may be a name.
            let cx = self.context();
            let all = cx.tokens(&part.text);
            let left_over = |token: &Token<'_>| {
                left.words.iter().any(|words| cx.tokens(words).iter().any(|word| word.folded == token.folded))
            };
            let named = |at: usize| {
                let it = cx.lexicon.longest(&all[at..], Class::It).unwrap_or(0);
                let next = all
                    .get(at + it)
                    .filter(|_| it > 0 && gap(&part.text, &all, at + it).trim_matches(['\'', '’', ' ']).is_empty());
                next.is_some_and(left_over)
            };
            let strange = matches!(call.args.get(TARGET), Some(Value::Machines(Selector::It)))
                && self.around.scope != Scope::Machine
                && (0..all.len()).any(named);
            if left.weighs || strange || points && left.unexplained {
                return false;
            }
            preface.push(Phrase::common("left_over").with("words", words));
        }
        self.begin(vec![call.clone()], Path::Understood, true, preface, None);
        true
    }

    /// The likeliest of some guesses that is answered rather than asked about: a question, if nothing beside it would change anything.
    fn answers_itself<'c>(&self, options: &'c [Call]) -> Option<&'c Call> {
        let reads = |call: &Call| self.spec(call).is_some_and(|spec| spec.danger == Danger::Read);
        let tells = |call: &&Call| self.spec(call).is_some_and(|spec| !spec.planned && spec.category != Category::Talk);
        let waits = self.session.waits();
        options.iter().find(tells).filter(|_| !waits && options.iter().all(reads))
    }

    /// Puts candidates as numbered choices.
    pub(crate) fn offer(&mut self, options: Vec<Call>, text: &str, reply: Reply) {
        self.offer_after(Vec::new(), options, text, reply);
    }

    fn offer_after(&mut self, preface: Vec<Phrase>, options: Vec<Call>, text: &str, reply: Reply) {
        self.note_anything();
        self.session.trace.decision = Decision::Choose;
        let choices = options
            .iter()
            .enumerate()
            .map(|(index, call)| Choice { label: self.label(call), says: (index + 1).to_string() })
            .collect();
        self.ask_after(preface, About::Skills { options, text: text.to_owned() }, reply.choose(choices));
    }

    /// A call in plain words: its skill's title, and its values.
    pub(crate) fn label(&self, call: &Call) -> Var {
        let title = self.words.title(&call.skill);
        let values: Vec<String> = call.args.values().map(|value| value.said(&self.words.lexicon)).collect();
        match values.is_empty() {
            true => title.into(),
            false => Phrase::common("call").with("what", title).with("values", values.join(", ")).into(),
        }
    }

    /// A command of a skill as it can be said here: with names that are there in place of its slots.
    pub(crate) fn example(&self, skill: &str) -> Option<String> {
        let spec = self.book.spec(skill)?;
        // Nobody is shown how to destroy something that was not spoken of.
        let names = spec.slots.iter().any(|slot| matches!(slot.kind, Kind::Name(_)));
        if spec.danger >= Danger::Destructive && names {
            return None;
        }
        let mut filled = self.words.commands(skill).into_iter().filter_map(|command| self.filled(spec, &command));
        filled.next()
    }

    fn filled(&self, spec: &Spec, command: &str) -> Option<String> {
        let Some((before, rest)) = command.split_once('<') else { return Some(command.to_owned()) };
        let (slot, after) = rest.split_once('>')?;
        let of = match spec.slot(slot)?.kind {
            Kind::Machines => Of::Machine,
            Kind::Name(of) => of,
            _ => return None,
        };
        let own = (of == Of::Machine && self.around.scope == Scope::Machine).then(|| self.around.entity.to_owned());
        let name = own.or_else(|| self.around.known.names(of).first().cloned())?;
        // What is in the name is no slot.
        Some(format!("{before}{name}{}", self.filled(spec, after)?))
    }

    /// Whether what was said begins or ends with thanks, and neither asks nor wishes anything beside them.
    fn only_thanks(&self) -> bool {
        let (cx, text) = (self.context(), self.session.trace.text.as_str());
        let framed = frame(text, &cx);
        let tells = |part: &Part| !part.question && !part.wish && !begins_with_verb(&part.text, &cx);
        let plain = self.named_in(text).is_empty() && !weighs(text, &cx);
        let thanks = framed.thanks || cx.lexicon.holds(&cx.tokens(text), &[Class::Thanks]);
        thanks && plain && !text.contains('?') && framed.parts.iter().all(tells)
    }

    /// None of the skills: says so, and what is near.
    pub(crate) fn understood_nothing(&mut self, near: &[(String, f32)], preface: Vec<Phrase>) {
        if self.second_reading(&preface) {
            return;
        }
        let text = self.session.trace.text.clone();
        if let Some(call) = self.asked_about(&text).filter(|_| !self.session.refused) {
            self.session.unheard = true;
            self.session.trace.why = GIST.to_owned();
            self.begin(vec![call], Path::Understood, true, preface, None);
            return;
        }
        self.note_anything();
        self.session.trace.path = Some(Path::None);
        self.session.trace.decision = Decision::Decline;
        if self.session.trace.why.is_empty() {
            self.session.trace.why = "not understood".to_owned();
        }
        // What is said beside a refusal is often only why.
        if self.session.refused {
            self.say_refused();
            return;
        }
        if self.only_thanks() {
            let thanks = Call { skill: "talk.thanks".to_owned(), ..Call::default() };
            self.begin(vec![thanks], Path::Understood, false, Vec::new(), None);
            return;
        }
        if self.keeps_the_plan() {
            return;
        }
        let near: Vec<String> = near
            .iter()
            .filter(|(id, score)| *score >= NEAR && !CONTROLS.contains(&id.as_str()))
            .filter(|(id, _)| self.book.spec(id).is_some_and(|spec| !spec.planned && spec.category != Category::Talk))
            .map(|(id, _)| id.clone())
            .take(MOST_OFFERED)
            .collect();
        let example = near.iter().find_map(|id| self.example(id));
        self.trouble_near(near);
        let phrase = match example {
            Some(example) => Phrase::common("not_understood_near").with("example", example),
            None => Phrase::common("not_understood"),
        };
        let mut reply = Reply::say(phrase);
        reply.head.splice(0..0, preface);
        match self.session.open.clone() {
            Some(open) if self.moves_on(&open) => {
                if let About::Confirm { plan, .. } = &open.about {
                    reply.head.push(self.dropped(plan));
                }
                self.session.open = None;
                self.say(reply);
            }
            Some(open) if !matches!(open.about, About::Skills { .. }) => {
                self.actions.push(Action::Say(reply));
                self.remind(open);
                self.session.trace.decision = Decision::AskSlot;
            }
            // An offer is passed over in silence.
            _ => {
                self.session.open = None;
                self.say(reply);
            }
        }
    }
}
