//! What was wanted or asked last, for another machine: "I meant cache", "web3 too", "same for the second", "now the other one". What would
//! be changed so is shown and asked, unless it can be taken back and its machine is named.

use grammar::corrected::machines;
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read::{self, Context};
use grammar::selector::Selector;
use grammar::token::Token;
use grammar::value::Value;

use crate::amend::is_of;
use crate::conditions;
use crate::follow::is_about;
use crate::machine::Turn;
use crate::meant::is_compared;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::session::{Call, Done, Open, RECENT};
use crate::slots::points;
use crate::spec::Danger;
use crate::understand::FOLLOWS;

/// Whether a word that may weigh is only one of those by which another is meant: "the other", "instead", "also".
fn own_words(all: &[Token<'_>], class: Class, cx: &Context<'_>) -> bool {
    const OWN: [Class; 6] = [Class::Also, Class::Other, Class::Meant, Class::Ordinal, Class::Both, Class::Same];
    let weighs = |at: &usize| cx.lexicon.longest(&all[*at..], class).is_some();
    let own = |at: usize| {
        (0..=at).any(|from| {
            let longest = cx.lexicon.longest_of(&all[from..], &OWN).unwrap_or(0);
            from + longest > at
        })
    };
    (0..all.len()).filter(weighs).all(own)
}

/// What is wanted for another machine.
struct Another {
    call: Call,
    /// Whether it has to be asked about, whatever it is.
    doubtful: bool,
}

impl Turn<'_> {
    /// Takes a text that only says for which other machine something is wanted; false when it is none.
    pub(crate) fn wants_for_another(
        &mut self,
        text: &str,
        doubtful: bool,
        preface: &[Phrase],
        before: &Option<Box<Open>>,
    ) -> bool {
        let Some(Another { call, doubtful: asks }) = self.for_another(text) else { return false };
        self.session.trace.why = FOLLOWS.to_owned();
        self.begin(vec![call], Path::Understood, doubtful || asks, preface.to_vec(), before.clone());
        true
    }

    /// What a text wants that only says for which other machine: what came last, or what was done last.
    fn for_another(&self, text: &str) -> Option<Another> {
        let waits = self.session.waits();
        // "same for web2" is more than "again".
        let otherwise = |(call, _): &(Call, Path)| call.skill != "talk.again";
        if waits || text.contains('?') || self.commands(text).iter().any(otherwise) {
            return None;
        }
        let cx = self.context();
        let all = cx.tokens(text);
        // "same for cache as for web2", "same problem for web2"
        let named = |token: &&Token<'_>| cx.known.has(Of::Machine, token.text).is_some();
        if all.iter().filter(named).any(|token| is_compared(&token.span, text, &cx)) {
            return None;
        }
        let first = |class: Class| cx.lexicon.longest(&all, class).unwrap_or(0);
        // "reboot web1 except web2" is a wish of its own.
        if first(Class::Verb) > first(Class::Also).max(first(Class::Yes)) {
            return None;
        }
        let has = |class: Class| (0..all.len()).any(|at| cx.lexicon.longest(&all[at..], class).is_some());
        let changes = |call: &Call| self.spec(call).is_some_and(|spec| spec.danger > Danger::Read);
        let last = self.session.last.as_ref().and_then(|last| match last.calls.as_slice() {
            [call] => Some(call.clone()).filter(|call| self.spec(call).is_some_and(|spec| !spec.planned)),
            _ => None,
        });
        // "web2 too", after something was looked up in between: what was done last.
        let once_more = has(Class::Also) && !has(Class::Other);
        let call = match last {
            Some(call) if !once_more || changes(&call) => call,
            // Where nothing was done, what was asked.
            asked => self.done_lately().map(|done| done.call.clone()).or(asked)?,
        };
        if conditions::of(&call).is_some() {
            return None;
        }
        let slot = self.spec(&call)?.slots.iter().find(|slot| is_about(slot))?;
        let before = self.machines_of(&call);
        // "web2 too, later", "same for web2 if db1 is off": when and whether is nothing that goes with it; nor is "and no web2".
        const TURNS: [Class; 8] = [
            Class::Except,
            Class::Spare,
            Class::Later,
            Class::Moment,
            Class::Offset,
            Class::Day,
            Class::If,
            Class::Conditional,
        ];
        // "not the same for web2", "not yet, web2"
        let refuses = [Class::Denied, Class::Not, Class::Forbids].iter().any(|class| first(*class) > 0);
        let denies =
            first(Class::And) > 0 && (has(Class::No) || has(Class::Denied)) || refuses && self.named_in(text).len() < 2;
        let weighs = [Class::Weighs, Class::Hedge].iter().any(|class| {
            let last = cx.lexicon.longest_before(&all, *class).map(|count| &all[all.len() - count..]);
            last.is_some_and(|last| !own_words(last, *class, &cx))
        });
        if denies || weighs || TURNS.iter().any(|class| has(*class)) {
            return None;
        }
        let title = self.title_words(&call.skill);
        let said = machines(text, &before, &cx, |word| is_of(&title, word)).filter(|said| said.whole)?;
        // "and archive", "nice, now routes": after something was done, that once more.
        let goes_on = !said.marked && self.goes_on_behind_a_deed(&all);
        if !said.marked && !goes_on {
            return None;
        }
        let names: Vec<String> = [said.meant.clone(), said.added.clone()].concat();
        let target = if !names.is_empty() {
            let others = names.iter().any(|name| !before.contains(name));
            let named = Value::Machines(Selector::Names(names.clone()));
            Some(named).filter(|_| others && (said.otherwise || said.also || goes_on || has(Class::No)))?
        } else if said.other {
            Value::Machines(Selector::Names(vec![self.other_than(&before)?]))
        } else {
            // "the same for it", "same for the second".
            let mut found = read::find(Kind::Machines, text, &cx).into_iter().map(|found| found.value);
            found.find(points).filter(|_| said.also)?
        };
        let value = match (slot.kind, &target) {
            (Kind::Machines, _) => target,
            (_, Value::Machines(Selector::Names(names))) if names.len() == 1 => Value::Name(names[0].clone()),
            _ => return None,
        };
        let plain = !names.is_empty() && said.also && !said.otherwise && !has(Class::No);
        let doubtful = changes(&call) && !plain;
        let mut call = call;
        call.args.insert(slot.name.to_owned(), value);
        Some(Another { call, doubtful })
    }

    /// Whether a text begins as what goes on does, right behind something that was done.
    fn goes_on_behind_a_deed(&self, all: &[Token<'_>]) -> bool {
        const SMALL: [Class; 5] = [Class::Aside, Class::Yes, Class::Filler, Class::Thanks, Class::Opens];
        const GOES_ON: [Class; 3] = [Class::And, Class::Then, Class::Now];
        let lexicon = &self.heard.lexicon;
        let applied = self.session.last.as_ref().is_some_and(|last| last.applied);
        let mut at = 0;
        loop {
            let Some(rest) = all.get(at..).filter(|_| applied) else { return false };
            if lexicon.longest_of(rest, &GOES_ON).is_some() {
                return true;
            }
            match lexicon.longest_of(rest, &SMALL) {
                Some(count) => at += count,
                None => return false,
            }
        }
    }

    /// What was done last, if that is not long ago.
    pub(crate) fn done_lately(&self) -> Option<&Done> {
        self.session.undo.last().filter(|done| self.now().duration_since(done.at) <= RECENT)
    }

    /// The machines that a call names.
    pub(crate) fn machines_of(&self, call: &Call) -> Vec<String> {
        let slot = self.spec(call).and_then(|spec| spec.slots.iter().find(|slot| is_about(slot)));
        match slot.and_then(|slot| call.args.get(slot.name)) {
            Some(Value::Machines(Selector::Names(names))) => names.clone(),
            Some(Value::Name(name)) => vec![name.clone()],
            _ => Vec::new(),
        }
    }

    /// The machines that any of these calls names, in their order.
    pub(crate) fn machines_of_all(&self, calls: &[Call]) -> Vec<String> {
        calls.iter().flat_map(|call| self.machines_of(call)).collect()
    }

    /// "the other one": of two that were spoken of or listed, the one that is not these.
    fn other_than(&self, these: &[String]) -> Option<String> {
        if these.len() != 1 {
            return None;
        }
        let mut spoken: Vec<&String> = Vec::new();
        for name in self.session.focus.iter().flatten().chain(&self.session.listed) {
            if !these.contains(name) && !spoken.contains(&name) {
                spoken.push(name);
            }
        }
        let among = |names: &Vec<String>| names.len() == 2 && names.contains(&these[0]);
        let pair = self.session.focus.iter().chain([&self.session.listed]).find(|names| among(names));
        match (pair, spoken.as_slice()) {
            (Some(pair), _) => pair.iter().find(|name| !these.contains(name)).cloned(),
            (None, [only]) => Some((*only).clone()),
            _ => None,
        }
    }
}
