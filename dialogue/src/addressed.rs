//! What follows a name at the beginning of something said in a room: a wish, or talk about whom it names.

use grammar::clause::clauses;
use grammar::frame::{Part, Stance, begins_with_verb, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read;
use grammar::selector::Selector;
use grammar::token::gap;
use grammar::value::Value;

use crate::amend::is_among;
use crate::controls::CONTROLS;
use crate::machine::{Around, Machine, Turn};
use crate::policy::Path;
use crate::session::{Call, Session};
use crate::slots::{points, unknown_names};
use crate::spec::{Spec, TARGET};

impl Machine {
    /// Whether all of a text is commands and questions to the letter, in any language, about nothing that isn't there: "restart", "status?",
    /// but not "is slow today".
    pub fn is_wish(&self, text: &str, around: &Around<'_>) -> bool {
        self.book().languages().any(|language| {
            let words = self.book().words(language);
            let session = Session::default();
            let turn = Turn::new(self.book(), words, words, session, around);
            turn.wishes_plainly(text) || turn.speaks_to(text)
        })
    }

    /// A text without what opens it, in any language, "hey", "bonjour", "ok", and whether that greets.
    pub fn behind_opening<'t>(&self, text: &'t str) -> (&'t str, bool) {
        const OPENS: [Class; 5] = [Class::Greeting, Class::Yes, Class::Thanks, Class::Aside, Class::Opens];
        let behind = |language| {
            let lexicon = &self.book().words(language).lexicon;
            let all = lexicon.tokens(text);
            let (mut at, mut greets) = (0, false);
            while let Some(rest) = all.get(at..)
                && let Some(count) = lexicon.longest_of(rest, &OPENS)
            {
                greets |= lexicon.longest(rest, Class::Greeting).is_some();
                at += count;
            }
            let first = all.get(at).filter(|_| at > 0)?;
            let start = first.span.start;
            let start = if text[..start].ends_with('@') { start - 1 } else { start };
            Some((&text[start..], greets))
        };
        self.book().languages().find_map(behind).unwrap_or((text, false))
    }
}

impl Turn<'_> {
    /// Has calls that name no machine be about whom they were said to; whether one that changes something is about somebody else.
    pub(crate) fn address(&self, calls: &mut [Call], addressee: Option<&str>) -> bool {
        let Some(name) = addressee else { return false };
        let other = |call: &Call| {
            let names = self.machines_of(call);
            self.may_change(call) && !names.is_empty() && !is_among(name, &names)
        };
        let elsewhere = calls.iter().any(other);
        for call in calls.iter_mut().filter(|call| self.spec(call).is_some_and(Spec::has_target)) {
            let named = || Value::Machines(Selector::Names(vec![name.to_owned()]));
            call.args.entry(TARGET.to_owned()).or_insert_with(named);
        }
        elsewhere
    }

    /// A text without a small word of another language that opens it: "alors reboot web1".
    pub(crate) fn without_foreign_lead<'t>(&self, text: &'t str) -> &'t str {
        const OPENS: [Class; 5] = [Class::Greeting, Class::Aside, Class::Opens, Class::Then, Class::Thanks];
        let cx = self.context();
        let all = cx.tokens(text);
        let [first, second, ..] = all.as_slice() else { return text };
        // "note: shut down web1" says what it is.
        let marked =
            !text[first.span.end..second.span.start].trim_matches(|c: char| c.is_whitespace() || c == ',').is_empty();
        let own = marked || cx.lexicon.contains(&first.folded) || first.quoted;
        let known = Of::ALL.iter().any(|of| cx.known.has(*of, first.text).is_some());
        let opens = self.book.lexicons().any(|lexicon| lexicon.longest_of(&all[..1], &OPENS) == Some(1));
        if !own && !known && opens { &text[second.span.start..] } else { text }
    }

    /// A text without "this is Bob here," at its beginning, behind a greeting or not, where somebody is called so.
    pub(crate) fn without_introduction<'t>(&self, text: &'t str) -> &'t str {
        const BEHIND: [Class; 4] = [Class::Where, Class::Aside, Class::Polite, Class::Filler];
        let cx = self.context();
        let all = cx.tokens(text);
        let long = |at: usize, classes: &[Class]| {
            all.get(at..).map_or(0, |rest| cx.lexicon.longest_of(rest, classes).unwrap_or(0))
        };
        let mut at = 0;
        while long(at, &[Class::Greeting, Class::Aside]) > 0 && long(at, &[Class::Introduces]) == 0 {
            at += long(at, &[Class::Greeting, Class::Aside]);
        }
        let introduces = long(at, &[Class::Introduces]);
        let name = at + introduces;
        // "Uwe here."
        let named = all.get(name).is_some_and(|token| self.is_person(token.text));
        let here = introduces > 0 || long(name + 1, &[Class::Introduces]) > 0;
        if !named || !here {
            return text;
        }
        let mut end = name + 1 + long(name + 1, &[Class::Introduces]);
        while end < all.len() && gap(text, &all, end).trim().is_empty() && long(end, &BEHIND) > 0 {
            end += long(end, &BEHIND);
        }
        let marked =
            end < all.len() && gap(text, &all, end).contains([',', '.', '!', ';', ':', '\u{2013}', '\u{2014}']);
        if marked { &text[all[end].span.start..] } else { text }
    }

    /// "web1, web2: reboot", "web1: stop, web2: reboot": commands said to several machines at once, each for those before its colon;
    /// `Some(None)` for wishes that are none.
    pub(crate) fn said_to_several(&self, text: &str) -> Option<Option<Vec<Call>>> {
        let cx = self.context();
        let said = self.by_addressee(text)?;
        if said.iter().map(|(names, _)| names.len()).sum::<usize>() < 2 {
            return None;
        }
        let calls: Option<Vec<Call>> = said.iter().map(|(names, wish)| self.said_to(names, wish)).collect();
        match calls {
            Some(calls) => Some(Some(calls)),
            None => said.iter().any(|(_, wish)| begins_with_verb(wish, &cx)).then_some(None),
        }
    }

    /// Who is named before a colon, with what stands behind it, again and again from the beginning of a text.
    pub(crate) fn by_addressee<'t>(&self, text: &'t str) -> Option<Vec<(Vec<String>, &'t str)>> {
        const JOINS: [Class; 2] = [Class::And, Class::Then];
        let cx = self.context();
        let (head, rest) = text.split_once(':').filter(|(_, rest)| rest.starts_with(char::is_whitespace))?;
        let Some(Value::Machines(Selector::Names(names))) = read::parse(Kind::Machines, head, &cx) else { return None };
        if !names.iter().all(|name| cx.known.has(Of::Machine, name).is_some()) {
            return None;
        }
        let all = cx.tokens(rest);
        let mut said = Vec::new();
        let (mut names, mut start) = (names, 0);
        for (at, token) in all.iter().enumerate() {
            let marked = rest[token.span.end..].strip_prefix(':').filter(|more| more.starts_with(char::is_whitespace));
            let (Some(more), Some(name)) = (marked, cx.known.has(Of::Machine, token.text)) else { continue };
            let before = &all[..at];
            let joint = JOINS.iter().find_map(|class| cx.lexicon.longest_before(before, *class)).unwrap_or(0);
            let end = before.len().checked_sub(joint + 1).map_or(start, |last| before[last].span.end);
            said.push((std::mem::replace(&mut names, vec![name]), rest.get(start..end).unwrap_or_default().trim()));
            start = rest.len() - more.len();
        }
        said.push((names, rest[start..].trim()));
        Some(said)
    }

    /// What a text wishes of those whom it is said to.
    fn said_to(&self, names: &[String], wish: &str) -> Option<Call> {
        let mut parts = frame(wish, &self.context()).parts.into_iter();
        let (part, None) = (parts.next()?, parts.next()) else { return None };
        // "stop" alone is the question's, "stop web1" is not.
        let named = || match &self.commands(&format!("{} {}", part.text.trim_end_matches('.'), names.first()?))[..] {
            [(call, Path::Command)] if self.may_change(call) => {
                let mut call = call.clone();
                call.args.remove(TARGET);
                Some(call)
            }
            _ => None,
        };
        let mut call = match &self.commands(&part.text)[..] {
            [(call, _)] if CONTROLS.contains(&call.skill.as_str()) => named()?,
            [(call, Path::Command)] => call.clone(),
            [] => named().or_else(|| Some(self.told_behind(&part)?.call))?,
            _ => return None,
        };
        let spec = self.spec(&call).filter(|spec| spec.has_target() && !spec.planned)?;
        let free = call.args.get(TARGET).is_none_or(points) && part.stance == Stance::Request;
        let meant = match call.args.get(TARGET) {
            // "web1, web2: stop the second"
            Some(Value::Machines(Selector::Nth(numbers))) => {
                numbers.iter().map(|number| names.get(number.checked_sub(1)?).cloned()).collect::<Option<Vec<_>>>()?
            }
            Some(Value::Machines(Selector::Others(_))) => return None,
            _ => names.to_vec(),
        };
        call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(meant)));
        (free && !CONTROLS.contains(&spec.id)).then_some(call)
    }

    /// "can you …", "which machines …?": begun as one begins to speak to somebody, however it goes on.
    fn speaks_to(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let asks = cx.lexicon.longest_of(&all, &[Class::Question, Class::Polite]).is_some();
        let tells = cx.lexicon.longest(&all, Class::Tells).is_some() && !self.says_you(text) && !text.contains('?');
        // "web1 et web2 tournent ?"
        let named = all.first().is_some_and(|first| cx.known.has(Of::Machine, first.text).is_some());
        let asked = named && text.trim_end().ends_with('?');
        let wished = cx.lexicon.longest(&all, Class::Polite).is_some() || text.contains('?');
        // "reboot both, but one after the other": it begins with a command. "and those that are off?" goes on.
        const JOINS: [Class; 3] = [Class::And, Class::But, Class::Then];
        let first = clauses(text, &JOINS, &cx).find(|clause| !self.without_leads(clause).is_empty());
        let commands = first.is_some_and(|clause| self.wishes_plainly(self.without_leads(clause)));
        let goes_on = text.contains('?') && cx.lexicon.longest_of(&all, &[Class::Follow, Class::And]).is_some();
        asks && wished && !tells || asked || commands || goes_on
    }

    /// Whether "you" is among the first words.
    fn says_you(&self, text: &str) -> bool {
        const FIRST: usize = 3;
        let cx = self.context();
        let all = cx.tokens(text);
        cx.lexicon.holds(&all[..all.len().min(FIRST)], &[Class::You])
    }

    fn wishes_plainly(&self, text: &str) -> bool {
        let parts = frame(text, &self.context()).parts;
        !parts.is_empty() && parts.iter().all(|part| self.is_plain_wish(part))
    }

    fn is_plain_wish(&self, part: &Part) -> bool {
        let cx = self.context();
        // "web1 is down" tells, "web1 is down?" asks.
        let tells = cx.lexicon.longest(&cx.tokens(&part.raw), Class::Tells).is_some()
            && !part.raw.contains('?')
            && !self.says_you(&part.raw);
        let clear = |call: &Call| {
            self.spec(call)
                .is_some_and(|spec| spec.fits(self.around.scope) && unknown_names(spec, call, self.around.known) == 0)
        };
        let readings = self.commands(&part.text);
        let commands =
            !readings.is_empty() && readings.iter().all(|(call, path)| *path == Path::Command && clear(call));
        let asks =
            part.stance == Stance::Request || part.question && readings.iter().all(|(call, _)| !self.may_change(call));
        commands && asks && !tells
    }
}
