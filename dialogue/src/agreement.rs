//! Whether a yes is one: with a goodbye, a shrug or a condition it is not, and in two languages it is.

use grammar::answer::{Answer, agreed, answer, refused};
use grammar::frame::{Part, begins_with_verb, frame};
use grammar::lexicon::Class;
use grammar::read::Context;
use grammar::token::gap;

use crate::controls::CONTROLS;
use crate::follow::STATE;
use crate::machine::Turn;
use crate::session::Call;
use crate::spec::Category;
use crate::understand::{BYE, GREET};

impl Turn<'_> {
    /// Whether a yes takes leave as well, or does not care: then nobody knows whether it is one.
    pub(crate) fn yes_and_more(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let leaves = |at: usize| {
            let rest = &text[all[at].span.start..];
            let apart = text[..all[at].span.start].trim_end().ends_with(['.', '!']);
            !apart && self.commands(rest).iter().any(|(call, _)| [BYE, GREET].contains(&call.skill.as_str()))
        };
        let careless = (0..all.len()).any(|at| {
            let skips = cx.lexicon.longest(&all[at..], Class::Skip).unwrap_or(0);
            skips > 0 && cx.lexicon.longest(&all[at..], Class::Yes).unwrap_or(0) < skips
        });
        careless || (1..all.len()).any(leaves)
    }

    /// "then start db1", "reboot cache too": said as more of what was said before, with or without a yes.
    pub(crate) fn joins_on(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let joined = cx.lexicon.longest_of(&all, &[Class::And, Class::But, Class::Then]).is_some();
        (joined || cx.lexicon.holds(&all, &[Class::Also])) && !text.contains('?')
    }

    /// Whether all words of a text are of its language.
    pub(crate) fn says_known_words(&self, text: &str) -> bool {
        let cx = self.context();
        cx.tokens(text).iter().all(|token| cx.lexicon.contains(&token.folded))
    }

    /// "oui, une seule": what nobody can place beside a yes, if it is no other wish, and about nobody.
    pub(crate) fn beside_a_yes(&self, text: &str) -> Option<String> {
        let cx = self.context();
        const MOST: usize = 3;
        let rest = agreed(text, &cx).filter(|rest| cx.tokens(rest).len() <= MOST && !rest.contains(['.', ',', ';']))?;
        let other = text.contains('?') || begins_with_verb(&rest, &cx) || !self.named_in(&rest).is_empty();
        (!other && self.commands(&rest).is_empty() && refused(text, &cx).is_none()).then_some(rest)
    }

    /// What stands behind a yes and neither wishes, asks, names, counts nor denies anything: "yes, it is me who asked".
    pub(crate) fn only_talk_behind_yes(&self, text: &str) -> Option<String> {
        const GRAVE: [Class; 13] = [
            Class::Thanks,
            Class::No,
            Class::Denied,
            Class::Not,
            Class::If,
            Class::Conditional,
            Class::Except,
            Class::Only,
            Class::Others,
            Class::Cancel,
            Class::Moment,
            Class::Offset,
            Class::Later,
        ];
        let cx = self.context();
        let rest = agreed(text, &cx).filter(|_| self.assents(text))?;
        let all = cx.tokens(&rest);
        let plain = !cx.lexicon.holds(&all, &GRAVE)
            && !rest.contains(|c: char| c.is_ascii_digit() || c == '?')
            && self.named_in(&rest).is_empty()
            && !self.holds_command(&rest)
            && !frame(&rest, &cx).parts.iter().any(|part| part.wish || begins_with_verb(&part.text, &cx));
        plain.then_some(rest)
    }

    /// Whether a text begins with a word that says yes and nothing else: "yes", "go ahead", but not "right", "perfect" or "all".
    pub(crate) fn assents(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let mut at = 0;
        while let Some(rest) = all.get(at..).filter(|rest| !rest.is_empty()) {
            if cx.lexicon.longest(rest, Class::Assents).is_some() {
                return true;
            }
            match cx.lexicon.longest_of(rest, &[Class::Aside, Class::Opens, Class::Polite]) {
                Some(count) => at += count,
                None => return false,
            }
        }
        false
    }

    /// Whether the last clause of a text is a yes, whatever is before it.
    pub(crate) fn ends_with_yes(&self, text: &str) -> bool {
        let last = text.rsplit([',', '.', ';', '!']).find(|clause| !clause.trim().is_empty()).unwrap_or_default();
        last.len() < text.len() && answer(last.trim(), &self.context()) == Answer::Yes
    }

    /// On what somebody agrees who says so: "yes if web1 is up", "si web2 est éteinte, oui".
    pub(crate) fn agrees_if<'t>(&self, text: &'t str) -> Option<&'t str> {
        let cx = self.context();
        let all = cx.tokens(text);
        let long = |at: usize, class| all.get(at..).map_or(0, |rest| cx.lexicon.longest(rest, class).unwrap_or(0));
        // French "si" is a yes, too, and "s'il te plaît" is no condition.
        let depends = |at: usize| long(at, Class::If) > 0 && long(at, Class::Polite) == 0;
        let mut at = 0;
        while long(at, Class::Yes) > 0 && !depends(at) {
            at += long(at, Class::Yes);
        }
        at += if at > 0 { long(at, Class::But) } else { 0 };
        let behind = at > 0 && depends(at);
        let before = at == 0 && depends(0) && cx.lexicon.longest_before(&all, Class::Yes).is_some();
        let agrees = (behind || before) && !text.contains('?') && !self.holds_command(text);
        all.get(at).filter(|_| agrees).map(|token| &text[token.span.start..])
    }

    /// What is asked behind a plain yes, of which it is set apart: "yes. and what disks does it have?". Behind "ok, …" it may be asked first.
    pub(crate) fn asked_behind_yes(&self, text: &str) -> Option<Vec<Call>> {
        const JOINS: [Class; 5] = [Class::And, Class::Then, Class::Aside, Class::Filler, Class::Also];
        let cx = self.context();
        let all = cx.tokens(text);
        let head = |at: usize| &text[..all[at - 1].span.end];
        let apart = |at: &usize| {
            gap(text, &all, *at).contains(['.', '!', ';', '\n'])
                || cx.lexicon.longest(&all[*at..], Class::And).is_some()
                || cx.lexicon.longest_before(&all[..*at], Class::And).is_some()
        };
        let yes = |at: &usize| answer(head(*at), &cx) == Answer::Yes;
        let mut at = (1..all.len()).rev().filter(apart).find(yes)?;
        while let Some(count) = all.get(at..).and_then(|rest| cx.lexicon.longest_of(rest, &JOINS)) {
            at += count;
        }
        let rest = &text[all.get(at)?.span.start..];
        let objects = !self.assents(text)
            || cx.lexicon.holds(&all[..at], &[Class::But, Class::No, Class::Cancel, Class::Halfhearted]);
        let holds_question = |text: &str| cx.lexicon.holds(&cx.tokens(text), &[Class::Question]);
        let asked = |part: &Part| {
            let call = match self.commands(&part.text).as_slice() {
                [(call, _), others @ ..] if others.iter().all(|(other, _)| other.skill == call.skill) => call.clone(),
                // "and you pause cache too" tells what is to be done.
                [] if part.question || part.raw.contains('?') || holds_question(&part.raw) => {
                    match self.gist(part, false).filter(|gist| gist.strange == 0) {
                        Some(gist) => gist.call,
                        None => self.asked_about(&part.raw)?,
                    }
                }
                _ => return None,
            };
            let spec = self.spec(&call).filter(|spec| !spec.planned && spec.fits(self.around.scope))?;
            let only_asks = !self.may_change(&call) && !CONTROLS.contains(&spec.id) && spec.category != Category::Talk;
            // "yes. is web2 idle?", "yes, and why?": how it stands and what was before may change the yes.
            let first = spec.id == STATE || spec.id.starts_with("audit.");
            (only_asks && !first).then_some(call)
        };
        let parts = frame(rest, &cx).parts;
        let calls: Option<Vec<Call>> = parts.iter().map(asked).collect();
        calls.filter(|calls| !calls.is_empty() && !objects)
    }

    /// "c'est beau, go ahead": a yes in one language, and the rest of it in another.
    pub(crate) fn agrees_in_two_languages(&self, text: &str) -> bool {
        let yes = |text: &str| {
            self.book.lexicons().any(|lexicon| answer(text, &Context { lexicon, ..self.context() }) == Answer::Yes)
        };
        let cuts = text.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| text.split_at(at));
        !text.contains('?') && cuts.into_iter().any(|(one, other)| yes(one) && yes(other))
    }
}
