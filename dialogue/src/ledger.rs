//! Every wish is accounted for: what a message asks to be done is part of what comes of it, or it is named.
//!
//! A sentence is read in many ways, and each of them may pass over a wish beside the one it reads. Whichever way it was read, what came
//! of it is held against the whole message once more, clause by clause, before anything is planned.

use grammar::answer::agreed;
use grammar::clause::clauses;
use grammar::condition::{condition, depends};
use grammar::frame::{Part, Stance, frame};
use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::selector::Selector;
use grammar::token::{Token, fold, gap};
use grammar::value::Value;

use crate::amend::is_among;
use crate::beside::is_deed;
use crate::controls::CONTROLS;
use crate::machine::Turn;
use crate::order::{ANEW, OFF, ON};
use crate::reply::{Phrase, Var};
use crate::session::Call;
use crate::spec::{Scope, TARGET};

/// What joins two clauses.
const JOINS: [Class; 3] = [Class::And, Class::But, Class::Then];
/// What goes on with the wish before it: "a snapshot, call it x".
const GOES_ON: [Class; 3] = [Class::Called, Class::Calling, Class::Wrap];
/// What leaves somebody out or takes something back: read elsewhere, or refused.
const TURNS: [Class; 10] = [
    Class::Except,
    Class::Spare,
    Class::Denied,
    Class::Not,
    Class::No,
    Class::Stays,
    Class::Untouched,
    Class::Recants,
    Class::Meant,
    Class::Cancel,
];

impl Turn<'_> {
    /// Names what of the message none of these calls does and nothing says beside them; whether there is anything.
    pub(crate) fn account(&self, calls: &[Call], preface: &mut Vec<Phrase>) -> bool {
        let text = self.session.trace.text.as_str();
        let mut left = self.wishes_left(text, calls);
        left.extend(self.names_left(text, calls));
        if calls.iter().any(|call| self.may_change(call)) {
            left.extend(self.joined_in_a_phrase(text));
            left.extend(self.headed_by_times(text));
        }
        let cx = self.context();
        left.retain(|clause| {
            let all = cx.tokens(clause);
            let verb = (0..all.len()).find(|at| cx.lexicon.longest(&all[*at..], Class::Verb).is_some());
            !says(preface, clause, verb.map(|at| all[at].folded.as_str()))
        });
        left.dedup();
        preface.extend(left.iter().map(|clause| Phrase::not_followed(clause)));
        without_pieces(preface);
        !left.is_empty()
    }

    /// "morning: reboot web1, evening: pause cache": when they are to be.
    fn headed_by_times<'t>(&self, text: &'t str) -> Vec<&'t str> {
        const TIMES: [Class; 4] = [Class::Part, Class::Day, Class::Moment, Class::Offset];
        let cx = self.context();
        let all = cx.tokens(text);
        let heads = |at: usize| {
            let end = at + cx.lexicon.longest_of(&all[at..], &TIMES)?;
            let greets = cx.lexicon.longest(&all[at.saturating_sub(1)..], Class::Greeting).is_some_and(|some| some > 1);
            let marked = end < all.len() && gap(text, &all, end).starts_with(':');
            (marked && !greets).then(|| &text[all[at].span.start..all[end - 1].span.end])
        };
        (0..all.len()).filter_map(heads).collect()
    }

    /// "now and then": a phrase that says how or when, and would be cut at the word in it that joins.
    fn joined_in_a_phrase<'t>(&self, text: &'t str) -> Option<&'t str> {
        let cx = self.context();
        let all = cx.tokens(text);
        let (at, count) = (0..all.len()).find_map(|at| {
            Some((at, cx.lexicon.longest(&all[at..], Class::Weighs)?)).filter(|(_, count)| {
                *count > 1 && cx.lexicon.holds(&all[at + 1..at + count], &[Class::And, Class::Then])
            })
        })?;
        // "now and then reboot it" goes on.
        let goes_on = at + count < all.len() && cx.lexicon.longest(&all[at + count..], Class::Verb).is_some();
        (!goes_on).then(|| &text[all[at].span.start..all[at + count - 1].span.end])
    }

    /// The clauses of a text that wish for what none of these calls does.
    fn wishes_left<'t>(&self, text: &'t str, calls: &[Call]) -> Vec<&'t str> {
        let cx = self.context();
        // What is a command as a whole has no clauses.
        let whole =
            |text: &str| self.commands(text).iter().any(|(said, _)| calls.iter().any(|call| call.skill == said.skill));
        // Nor what says that something else is meant than what was said before it.
        let turned = cx.lexicon.holds(&cx.tokens(text), &[Class::Recants, Class::Meant, Class::Cancel]);
        if turned || whole(text) {
            return Vec::new();
        }
        let wishes = |part: &Part| {
            let told = matches!(part.stance, Stance::Negated | Stance::Report | Stance::AboutOthers);
            part.wish || !told
        };
        let parts = frame(text, &cx).parts;
        let pieces = parts.iter().filter(|part| wishes(part) && !whole(&part.text) && !whole(&part.raw));
        let mut left = Vec::new();
        for part in pieces {
            let piece = text.find(part.raw.as_str()).and_then(|at| text.get(at..at + part.raw.len()));
            let mut clauses: Vec<&str> = clauses(piece.unwrap_or_default(), &JOINS, &cx).collect();
            // What is asked is no wish; of what stands before it in one sentence only what is so beyond doubt.
            let asks = part.question && !part.polite;
            clauses.truncate(clauses.len() - usize::from(asks && !clauses.is_empty()));
            left.extend(clauses.into_iter().filter(|clause| !self.is_done(clause, calls, asks)));
        }
        left
    }

    /// Whether a clause is no wish, or one that these calls do.
    fn is_done(&self, clause: &str, calls: &[Call], asked: bool) -> bool {
        let cx = self.context();
        // "if so start it": what is wished for behind a condition.
        let wish = condition(clause, &cx, |_| false).map(|(_, rest)| rest);
        let wish = wish.or_else(|| depends(clause, &cx).map(|(_, rest)| rest.to_owned()));
        // "if it still is in ten minutes, resume it", beside a question: what hangs on something is named where nothing comes of it.
        let hangs = |rest: &String| cx.lexicon.holds(&cx.tokens(rest), &[Class::Verb]);
        let depends = || cx.lexicon.longest(&cx.tokens(clause), Class::If).is_some();
        if wish.as_ref().is_some_and(hangs) && depends() && !calls.iter().any(|call| self.may_change(call)) {
            return false;
        }
        let clause = wish.as_deref().unwrap_or(clause);
        let mut parts = frame(clause, &cx).parts.into_iter();
        let (Some(part), None) = (parts.next(), parts.next()) else { return true };
        // "avant ça prends-en un": what is wished for behind words that say when in the order.
        const LEADS: [Class; 8] = [
            Class::Ahead,
            Class::Then,
            Class::And,
            Class::But,
            Class::Opens,
            Class::Now,
            Class::Aside,
            // "then the revert"
            Class::Article,
        ];
        let mut all = cx.tokens(&part.text);
        let mut from = 0;
        while let Some(count) = all.get(from..).and_then(|rest| cx.lexicon.longest_of(rest, &LEADS)) {
            from += count;
        }
        all.drain(..if from < all.len() { from } else { 0 });
        let turns = cx.lexicon.holds(&cx.tokens(&part.raw), &TURNS);
        // "db1 can be started too", beside a question.
        if part.wish && !turns && part.stance != Stance::Negated {
            let deed = |token: &Token<'_>| cx.lexicon.holds(std::slice::from_ref(token), &[Class::Past, Class::Verb]);
            let own = |token: &Token<'_>| {
                calls.iter().any(|call| self.may_change(call) && self.heard.vocabulary(&call.skill).has(token))
            };
            return !all.iter().any(deed) || all.iter().any(own);
        }
        if part.stance != Stance::Request || turns || cx.lexicon.longest_of(&all, &GOES_ON).is_some() {
            return true;
        }
        let mut wished: Vec<Call> = self.commands(&part.text).into_iter().map(|(call, _)| call).collect();
        if wished.is_empty() && !asked {
            wished.extend(self.made_so(&Part { polite: true, question: false, ..part.clone() }));
        }
        if !wished.is_empty() {
            let does = |wish: &Call| {
                !self.may_change(wish) || CONTROLS.contains(&wish.skill.as_str()) || self.does(calls, wish)
            };
            return wished.iter().any(does);
        }
        // "give me an overview": asks.
        if asked || cx.lexicon.longest(&all, Class::Asks).is_some() {
            return true;
        }
        // "stop web1, then all"
        let sets = [Class::All, Class::Everything, Class::Others];
        if from > 0 && cx.lexicon.longest_of(&all, &sets).is_some() && !cx.lexicon.holds(&all, &[Class::Verb]) {
            let set = |call: &Call| !matches!(call.args.get(TARGET), None | Some(Value::Machines(Selector::Names(_))));
            return calls.iter().any(set);
        }
        // "instantané bon et redémarre"
        let wished = cx.lexicon.longest(&all, Class::Verb).or_else(|| cx.lexicon.longest(&all, Class::Deed));
        let Some(count) = wished else { return true };
        // "add web2 to the list"
        let added: Vec<String> = self.named_in(clause).into_iter().collect();
        let ours = self.machines_of_all(calls);
        if cx.lexicon.longest(&all, Class::Also).is_some()
            && !added.is_empty()
            && added.iter().all(|name| is_among(name, &ours))
        {
            return true;
        }
        let commands = |skill: &str, token| self.heard.vocabulary(skill).commands(token);
        let own = all[..count].iter().any(|token| calls.iter().any(|call| commands(&call.skill, token)));
        let deed = || {
            self.book
                .specs()
                .iter()
                .any(|spec| is_deed(spec) && all[..count].iter().all(|token| commands(spec.id, token)))
        };
        own || !deed()
    }

    /// Whether one of these calls does what is wished for, to all machines that the wish names.
    fn does(&self, calls: &[Call], wish: &Call) -> bool {
        let cx = self.context();
        // Where somebody changes their mind, others are meant than those who were named.
        let turned = cx.lexicon.holds(&cx.tokens(&self.session.trace.text), &TURNS);
        let names = if turned { Vec::new() } else { self.by_their_names(wish) };
        let deed =
            |call: &Call| call.skill == wish.skill || call.skill == ANEW && [OFF, ON].contains(&wish.skill.as_str());
        let of_all = |call: &Call| {
            let own = self.by_their_names(call);
            own.is_empty() || names.iter().all(|name| is_among(name, &own))
        };
        calls.iter().any(|call| CONTROLS.contains(&call.skill.as_str()) || deed(call) && of_all(call))
    }

    /// The machines of a call that exist, by the names they have: "webs 1" is web1.
    fn by_their_names(&self, call: &Call) -> Vec<String> {
        self.machines_of(call).iter().filter_map(|name| self.around.known.has(Of::Machine, name)).collect()
    }

    /// The clauses that name a machine of which these calls, where they change something, say nothing.
    fn names_left<'t>(&self, text: &'t str, calls: &[Call]) -> Vec<&'t str> {
        let cx = self.context();
        // "and web2 later" leaves nobody out.
        let all = cx.tokens(text);
        let long = |at: usize, classes: &[Class]| cx.lexicon.longest_of(&all[at..], classes).unwrap_or(0);
        let corrects = agreed(text, &cx).is_some();
        let later = |at: usize| if corrects { 0 } else { long(at, &[Class::Later, Class::Offset, Class::Moment]) };
        // "but first …", "but pause db1" goes on with another wish.
        let goes_on = |at: usize| {
            let but = long(at, &[Class::But]);
            let next = at + but;
            if but > 0 && next < all.len() && long(next, &[Class::Ahead, Class::Verb]) > 0 { but } else { 0 }
        };
        let turns = |at: usize| long(at, &TURNS) > later(at).max(goes_on(at));
        let set = |call: &Call| matches!(call.args.get(TARGET), Some(Value::Machines(target)) if !matches!(target, Selector::Names(_)));
        let controls = |call: &Call| CONTROLS.contains(&call.skill.as_str());
        let turned = (0..all.len()).any(turns);
        let built = |call: &&Call| self.spec(call).is_some_and(|spec| !spec.planned);
        // Where machines are called by pieces of their names ("webs 1 and 2"), the planner says whom it took.
        let known = cx.known.names(Of::Machine);
        let by_pieces = |call: &Call| !self.machines_of(call).iter().all(|name| is_among(name, &known));
        // Where nobody knows who is meant, it is asked.
        let of_nobody = |call: &Call| {
            let target = self.spec(call).is_some_and(|spec| spec.has_target() && self.may_change(call));
            target && self.around.scope != Scope::Machine && !call.args.contains_key(TARGET)
        };
        // "reboot web1, and web2 too but not before db1 is off": who is named before what leaves somebody out is not left out by it.
        const TAKES_BACK: [Class; 4] = [Class::Recants, Class::Meant, Class::Cancel, Class::Stays];
        let taken_back = cx.lexicon.holds(&cx.tokens(text), &TAKES_BACK)
            || cx.lexicon.longest(&cx.tokens(text), Class::No).is_some();
        let pieces: Vec<&str> = clauses(text, &JOINS, &cx).collect();
        let leaves = |clause: &str| {
            let all = cx.tokens(clause);
            (0..all.len()).any(|at| cx.lexicon.longest_of(&all[at..], &TURNS).is_some())
        };
        let kept = pieces.iter().position(|clause| leaves(clause)).filter(|_| turned).unwrap_or(pieces.len());
        if turned && (taken_back || corrects)
            || calls.iter().filter(built).any(|call| of_nobody(call) || by_pieces(call))
            || !calls.iter().any(|call| self.may_change(call))
            || calls.iter().filter(built).any(|call| set(call) || controls(call))
        {
            return Vec::new();
        }
        // What can't be done yet accounts only for clauses that wish for it.
        let planned = |call: &&Call| self.spec(call).is_some_and(|spec| spec.planned);
        let values = || calls.iter().filter(|call| !planned(call)).flat_map(|call| call.args.values());
        let of_planned = |clause: &str| {
            let small =
                |token: &Token<'_>| cx.lexicon.holds(std::slice::from_ref(token), &[Class::Ahead, Class::Noname]);
            let commands = |call: &Call| {
                let vocabulary = self.heard.vocabulary(&call.skill);
                cx.tokens(clause).iter().any(|token| vocabulary.commands(token) && !small(token))
            };
            calls.iter().filter(planned).any(commands)
        };
        let said = |name: &String| {
            values().any(|value| match value {
                Value::Machines(Selector::Names(names)) => {
                    is_among(name, names)
                        || names.iter().any(|own| self.around.known.has(Of::Machine, own).as_ref() == Some(name))
                }
                value => fold(&value.to_string()).contains(&fold(name)),
            })
        };
        let own = |name: &String| self.around.scope == Scope::Machine && name.eq_ignore_ascii_case(self.around.entity);
        let strange = |name: &String| match cx.known.has(Of::Machine, name) {
            Some(name) => !own(&name) && !said(&name),
            None => false,
        };
        let left = |clause: &&str| !of_planned(clause) && self.named_in(clause).iter().any(strange);
        let depends =
            |clause: &&str| cx.lexicon.holds(&cx.tokens(clause), &[Class::Conditional, Class::Ahead]) && left(clause);
        let (before, behind) = pieces.split_at(kept);
        let before = before.iter().copied().filter(left);
        before.chain(behind.iter().copied().filter(|_| kept > 0).filter(depends)).collect()
    }
}

/// Of what could not be placed, a piece of something longer is not said once more.
fn without_pieces(preface: &mut Vec<Phrase>) {
    let words = |phrase: &Phrase| match phrase.vars.as_slice() {
        [(name, Var::Text(words))] if name == "words" => Some(words.clone()),
        _ => None,
    };
    let all: Vec<String> = preface.iter().filter_map(words).collect();
    preface.retain(|phrase| {
        words(phrase).is_none_or(|own| !all.iter().any(|other| other.len() > own.len() && other.contains(&own)))
    });
}

/// Whether one of these phrases repeats a clause, or a part of it that says what it is about.
fn says(phrases: &[Phrase], clause: &str, verb: Option<&str>) -> bool {
    const SHORTEST: usize = 3;
    let clause = fold(clause);
    let repeats = |var: &Var| match var {
        Var::Text(said) => {
            let said = fold(said);
            // A scrap of it does not say what it wishes, unless it has the verb.
            let most = 2 * said.split_whitespace().count() >= clause.split_whitespace().count()
                || verb.is_some_and(|verb| said.split_whitespace().any(|word| word == verb));
            said.contains(&clause) || said.chars().count() >= SHORTEST && most && clause.contains(&said)
        }
        _ => false,
    };
    phrases.iter().any(|phrase| phrase.vars.iter().any(|(_, var)| repeats(var)))
}
