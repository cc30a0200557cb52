//! What follows a name at the beginning of something said in a room: a wish, or talk about whom it names.

use grammar::clause::clauses;
use grammar::frame::{Part, Stance, begins_with_verb, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read;
use grammar::selector::Selector;
use grammar::value::Value;

use crate::controls::CONTROLS;
use crate::machine::{Around, Machine, Turn};
use crate::policy::Path;
use crate::session::{Call, Session};
use crate::slots::{points, unknown_names};
use crate::spec::TARGET;

impl Machine {
    /// Whether all of a text is commands and questions to the letter, in any language, about nothing that isn't there: "restart", "status?",
    /// but not "is slow today".
    pub fn is_wish(&self, text: &str, around: &Around<'_>) -> bool {
        self.book().languages().any(|language| {
            let words = self.book().words(language);
            let session = Session::default();
            let turn = Turn::new(self.book(), words, words, session, around);
            let parts = frame(text, &turn.context()).parts;
            !parts.is_empty() && parts.iter().all(|part| turn.is_plain_wish(part)) || turn.speaks_to(text)
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

    /// "web1, web2: reboot": a command said to several machines at once, for all of them; `Some(None)` for a wish that is none.
    pub(crate) fn said_to_several(&self, text: &str) -> Option<Option<Call>> {
        let cx = self.context();
        let (head, rest) = text.split_once(':')?;
        let Some(Value::Machines(Selector::Names(names))) = read::parse(Kind::Machines, head, &cx) else { return None };
        let known = names.iter().all(|name| cx.known.has(Of::Machine, name).is_some());
        if names.len() < 2 || !known || !rest.starts_with(char::is_whitespace) {
            return None;
        }
        let wishes = begins_with_verb(rest, &cx);
        let call = || {
            let mut parts = frame(rest, &cx).parts.into_iter();
            let (part, None) = (parts.next()?, parts.next()) else { return None };
            let mut call = match &self.commands(&part.text)[..] {
                [(call, Path::Command)] => call.clone(),
                [] => self.told_behind(&part)?.call,
                _ => return None,
            };
            let spec = self.spec(&call).filter(|spec| spec.has_target() && !spec.planned)?;
            let free = call.args.get(TARGET).is_none_or(points) && part.stance == Stance::Request;
            call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names.clone())));
            (free && !CONTROLS.contains(&spec.id)).then_some(call)
        };
        match call() {
            Some(call) => Some(Some(call)),
            None => wishes.then_some(None),
        }
    }

    /// "can you …", "which machines …?": begun as one begins to speak to somebody, however it goes on.
    fn speaks_to(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let asks = cx.lexicon.longest_of(&all, &[Class::Question, Class::Polite]).is_some();
        let tells = cx.lexicon.longest(&all, Class::Tells).is_some() && !self.says_you(text);
        let wished = cx.lexicon.longest(&all, Class::Polite).is_some() || text.contains('?');
        // "reboot both, but one after the other": it begins with a command. "and those that are off?" goes on.
        const JOINS: [Class; 3] = [Class::And, Class::But, Class::Then];
        let first = clauses(text, &JOINS, &cx).find(|clause| !self.without_leads(clause).is_empty());
        let commands = first.is_some_and(|clause| {
            let parts = frame(self.without_leads(clause), &cx).parts;
            !parts.is_empty() && parts.iter().all(|part| self.is_plain_wish(part))
        });
        let goes_on = text.contains('?') && cx.lexicon.longest_of(&all, &[Class::Follow, Class::And]).is_some();
        asks && wished && !tells || commands || goes_on
    }

    /// Whether "you" is among the first words.
    fn says_you(&self, text: &str) -> bool {
        const FIRST: usize = 3;
        let cx = self.context();
        let all = cx.tokens(text);
        cx.lexicon.holds(&all[..all.len().min(FIRST)], &[Class::You])
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
