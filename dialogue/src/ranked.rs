//! What the classifier makes of a part that is no command: a skill that it is sure of, a guess to offer, or nothing.

use grammar::frame::{Part, Stance};
use grammar::lexicon::Class;

use crate::controls::CONTROLS;
use crate::follow::state_of;
use crate::gist::Gist;
use crate::leftover::is_bare_value;
use crate::machine::{Ranking, Stage, Sure, Turn};
use crate::parts::without_asides;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::slots::unknown_names;
use crate::spec::Danger;
use crate::understand::GIST;

/// So likely must be what a sentence asks for that tells or considers something beside it, or wishes for it, to be asked about.
const WISHED: f32 = 0.9;
/// So many guesses are offered at most.
const MOST_GUESSED: usize = 3;
/// Says no.
const NO: &str = "talk.no";
/// Controls that change nothing, and the score from which a guess at one is good enough.
const HARMLESS: [&str; 4] = ["talk.cancel", "talk.no", "talk.repeat", "talk.more"];
const LIKELY: f32 = 0.5;

impl Turn<'_> {
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
        if planned
            && ranking.sure == Sure::Yes
            && let Some(parts) = self.wish_before(&part)
        {
            self.next_of(parts, *understanding);
            return;
        }
        if (ranking.sure != Sure::Yes || planned)
            && !self.waits_behind_a_wish(&part, &understanding.calls)
            && let Some(call) =
                self.gist(&part, understanding.addressee.is_some()).filter(Gist::is_likely).map(|gist| gist.call)
        {
            self.session.trace.why = GIST.to_owned();
            self.session.unheard |= self.has_unheard(&call.skill, &part.text);
            understanding.path = understanding.path.min(Path::Understood);
            self.next_after(call, *understanding);
            return;
        }
        let ranking = self.clearly_asked(&part, ranking);
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
            && understanding.calls.is_empty()
            && let Some(skill) = self.heard.topics().covering(&part.text)
        {
            self.veto(&part, Some(skill), score);
            return;
        }
        let Some((skill, score)) = best.filter(|_| ranking.sure != Sure::No) else {
            self.session.trace.confidence = ranking.ranked.first().map_or(0.0, |(_, score)| *score);
            if let Err(understanding) = self.pass_over(understanding, &part, false)
                && let Err(understanding) = self.go_on_without(understanding, &part)
            {
                self.understood_nothing(&fitting, without_asides(understanding.preface));
            }
            return;
        };
        self.session.trace.confidence = score;
        let (mut call, left) = self.call_and_rest(&skill, &part.text, &ranking);
        self.like_the_last(&mut call, &part);
        self.name_a_snapshot(&mut call, false);
        self.about_the_last(&mut call, &part, &understanding.calls);
        self.note_how_to(&part, &call);
        self.session.unheard |= !self.may_change(&call) && self.has_unheard(&skill, &part.text);
        if self.vetoes(&part, &call) && !wish {
            // "is that bad? can you start it"
            let alone = understanding.rest.is_empty() && understanding.calls.is_empty();
            let vetoed = part.stance != Stance::HowTo || alone;
            if vetoed || self.pass_over(understanding, &part, false).is_err() {
                self.veto(&part, Some(&skill), score);
            }
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
        if ranking.sure == Sure::Guess && !small && self.may_change(&call) && self.recants_behind(&part) {
            self.understood_nothing(&[], without_asides(understanding.preface));
            return;
        }
        // "delete x, keep v1": no guess at what destroys, beside what is to be kept.
        let destroys =
            |(id, _): &(String, f32)| self.book.spec(id).is_some_and(|spec| spec.danger >= Danger::Destructive);
        if ranking.sure == Sure::Guess
            && fitting.iter().take(MOST_GUESSED).any(destroys)
            && let Some(words) = self.keeps_beside(&part)
        {
            self.refuse_unread("left_over_except", words, &understanding.preface);
            return;
        }
        if ranking.sure == Sure::Guess && !small {
            if let Err(understanding) = self.pass_over(understanding, &part, true)
                && let Err(understanding) = self.go_on_without(understanding, &part)
            {
                self.guess(&fitting, &part, &ranking, *understanding);
            }
            return;
        }
        // "web1 started?" may be a wish or a question; beside a report or a question about the past a change is asked about too.
        understanding.doubtful |= guessed || self.tells_beside(&part, &call) || part.question && self.may_change(&call);
        if CONTROLS.contains(&skill.as_str()) && (!understanding.rest.is_empty() || !understanding.calls.is_empty()) {
            // "well no, it's dead. force it off", where nothing is open to be refused.
            if skill == NO && understanding.calls.is_empty() && understanding.before.is_none() {
                understanding.preface.push(Phrase::not_followed(&part.raw));
                understanding.path = understanding.path.min(Path::Understood);
                self.next_after_all(Vec::new(), *understanding);
                return;
            }
            self.understood_nothing(&fitting, understanding.preface);
            return;
        }
        // "web1 restart, no wait it's building"
        if self.may_change(&call) && self.recants_behind(&part) {
            self.refuse_unread("left_over_except", part.raw.trim().to_owned(), &understanding.preface);
            return;
        }
        let beside = left.as_ref().map_or(&[][..], |left| left.words.as_slice());
        self.unplaced_target(&mut call, &part, beside);
        if self.may_change(&call)
            && let Some(verb) = self.other_deed(&part, &call)
        {
            // "couper web1" is how some say it, "shut down web1 with a snapshot" is another wish besides.
            let own = self.heard.vocabulary(&call.skill);
            let strange = !self.context().tokens(&verb).iter().any(|token| own.has(token));
            let unknown = self.spec(&call).is_some_and(|spec| unknown_names(spec, &call, self.around.known) > 0);
            if strange && !unknown {
                self.refuse_unread("left_over_machine", verb, &understanding.preface);
                return;
            }
            understanding.preface.push(Phrase::common("left_over").with("words", verb));
        }
        if let Some(names) = self.passes_over_machines(&part, &call) {
            call = state_of(&names);
        }
        if !self.may_change(&call)
            && let Some(wish) = self.wished_beside(&part, &call)
        {
            understanding.preface.push(Phrase::not_followed(&wish));
        }
        if self.may_change(&call)
            && let Some(words) = self.unread_kind(&call, &part.text)
        {
            self.refuse_unread("left_over_which", words, &understanding.preface);
            return;
        }
        let named = left.as_ref().and_then(|left| self.left_name(&call, left));
        let left = left.filter(|_| named.is_none());
        if let Some((slot, name)) = named {
            // It is shown before anything is done.
            understanding.doubtful = true;
            call.args.insert(slot, name);
        }
        if let Some(left) = left {
            let mut pieces = left.words.clone();
            pieces.dedup();
            let words = pieces.join(" … ");
            let narrows = self.may_change(&call) && self.narrows(&call, &part.text, &left.words);
            if let Some(id) = left.unread().or_else(|| narrows.then_some("left_over_which")) {
                self.refuse_unread(id, words, &understanding.preface);
                return;
            }
            understanding.doubtful = true;
            understanding.preface.push(Phrase::common("left_over").with("words", words));
        }
        understanding.path = understanding.path.min(Path::Understood);
        let condition = understanding.condition.take();
        understanding.doubtful |= self.attach(condition, &mut call);
        understanding.note_ahead(self.leads_ahead(&part.raw));
        self.next_after(call, *understanding);
    }

    /// What a part says is to be kept, beside something else.
    fn keeps_beside(&self, part: &Part) -> Option<String> {
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        let keeps = |at: &usize| cx.lexicon.longest_of(&all[*at..], &[Class::Untouched, Class::Spare]).is_some();
        let at = (1..all.len().saturating_sub(1)).find(keeps)?;
        Some(part.raw[all[at].span.start..].trim().to_owned())
    }

    /// Whether a part that is no request may be asked about: it may hold a wish, and what is wished for is beyond doubt.
    fn is_wish(&self, part: &Part, ranking: &Ranking) -> bool {
        let likely = ranking.ranked.first().is_some_and(|(_, score)| *score >= WISHED);
        part.wish && likely && ranking.sure == Sure::Yes
    }
}
