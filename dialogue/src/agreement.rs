//! Whether a yes is one: with a goodbye, a shrug or a condition it is not, and in two languages it is.

use grammar::answer::{Answer, For, agreed, answer, only_points, refused};
use grammar::condition::whether;
use grammar::frame::{Part, begins_with_verb, frame};
use grammar::lexicon::Class;
use grammar::read::Context;
use grammar::token::{Token, gap};

use crate::amend::{is_among, is_of};
use crate::aside::COURTESIES;
use crate::controls::CONTROLS;
use crate::follow::STATE;
use crate::leftover;
use crate::machine::Turn;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::session::{About, Call, Open, PlanRef};
use crate::slots;
use crate::spec::{Category, TARGET};
use crate::understand::{BYE, GREET};

impl Turn<'_> {
    /// "yes, reboot web1", "go ahead with the disk", "yes, both": agreement, and what is agreed to. Who agrees to a part of it, or to
    /// something beside it, does not.
    pub(crate) fn agrees_to(&self, text: &str, plan: &PlanRef) -> bool {
        let cx = self.context();
        if self.agrees_in_two_languages(text) {
            return true;
        }
        let Some(rest) = agreed(text, &cx) else { return false };
        let [call] = plan.calls.as_slice() else {
            return only_points(&rest, &plan.subjects, &cx, |_| false).is_some_and(|said| is_for_all(&said, plan));
        };
        let same = |said: &Call| {
            said.skill == call.skill
                && said.args.iter().all(|(slot, value)| {
                    slots::points(value) || call.args.get(slot).is_some_and(|planned| planned == value)
                })
        };
        let readings = self.commands(&rest);
        match readings.as_slice() {
            [] => {
                let title = self.title_words(&call.skill);
                let said = only_points(&rest, &plan.subjects, &cx, |word| is_of(&title, word));
                said.is_some_and(|said| is_for_all(&said, plan)) || self.says_as_planned(call, &rest)
            }
            // "Yes! And have a lovely weekend", but "allez ciao" is no yes.
            readings if readings.iter().all(|(said, _)| COURTESIES.contains(&said.skill.as_str())) => {
                let first = text.split_inclusive(['.', '!']).next().unwrap_or_default();
                first.len() < text.len() && answer(first, &cx) == Answer::Yes
            }
            readings => readings.iter().all(|(said, path)| *path == Path::Command && same(said)),
        }
    }

    /// "yes, lent", "yes, 60 GB please": values that are those of the plan, unless they are denied: "yes, but not raw".
    fn says_as_planned(&self, call: &Call, text: &str) -> bool {
        let cx = self.context();
        let Some(spec) = self.spec(call).filter(|_| !leftover::turns(text, &cx)) else { return false };
        let filled: Vec<String> = call.args.keys().filter(|slot| *slot != TARGET).cloned().collect();
        let values = slots::read_answer(spec, &filled, &Default::default(), text, &cx);
        values.is_some_and(|said| said.values.iter().all(|(slot, value)| call.args.get(slot) == Some(value)))
    }

    /// Whether a yes takes leave as well, does not care, or ends in a word that takes it back ("yes, oops"): then nobody knows whether it is one.
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
        let refuses = |at: usize| cx.lexicon.longest(&all[at..], Class::No).is_some();
        let recants = (1..all.len()).any(|at| {
            cx.lexicon.longest(&all[at..], Class::Recants) == Some(all.len() - at) && !(at..all.len()).any(refuses)
        });
        // "yes but web1 can wait" is about web1.
        let recants = recants && self.named_in(text).is_empty();
        careless || recants || (1..all.len()).any(leaves)
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

    /// "yes please, and then the print server needs to be on": a yes with more that nobody followed, and nothing that objects. The plan
    /// is shown again, with what was not followed; false where it is anything else.
    pub(crate) fn keeps_the_plan(&mut self) -> bool {
        const OBJECTS: [Class; 8] = [
            Class::But,
            Class::No,
            Class::Not,
            Class::Denied,
            Class::Except,
            Class::Cancel,
            Class::Stop,
            Class::Recants,
        ];
        let text = self.session.trace.text.clone();
        let cx = self.context();
        let Some(rest) = agreed(text.trim_end_matches('?'), &cx).filter(|_| self.assents(&text)) else { return false };
        // "yes, and when they are up take a snapshot" adds, "yes, when they are up" depends.
        let adds = cx.lexicon.longest_of(&cx.tokens(&rest), &[Class::And, Class::Then]).is_some();
        let depends = !adds && cx.lexicon.holds(&cx.tokens(&text), &[Class::If, Class::Conditional]);
        let objects = depends || cx.lexicon.holds(&cx.tokens(&text), &OBJECTS);
        let plain = |open: &Open| matches!(open.about, About::Confirm { by_name: false, undoing: false, .. });
        let Some(open) = self.session.open.clone().filter(|open| !objects && plain(open)) else { return false };
        self.show_after(Phrase::not_followed(&rest), open);
        true
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
    pub(crate) fn asked_behind_yes(&self, text: &str, plan: &PlanRef) -> Option<Vec<Call>> {
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
            // "yes. is web2 idle?", "yes, and why?": how it stands and what was before may change the yes, unless it is of somebody else.
            let first = spec.id == STATE || spec.id.starts_with("audit.");
            let names = self.machines_of(&call);
            let bare = cx.tokens(&part.text).len() <= names.len();
            let others = !bare && !names.is_empty() && !names.iter().any(|name| is_among(name, &plan.subjects));
            (only_asks && (!first || others)).then_some(call)
        };
        let parts = frame(rest, &cx).parts;
        let calls: Option<Vec<Call>> = parts.iter().map(asked).collect();
        calls.filter(|calls| !calls.is_empty() && !objects)
    }

    /// "yes, and tell me if they are fine": a yes, and a look at what comes of it, which is told anyway.
    pub(crate) fn agrees_and_asks(&self, text: &str) -> bool {
        let cx = self.context();
        let Some(rest) = agreed(text, &cx) else { return false };
        let joined = cx.lexicon.longest_of(&cx.tokens(&rest), &[Class::And, Class::Then]).is_some();
        let Some(rider) = self.rider(text).filter(|_| joined) else { return false };
        let wishes = |part: &Part| self.commands(&part.text).iter().any(|(call, _)| self.may_change(call));
        whether(&rider, &cx).is_some() && !frame(&rider, &cx).parts.iter().any(wishes)
    }

    /// "yes, delete it": a yes, and nothing but the verb of the plan.
    pub(crate) fn agrees_untyped(&self, plan: &PlanRef, text: &str) -> bool {
        let cx = self.context();
        let Some(rest) = agreed(text, &cx) else { return false };
        let verb = |token: &Token| {
            let commands = plan.calls.iter().any(|call| self.heard.vocabulary(&call.skill).commands(token));
            commands && cx.lexicon.is(&token.folded, Class::Verb)
        };
        let all = cx.tokens(&rest);
        let small =
            |token: &Token| cx.lexicon.is(&token.folded, Class::It) || cx.lexicon.is(&token.folded, Class::Polite);
        // "yes, start", of a stop and a start: only that one?
        let one = plan.calls.windows(2).all(|pair| pair[0].skill == pair[1].skill);
        one && all.iter().any(verb) && all.iter().all(|token| verb(token) || small(token))
    }

    /// "c'est beau, go ahead": a yes in one language, and the rest of it in another.
    pub(crate) fn agrees_in_two_languages(&self, text: &str) -> bool {
        let yes = |text: &str| {
            self.book.lexicons().any(|lexicon| answer(text, &Context { lexicon, ..self.context() }) == Answer::Yes)
        };
        let cuts = text.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| text.split_at(at));
        !text.contains('?') && cuts.into_iter().any(|(one, other)| yes(one) && yes(other))
    }

    /// "yes, web1", "web1 please": what is typed beside words that agree.
    pub(crate) fn without_agreement(&self, text: &str) -> String {
        const AGREES: [Class; 3] = [Class::Yes, Class::Polite, Class::Thanks];
        let cx = self.context();
        let all = cx.tokens(text);
        let (mut from, mut until) = (0, all.len());
        while let Some(count) = all.get(from..until).and_then(|rest| cx.lexicon.longest_of(rest, &AGREES)) {
            from += count;
        }
        let behind = |until: usize| cx.lexicon.longest_before_of(&all[from..until], &AGREES);
        while from < until
            && let Some(count) = behind(until)
        {
            until -= count;
        }
        let rest = all.get(from..until).and_then(|rest| Some(rest.first()?.span.start..rest.last()?.span.end));
        rest.map_or_else(String::new, |span| text[span].to_owned())
    }
}

/// Whether what is agreed to is all of a plan: each machine that is named is one of its own, and none is left out; as many as there are.
fn is_for_all(said: &For, plan: &PlanRef) -> bool {
    let named = |name: &String| is_among(name, &said.names);
    let own = |name: &String| is_among(name, &plan.subjects);
    let whole = said.names.is_empty() || plan.subjects.iter().all(named) && said.names.iter().all(own);
    // "yes to one", of one wish for two: which?
    let many = [plan.subjects.len(), if plan.calls.len() > 1 { plan.calls.len() } else { plan.subjects.len() }];
    whole && said.counts.iter().all(|count| many.iter().any(|many| u64::try_from(*many) == Ok(*count)))
}
