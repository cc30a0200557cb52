//! What a part says besides what it was understood as: another deed, a wish beside a question, which of a set is meant, a change of mind.

use grammar::clause::clauses;
use grammar::frame::Part;
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read;
use grammar::selector::Selector;
use grammar::token::{Token, gap};
use grammar::value::Value;

use crate::follow::is_about;
use crate::machine::Turn;
use crate::reply::Phrase;
use crate::session::Call;
use crate::spec::{Category, Danger, Spec, TARGET};

impl Turn<'_> {
    /// Names what of a machine is to be started or stopped, where these calls do it to the machine: "start the db1 service", "reboot the
    /// kernel"; whether there is any.
    pub(crate) fn names_what_is_inside(&self, calls: &[Call], preface: &mut Vec<Phrase>) -> bool {
        let cx = self.context();
        let text = self.session.trace.text.as_str();
        let power = |call: &&Call| {
            self.spec(call)
                .is_some_and(|spec| spec.category == Category::Power && spec.danger > Danger::Read && !spec.planned)
        };
        let deeds: Vec<&Call> = calls.iter().filter(power).collect();
        let known = |token: &Token<'_>| cx.known.has(Of::Machine, token.text).is_some() || token.quoted;
        let named = clauses(text, &[Class::And, Class::But, Class::Then], &cx).find_map(|clause| {
            let all = cx.tokens(clause);
            let verb = all.iter().any(|token| {
                deeds.iter().any(|call| {
                    self.heard.vocabulary(&call.skill).commands(token) && cx.lexicon.is(&token.folded, Class::Verb)
                })
            });
            let at = (0..all.len())
                .find(|at| cx.lexicon.longest(&all[*at..], Class::Inner).is_some() && !known(&all[*at]))?;
            let count = cx.lexicon.longest(&all[at..], Class::Inner)?;
            // "backup web1" is a verb, "after the backup" says when, "the backup server" is a machine.
            let first = at == 0 || cx.lexicon.longest_before(&all[..at], Class::And).is_some();
            let before = &all[..at];
            let says_when = cx
                .lexicon
                .holds(before, &[Class::If, Class::Conditional, Class::Because, Class::Premise, Class::Weighs]);
            let noun = all.get(at + count).is_some_and(|next| cx.lexicon.is(&next.folded, Class::Machine));
            (verb && !first && !says_when && !noun)
                .then(|| clause[all[at].span.start..all[at + count - 1].span.end].to_owned())
        });
        let Some(words) = named.or_else(|| self.things_of_a_machine(text).filter(|_| !deeds.is_empty())) else {
            return false;
        };
        let phrase = Phrase::common("left_over").with("words", words);
        if !preface.contains(&phrase) {
            preface.push(phrase);
        }
        true
    }

    /// "web1's mail", "the cache of web1", where machines are called mail and cache: what of a machine is called as another is.
    fn things_of_a_machine(&self, text: &str) -> Option<String> {
        let cx = self.context();
        let all = cx.tokens(text);
        let known = |at: usize| all.get(at).is_some_and(|token| cx.known.has(Of::Machine, token.text).is_some());
        let blank = |at: usize| !gap(text, &all, at).contains([',', ';', '.', '!', '?', ':']);
        let of = |at: usize| {
            let token = &all[at];
            let owns = cx.lexicon.is(&token.folded, Class::Possessive);
            let placed = cx.lexicon.is(&token.folded, Class::Where) || cx.lexicon.is(&token.folded, Class::Noname);
            let joins =
                cx.lexicon.holds(std::slice::from_ref(token), &[Class::And, Class::Or, Class::Then, Class::But]);
            (owns || placed && at > 1 && cx.lexicon.is(&all[at - 2].folded, Class::Article)) && !joins
        };
        (1..all.len().saturating_sub(1))
            .find(|at| known(at - 1) && of(*at) && known(at + 1) && blank(*at) && blank(at + 1))
            .map(|at| text[all[at - 1].span.start..all[at + 1].span.end].to_owned())
    }

    /// "with a 60 second timeout", "avec un délai de 60 secondes": a text without what it says of how long to wait, and that.
    pub(crate) fn without_timeout(&self, text: &str) -> Option<(String, String)> {
        let cx = self.context();
        let all = cx.tokens(text);
        let small = |token: &Token<'_>| {
            cx.lexicon.holds(std::slice::from_ref(token), &[Class::Noname, Class::Article, Class::Has])
                && cx.known.has(Of::Machine, token.text).is_none()
        };
        let (at, count) = (0..all.len()).find_map(|at| Some((at, cx.lexicon.longest(&all[at..], Class::Timeout)?)))?;
        let long = read::find(Kind::Duration, text, &cx).into_iter().find_map(|found| {
            let first = all.iter().position(|token| token.span.end > found.span.start)?;
            let last = all.iter().rposition(|token| token.span.start < found.span.end)?;
            let before = last < at && all[last + 1..at].iter().all(small);
            let behind = first >= at + count && all[at + count..first].iter().all(small);
            (before || behind).then_some((first.min(at), last.max(at + count - 1)))
        });
        let (mut first, last) = long?;
        while first > 0 && small(&all[first - 1]) {
            first -= 1;
        }
        let words = text[all[first].span.start..all[last].span.end].to_owned();
        let rest = format!("{}{}", text[..all[first].span.start].trim_end(), &text[all[last].span.end..]);
        (first > 0).then_some((rest, words))
    }

    /// Whether somebody changes their mind behind a mark, within a part.
    pub(crate) fn recants_behind(&self, part: &Part) -> bool {
        let cx = self.context();
        let text = part.raw.as_str();
        let all = cx.tokens(text);
        let marked = |at: &usize| gap(text, &all, *at).contains([',', ';', '.', '!', '?', ':']);
        (1..all.len()).filter(marked).any(|at| {
            let recants = cx.lexicon.longest(&all[at..], Class::Recants).unwrap_or(0);
            recants > 1 && recants >= cx.lexicon.longest(&all[at..], Class::Aside).unwrap_or(0)
        })
    }

    /// "shut down web1 with a snapshot": the verb at the beginning, where another deed than that was understood.
    pub(crate) fn other_deed(&self, part: &Part, call: &Call) -> Option<String> {
        let cx = self.context();
        let all = cx.tokens(&part.text);
        let count = cx.lexicon.longest(&all, Class::Verb)?;
        let own = self.heard.vocabulary(&call.skill);
        let changes = |spec: &Spec| is_deed(spec) && spec.id != call.skill;
        let verb = &all[..count];
        let commands = |spec: &Spec| verb.iter().all(|token| self.heard.vocabulary(spec.id).commands(token));
        let other = !verb.iter().any(|token| own.commands(token))
            && self.book.specs().iter().any(|spec| changes(spec) && commands(spec));
        other.then(|| part.text[verb[0].span.start..verb[count - 1].span.end].to_owned())
    }

    /// The machines that a text names, where a question about the agent or a host was understood in which they have no place.
    pub(crate) fn passes_over_machines(&self, part: &Part, call: &Call) -> Option<Vec<String>> {
        let spec = self.spec(call).filter(|spec| spec.danger == Danger::Read && !spec.slots.iter().any(is_about))?;
        let known = |name: &String| self.around.known.has(Of::Machine, name).is_some();
        let names: Vec<String> = self.named_in(&part.raw).into_iter().filter(known).collect();
        (matches!(spec.category, Category::Know | Category::People) && !names.is_empty()).then_some(names)
    }

    /// The clause beside a question that wishes for something: "how old is it? drop the older one", "web1, restart, and how big is web2".
    pub(crate) fn wished_beside(&self, part: &Part, call: &Call) -> Option<String> {
        let cx = self.context();
        let own = self.heard.vocabulary(&call.skill);
        let changes = |token: &Token<'_>| {
            let mut specs = self.book.specs().iter().filter(|spec| is_deed(spec));
            cx.lexicon.is(&token.folded, Class::Verb)
                && specs.any(|spec| self.heard.vocabulary(spec.id).commands(token))
        };
        let clauses: Vec<&str> = clauses(&part.raw, &[Class::And], &cx).collect();
        let wishes = |clause: &&&str| {
            let all = cx.tokens(clause);
            let first =
                all.iter().find(|token| !cx.lexicon.holds(std::slice::from_ref(token), &[Class::Then, Class::Polite]));
            first.is_some_and(|first| changes(first) && !own.commands(first))
        };
        let wished: Vec<&str> =
            clauses.iter().filter(|_| clauses.len() > 1).filter(|clause| wishes(clause)).copied().collect();
        (!wished.is_empty()).then(|| wished.join(" … "))
    }

    /// "shut down all demo machines", where all are meant for want of a better reading: the words between, which may say which of them.
    pub(crate) fn unread_kind(&self, call: &Call, text: &str) -> Option<String> {
        const SAYS_NOTHING: [Class; 6] =
            [Class::Article, Class::Which, Class::It, Class::Myself, Class::Those, Class::Noname];
        let Some(Value::Machines(Selector::All)) = call.args.get(TARGET) else { return None };
        let cx = self.context();
        let all = cx.tokens(text);
        let long = |at: usize, classes: &[Class]| {
            all.get(at..).map_or(0, |rest| cx.lexicon.longest_of(rest, classes).unwrap_or(0))
        };
        let nouns = [Class::Machines, Class::Machine];
        (0..all.len()).find_map(|at| {
            let start = at + Some(long(at, &[Class::All])).filter(|count| *count > 0 && long(at, &nouns) == 0)?;
            let (mut end, mut strange) = (start, false);
            while end < all.len() && long(end, &nouns) == 0 && gap(text, &all, end).trim().is_empty() {
                strange |= long(end, &SAYS_NOTHING) == 0;
                end += 1;
            }
            let blank = |at: usize| gap(text, &all, at).trim().is_empty();
            let noun = if end < all.len() && blank(end) { long(end, &nouns) } else { 0 };
            if noun == 0 {
                return None;
            }
            // "toutes les machines de démo"
            let mut behind = end + noun;
            while behind < all.len() && blank(behind) && long(behind, &SAYS_NOTHING) > 0 {
                behind += long(behind, &SAYS_NOTHING);
            }
            let kind = |token: &Token<'_>| {
                !cx.lexicon.contains(&token.folded) && token.folded.chars().all(char::is_alphabetic)
            };
            if strange {
                return Some(text[all[start].span.start..all[end - 1].span.end].to_owned());
            }
            let told = all.get(behind).filter(|token| blank(behind) && kind(token))?;
            Some(told.text.to_owned())
        })
    }

    /// "reboot all the workers": whether what nobody can place stands right behind the words for a set, and may say which of them.
    pub(crate) fn narrows(&self, call: &Call, text: &str, left: &[String]) -> bool {
        const SETS: [Class; 4] = [Class::All, Class::Everything, Class::Those, Class::Both];
        const NEAR: usize = 3;
        let Some(Value::Machines(Selector::All | Selector::Where { .. } | Selector::Nth(_))) = call.args.get(TARGET)
        else {
            return false;
        };
        let cx = self.context();
        let all = cx.tokens(text);
        let marked = |at: usize| gap(text, &all, at).contains([',', ';', '.', '!', '?', ':', '(', ')']);
        let strange =
            |at: usize| left.iter().any(|words| cx.tokens(words).iter().any(|word| word.folded == all[at].folded));
        (0..all.len()).any(|at| {
            let set = cx.lexicon.longest_of(&all[at..], &SETS).unwrap_or(0);
            let mut near = (at + set..all.len().min(at + set + NEAR)).take_while(|at| !marked(*at));
            set > 0 && near.any(strange)
        })
    }
}

/// Whether a skill does something to a machine or what it has, rather than to who may speak with it.
pub(crate) fn is_deed(spec: &Spec) -> bool {
    const DEEDS: [Category; 3] = [Category::Power, Category::Storage, Category::Make];
    spec.danger > Danger::Read && DEEDS.contains(&spec.category)
}
