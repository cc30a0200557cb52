//! What is said otherwise about a plan that waits for a yes, or about what is half put together: another value, another machine,
//! one machine less, or no more of it. What comes of it is shown and asked.

use std::collections::BTreeMap;

use grammar::answer::{Answer, agreed, answer, refused};
use grammar::clause::clauses;
use grammar::corrected::{Corrected, machines};
use grammar::frame::{Part, Stance, begins_with_verb, frame, is_plain};
use grammar::gather::{Wanted, gather};
use grammar::kind::Kind;
use grammar::lexicon::Class;
use grammar::read::{self, Found};
use grammar::selector::Selector;
use grammar::size::Bytes;
use grammar::token::{Token, fold};
use grammar::value::Value;

use crate::controls::CONTROLS;
use crate::inside::without_slack;
use crate::leftover::{self, LIGHT};
use crate::machine::Turn;
use crate::policy::Path;
use crate::reply::{Phrase, Reply};
use crate::session::{Call, Open, PlanRef};
use crate::slots;
use crate::spec::{Scope, Slot, Spec, TARGET};
use crate::topics;

impl Turn<'_> {
    /// Values for these slots among what somebody says, unless it asks something or is a command of its own.
    pub(crate) fn gathered(&self, spec: &Spec, slots: &[&str], text: &str) -> Option<Vec<(String, Value)>> {
        let cx = self.context();
        if grammar::answer::asks_something(text, &cx) || self.commands(text).iter().any(|(call, _)| self.built(call)) {
            return None;
        }
        if self.is_of_another(spec, text) || self.tells_of_values(spec, text) {
            return None;
        }
        // "tomorrow raw", "next time 30"
        let all = cx.tokens(text);
        if cx.lexicon.holds(&all, &[Class::Later, Class::Day, Class::Offset, Class::Moment]) {
            let timed = |slot: &&Slot| matches!(slot.kind, Kind::When | Kind::Duration | Kind::Recurrence);
            if !spec.slots.iter().any(|slot| timed(&slot)) {
                return None;
            }
        }
        let mut sorted: Vec<_> = spec.slots.iter().filter(|slot| slots.contains(&slot.name)).collect();
        sorted.sort_by_key(|slot| slots::reading_order(slot));
        let wanted: Vec<Wanted> = sorted
            .into_iter()
            .filter(|slot| !matches!(slot.kind, Kind::Machines | Kind::Topic | Kind::Text))
            .map(|slot| Wanted {
                name: slot.name.to_owned(),
                kind: slot.kind,
                word: fold(&self.heard_word(spec.id, slot.name)),
            })
            .collect();
        let mut values = gather(&wanted, text, &cx)?;
        // "yes but smaller" gives no name.
        self.without_small_names(spec, text, &mut values);
        (!values.is_empty()).then_some(values)
    }

    /// Whether a text names a slot: "the format should be raw".
    pub(crate) fn names_slot(&self, spec: &Spec, text: &str) -> bool {
        let words = topics::words(text);
        let plain = |slot: &&Slot| !matches!(slot.kind, Kind::Machines | Kind::Topic | Kind::Text);
        spec.slots.iter().filter(plain).any(|slot| words.contains(&fold(&self.heard_word(spec.id, slot.name))))
    }

    /// Whether an amount is one of what another skill is about, and this one is not: "2 GB of memory" is no size of a disk.
    pub(crate) fn is_of_another(&self, spec: &Spec, text: &str) -> bool {
        let cx = self.context();
        let light = |token: &&Token| self.says_no_thing(token);
        let thing = |token: &Token| !leftover::turns(token.text, &cx) && self.is_thing_of_another(spec, token);
        let behind = |size: Found| {
            let clause = text.get(size.span.end..).unwrap_or_default().split([',', ';', '.', '?', '!', '\n']).next();
            let tokens = cx.tokens(clause.unwrap_or_default());
            tokens.iter().find(|token| !light(token)).is_some_and(thing)
        };
        read::find(Kind::Size, text, &cx).into_iter().any(behind)
    }

    /// Whether a word says not what is spoken of: small words, verbs.
    fn says_no_thing(&self, token: &Token) -> bool {
        let classes = [LIGHT.as_slice(), &[Class::Verb, Class::Aside, Class::Follow]].concat();
        self.heard.lexicon.holds(std::slice::from_ref(token), &classes)
    }

    /// Whether a word is one of those by which another skill is commanded, and none of this one's.
    pub(crate) fn is_thing_of_another(&self, spec: &Spec, token: &Token) -> bool {
        let slot = |slot: &Slot| fold(&self.heard_word(spec.id, slot.name)) == token.folded;
        let own = self.heard.vocabulary(spec.id).has(token) || spec.slots.iter().any(slot);
        !own && self.commands_another(spec.id, token)
    }

    /// Whether a word is one of those by which another skill is commanded, and no small one.
    pub(crate) fn commands_another(&self, skill: &str, token: &Token) -> bool {
        let mut others = self.book.specs().iter().filter(|other| other.id != skill);
        !self.says_no_thing(token) && others.any(|other| self.heard.vocabulary(other.id).commands(token))
    }

    /// The words of a skill's title, as people may say them.
    pub(crate) fn title_words(&self, skill: &str) -> Vec<String> {
        topics::words(&self.heard.title(skill))
    }

    /// Whether a text is a command in one of its parts, polite words aside.
    pub(crate) fn holds_command(&self, text: &str) -> bool {
        let steers = |call: &Call| CONTROLS.contains(&call.skill.as_str());
        let commands = |text: &str| self.commands(text).iter().any(|(call, _)| !steers(call));
        commands(text) || frame(text, &self.context()).parts.iter().any(|part| commands(&part.text))
    }

    fn built(&self, call: &Call) -> bool {
        self.spec(call).is_some_and(|spec| !spec.planned)
    }

    /// "qcow2 rather", "the format should be raw": the same plan with another value.
    pub(crate) fn with_other_values(&self, plan: &PlanRef, text: &str) -> Option<Vec<Call>> {
        let mut calls = plan.calls.clone();
        // "no, call it lent"
        let named = match answer(text, &self.context()) {
            Answer::Correction(rest) => rest,
            _ => text.to_owned(),
        };
        // "give me one more with the name a2" is no other name for this one.
        if self.heard.lexicon.holds(&self.context().tokens(text), &[Class::Another]) {
            return None;
        }
        let called = |spec: &Spec| self.called(spec, &named).or_else(|| self.called_in_words(spec, text));
        // Of several wishes the one that gives a name.
        let gives = |call: &&mut Call| self.spec(call).is_some_and(|spec| spec.new_name().is_some());
        let mut giving = calls.iter_mut().filter(gives);
        if let (Some(call), None) = (giving.next(), giving.next())
            && let Some((slot, name)) = self.book.spec(&call.skill).and_then(called)
            && call.args.get(&slot) != Some(&name)
        {
            call.args.insert(slot, name);
            return Some(calls);
        }
        // "no, it's tmp, not tpm"
        if let [call] = calls.as_mut_slice()
            && let Some((slot, name)) = self.named_instead(call, text)
        {
            call.args.insert(slot, name);
            return Some(calls);
        }
        for call in calls.iter_mut().rev() {
            let Some(spec) = self.book.spec(&call.skill) else { continue };
            let filled: Vec<&str> = call.args.keys().map(String::as_str).collect();
            let Some(values) = self.gathered(spec, &filled, text) else { continue };
            let values = values.into_iter().map(|(slot, value)| {
                let value = self.in_its_unit(call.args.get(&slot), value, text);
                (slot, value)
            });
            let new: BTreeMap<_, _> = values.filter(|(slot, value)| call.args.get(slot) != Some(value)).collect();
            if !new.is_empty() {
                call.args.extend(new);
                return Some(calls);
            }
        }
        None
    }

    /// The name that a text gives a plan's thing in place of the one it has: "it's tmp, not tpm".
    fn named_instead(&self, call: &Call, text: &str) -> Option<(String, Value)> {
        let cx = self.context();
        let spec = self.spec(call)?;
        let slot = spec.new_name()?;
        let Value::Name(old) = call.args.get(slot.name)? else { return None };
        let all = cx.tokens(text);
        let denied = (1..all.len()).find(|at| {
            let denies = cx.lexicon.longest_before_of(&all[..*at], &[Class::Denied, Class::Not, Class::No]).is_some();
            denies && all[*at].text.eq_ignore_ascii_case(old)
        })?;
        let new = |at: &usize| *at != denied && !cx.lexicon.contains(&all[*at].folded);
        let mut names = (0..all.len()).filter(new);
        let (Some(at), None) = (names.next(), names.next()) else { return None };
        Some((slot.name.to_owned(), read::parse(slot.kind, all[at].text, &cx)?))
    }

    /// "yes but raw, and make that 60": the same plan with other values, said one after the other.
    pub(crate) fn with_several_values(&self, plan: &PlanRef, text: &str) -> Option<Vec<Call>> {
        const JOINS: [Class; 4] = [Class::And, Class::But, Class::Slack, Class::Aside];
        let cx = self.context();
        let agrees = agreed(text, &cx);
        let text = agrees.as_deref().unwrap_or(text);
        let clauses: Vec<&str> = clauses(text, &JOINS, &cx).collect();
        if clauses.is_empty() || clauses.len() == 1 && agrees.is_none() {
            return None;
        }
        let mut plan = plan.clone();
        for clause in clauses {
            plan.calls = self.with_other_values(&plan, clause)?;
        }
        Some(plan.calls)
    }

    /// "90, rather", of 70 MiB: a number without a unit is of the unit that it replaces.
    pub(crate) fn in_its_unit(&self, old: Option<&Value>, new: Value, text: &str) -> Value {
        const KIB: u64 = 1024;
        let (Some(Value::Size(Bytes(old))), Value::Size(Bytes(said))) = (old, &new) else { return new };
        let cx = self.context();
        let all = cx.tokens(text);
        let unit = |token: &Token| cx.lexicon.holds(std::slice::from_ref(token), &[Class::Unit]);
        let joined = |token: &Token| {
            token.text.contains(|c: char| c.is_ascii_digit()) && token.text.contains(char::is_alphabetic)
        };
        let bare = !all.iter().any(|token| unit(token) || joined(token));
        let of_mib = *old < KIB.pow(3) && old.is_multiple_of(KIB.pow(2));
        if bare && of_mib && said.is_multiple_of(KIB.pow(3)) { Value::Size(Bytes(said / KIB)) } else { new }
    }

    /// "no, I meant lab-2", "leave student02 out", "web3 too": the same for other machines, for fewer or for more.
    pub(crate) fn with_other_machines(&self, plan: &PlanRef, text: &str) -> Option<Vec<Call>> {
        let cx = self.context();
        // "no, status of db1" is another wish.
        let besides = refused(text, &cx).unwrap_or_default();
        if [text, &besides].iter().any(|text| self.holds_command(text)) {
            return None;
        }
        // "neither web1 nor db1", and "yes, but is web2 in use" asks.
        let all = cx.tokens(text);
        let neither = (0..all.len()).any(|at| {
            let long = |class| cx.lexicon.longest(&all[at..], class).unwrap_or(0);
            long(Class::No) > 0 && long(Class::Except) > 0
        });
        if neither
            || self.rider(text).is_some_and(|rider| cx.lexicon.longest(&cx.tokens(&rider), Class::Question).is_some())
        {
            return None;
        }
        // "oui mais celui de mail appelle-le autrement" names something, and takes nobody out.
        if cx.lexicon.holds(&all, &[Class::Calling, Class::Called]) {
            return None;
        }
        let mut said = self.said_of_machines(plan, text)?;
        // "yes but don't pause db1"
        let negated = |text: &str| frame(text, &cx).parts.iter().any(|part| part.stance == Stance::Negated);
        let rider = self.rider(text);
        if said.spared.is_empty() && rider.as_deref().is_some_and(negated) {
            return None;
        }
        // "ok for web1, not ok for web2": who is refused is out of it, or none of it is read.
        let refuses = (1..all.len())
            .any(|at| cx.lexicon.longest_of(&all[at..], &[Class::No, Class::Not, Class::Denied]).is_some());
        if refuses && agreed(text, &cx).is_some() && said.spared.is_empty() && said.meant.len() + said.added.len() > 1 {
            return None;
        }
        // "bob asked to add web2" tells, and "add web2 to the exceptions" says where to.
        let told =
            frame(text, &cx).parts.iter().any(|part| matches!(part.stance, Stance::Report | Stance::AboutOthers));
        if !said.added.is_empty() && (told || said.strange.is_some() || self.is_said_by_somebody(text)) {
            return None;
        }
        // "sorry, web1 and web3": as good as "I meant".
        said.marked |= matches!(answer(text, &cx), Answer::Correction(_));
        // "yes, but wait for mail1" is about whom?
        let strange = |name: &String| !is_among(name, &plan.subjects);
        if agreed(text, &cx).is_some() && !said.also && said.meant.iter().any(strange) {
            return None;
        }
        // "no, web2 is the good one", "not web1, pause web2": who knows.
        // "no, not web2, the other": of two, the one that is left.
        let other = said.other && !(said.meant.is_empty() && said.spared.len() + 1 == plan.subjects.len());
        // "yes but web1 waits": for that one, or for all but that one?
        let depends = cx.lexicon.holds(&cx.tokens(text), &[Class::If, Class::Conditional]);
        // "yes but web2 is slow": why should that leave it out?
        let agrees = agreed(text, &cx).is_some();
        const LEAVES: [Class; 9] = [
            Class::Denied,
            Class::Not,
            Class::No,
            Class::Stays,
            Class::In,
            Class::Later,
            Class::Offset,
            Class::Moment,
            Class::Part,
        ];
        let only_but = agrees && !cx.lexicon.holds(&all, &LEAVES);
        let unclear = !said.whole && (depends || agrees && !said.meant.is_empty() || only_but);
        let changes = said.whole || (said.otherwise || !said.added.is_empty()) && !said.verb;
        if !said.marked || !changes || other || unclear {
            return None;
        }
        let own = |name: &String| is_among(name, &plan.subjects);
        let left_out = !said.spared.is_empty() && said.spared.iter().all(own);
        if said.meant.is_empty() && said.added.is_empty() && !left_out {
            return None;
        }
        match plan.calls.as_slice() {
            [call] if call.args.contains_key(TARGET) => {
                let mut call = call.clone();
                if let Some(set) = self.with_other_exceptions(&call, text, &said) {
                    call.args.insert(TARGET.to_owned(), Value::Machines(set));
                    return Some(vec![call]);
                }
                let names = other_machines(&plan.subjects, &said)?;
                call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
                Some(vec![call])
            }
            [] | [_] => None,
            // Of several wishes those are changed that a machine is taken out of.
            calls if !said.spared.is_empty() => {
                // "skip the reboot of web1" leaves its snapshot.
                let words = topics::words(text);
                let named = |call: &Call| self.title_words(&call.skill).iter().any(|title| is_of(&words, title));
                let one = calls.iter().any(named) && !calls.iter().all(named);
                let of = |call: &&Call| self.machines_of(call).iter().any(|name| is_among(name, &said.spared));
                // "web2, not db1", where two wishes are about db1: in which of them?
                let changes = calls.iter().filter(|call| self.may_change(call));
                if !said.meant.is_empty() && changes.filter(of).count() > 1 {
                    return None;
                }
                let mut left = Vec::new();
                for call in calls {
                    let mut call = call.clone();
                    if one && !named(&call) {
                        left.push(call);
                        continue;
                    }
                    if let Some(Value::Machines(Selector::Names(names))) = call.args.get_mut(TARGET)
                        && names.iter().any(|name| is_among(name, &said.spared))
                    {
                        names.retain(|name| !is_among(name, &said.spared));
                        // "not web2, only mail", where mail has its own wish already.
                        names.extend(said.meant.iter().filter(|name| !is_among(name, &plan.subjects)).cloned());
                        if names.is_empty() {
                            continue;
                        }
                    }
                    left.push(call);
                }
                (!left.is_empty() && left != calls).then_some(left)
            }
            // "a snapshot of cache instead": another deed than those that are about it.
            calls if self.names_another_deed(text, calls, &said.meant) => None,
            // "yes for db1", of several wishes: those that are about it.
            calls
                if said.otherwise && said.strange.is_none() && !said.meant.is_empty() && said.meant.iter().all(own) =>
            {
                let left: Vec<Call> = calls.iter().filter_map(|call| self.for_these(call, &said.meant)).collect();
                (!left.is_empty() && left != calls).then_some(left)
            }
            _ => None,
        }
    }

    /// "stop web1 and web2. ah no, not web2", "reboot web1. no, web2": the wishes that are left, or are meant instead.
    pub(crate) fn corrected_behind(&self, part: &Part, calls: &[Call]) -> Option<Vec<Call>> {
        let own = self.machines_of_all(calls);
        let last = calls.last().filter(|call| self.may_change(call) && !own.is_empty())?;
        let said = machines(&part.raw, &own, &self.context(), |_| false)?;
        if !said.marked || !said.whole || said.other || said.also {
            return None;
        }
        if said.meant.is_empty() {
            let left = |call: &Call| {
                let mut call = call.clone();
                if let Some(Value::Machines(Selector::Names(names))) = call.args.get_mut(TARGET) {
                    names.retain(|name| !is_among(name, &said.spared));
                    if names.is_empty() {
                        return None;
                    }
                }
                Some(call)
            };
            let calls: Vec<Call> = calls.iter().filter_map(left).collect();
            return (!calls.is_empty()).then_some(calls);
        }
        let names = other_machines(&self.machines_of(last), &said)?;
        let mut calls = calls.to_vec();
        calls.last_mut()?.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
        Some(calls)
    }

    /// "yes, but snapshot it first", "go ahead and start web2 as well": the plan with one more wish, before it or behind it.
    pub(crate) fn with_a_rider(&self, plan: &PlanRef, text: &str) -> Option<Vec<Call>> {
        // "snapshot it first", with or without a yes before it.
        let mut rider = self.rider(text).or_else(|| self.without_ahead(text).map(|_| text.to_owned()))?;
        // "yes, and start it afterwards"
        let all = self.context().tokens(&rider).iter().map(|token| token.span.end).collect::<Vec<_>>();
        let then = self.context().lexicon.longest_before(&self.context().tokens(&rider), Class::Then).unwrap_or(0);
        if then > 0 && then < all.len() {
            rider.truncate(all[all.len() - then - 1]);
        }
        let wish = self.without_ahead(&rider);
        let (wish, ahead) = wish.map_or((rider.as_str(), false), |wish| (wish, true));
        // "fret démarre" is "démarre fret".
        let mut commands = self.commands(wish);
        if commands.is_empty()
            && self.rider(text).is_some()
            && let [part] = &frame(wish, &self.context()).parts[..]
        {
            commands = self.commands(&part.text);
        }
        // "oui, et fais aussi un instantané de web2"
        if commands.is_empty() {
            commands = self.commands(&without_slack(wish, &self.context()));
        }
        // "yes, but a snapshot first"
        if !commands.iter().any(|(call, _)| self.may_change(call))
            && let Some(call) = self.deed_of(wish)
        {
            commands = vec![(call, Path::Command)];
        }
        let [(call, Path::Command)] = &commands[..] else { return None };
        if CONTROLS.contains(&call.skill.as_str()) || !self.built(call) || !self.may_change(call) {
            return None;
        }
        // "yes, and then a snapshot": of whom the plan is about.
        let mut call = call.clone();
        let whom = || Value::Machines(Selector::Names(plan.subjects.clone()));
        if self.spec(&call).is_some_and(Spec::has_target) && self.around.scope != Scope::Machine {
            // "a snapshot of each" is of each of them.
            if matches!(call.args.get(TARGET), None | Some(Value::Machines(Selector::All | Selector::It))) {
                call.args.insert(TARGET.to_owned(), whom());
            }
        }
        if !ahead && self.stands_against(text, plan, &call) {
            return None;
        }
        // "start db2 first": who was shown, and nobody whom that wish brings into the set.
        let mut shown = plan.calls.clone();
        if let [only] = shown.as_mut_slice()
            && only.args.contains_key(TARGET)
        {
            only.args.insert(TARGET.to_owned(), whom());
        }
        let own = std::slice::from_ref(&call);
        Some(if ahead { [own, &shown].concat() } else { [&shown, own].concat() })
    }

    /// "yes, but pause web2": a wish for somebody of the plan behind a "but" may stand in place of the plan.
    pub(crate) fn stands_against(&self, text: &str, plan: &PlanRef, call: &Call) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let objects = cx.lexicon.holds(&all, &[Class::But]) && !cx.lexicon.holds(&all, &[Class::Also, Class::Then]);
        objects && self.machines_of(call).iter().any(|name| is_among(name, &plan.subjects))
    }

    /// Whom a text says to be meant by a plan otherwise, in words that may be the plan's own.
    fn said_of_machines(&self, plan: &PlanRef, text: &str) -> Option<Corrected> {
        let titles: Vec<String> = plan.calls.iter().flat_map(|call| self.title_words(&call.skill)).collect();
        machines(text, &plan.subjects, &self.context(), |word| is_of(&titles, word))
    }

    /// What of a correction nobody can place.
    pub(crate) fn left_of_a_correction(&self, plan: &PlanRef, text: &str) -> Option<Phrase> {
        let said = self.said_of_machines(plan, text)?;
        let words = text.get(said.strange.filter(|_| said.otherwise || !said.added.is_empty())?)?;
        // "not web1, they're doing the salaries" only says why.
        let cx = self.context();
        let timed = cx
            .lexicon
            .holds(&cx.tokens(words), &[Class::Part, Class::Moment, Class::Offset, Class::Day, Class::Weighs]);
        if is_plain(words, &cx) && !timed {
            return None;
        }
        Some(Phrase::common("left_over").with("words", words))
    }

    /// What is joined to an agreement: "yes, but …", "go ahead and …".
    pub(crate) fn rider(&self, text: &str) -> Option<String> {
        const JOINS: [Class; 4] = [Class::And, Class::But, Class::Then, Class::Slack];
        let cx = self.context();
        let joins_on = self.joins_on(text);
        let rest = agreed(text, &cx).or_else(|| joins_on.then(|| text.to_owned()))?;
        let all = cx.tokens(&rest);
        let mut at = 0;
        while let Some(count) = cx.lexicon.longest_of(all.get(at..)?, &JOINS) {
            at += count;
        }
        let ahead = cx.lexicon.longest(&all, Class::Ahead).is_some();
        let first = all.get(at).filter(|_| at > 0 || ahead || joins_on)?;
        Some(rest[first.span.start..].to_owned())
    }

    /// A yes with a "but" or a "first" that nobody can follow is no yes, and no mere look aside either: the plan is dropped, and the rest
    /// is heard. False where there is none.
    pub(crate) fn moves_on_from_yes(&mut self, plan: &PlanRef, open: &Open, text: &str) -> bool {
        let cx = self.context();
        let Some(rest) = agreed(text, &cx) else { return false };
        let all = cx.tokens(&rest);
        const TURNS: [Class; 8] = [
            Class::But,
            Class::Ahead,
            Class::If,
            Class::Conditional,
            Class::Except,
            Class::Weighs,
            Class::Only,
            Class::Others,
        ];
        // "yes to one": to which? French "un" is mostly none.
        let is = |token: &Token, class| cx.lexicon.holds(std::slice::from_ref(token), &[class]);
        let counts = |token: &Token| is(token, Class::Only) || is(token, Class::Number) && !is(token, Class::Article);
        let counted = all.iter().any(counts);
        let turns = cx.lexicon.longest_of(&all, &TURNS).is_some() || counted;
        if text.contains('?') || !turns {
            return false;
        }
        let rider = self.rider(text).unwrap_or_else(|| rest.clone());
        // "oui, mais c'est moi qui demandais" changes nothing that anybody could follow: the plan is put again, as it was.
        const GRAVE: [Class; 11] = [
            Class::Ahead,
            Class::No,
            Class::Denied,
            Class::Not,
            Class::If,
            Class::Conditional,
            Class::Except,
            Class::Weighs,
            Class::Only,
            Class::Others,
            Class::Verb,
        ];
        let plain = !cx.lexicon.holds(&cx.tokens(&rider), &GRAVE)
            && self.named_in(&rider).is_empty()
            && self.says_known_words(&rider);
        if plain && !counted && self.commands(&rider).is_empty() {
            self.show_after(Phrase::not_followed(&rider), open.clone());
            return true;
        }
        let dropped = self.dropped(plan);
        self.session.open = None;
        // "yes, but no cache" means nobody who is not in it.
        let denies = cx.lexicon.longest_of(&cx.tokens(&rider), &[Class::No, Class::Denied, Class::Not]).is_some();
        // "yes, but without the memory" is no question about memory.
        if denies || self.commands(&rider).is_empty() && !begins_with_verb(&rider, &cx) && !rider.contains('?') {
            let unread = Phrase::not_followed(&rider);
            self.say(Reply { head: vec![dropped, unread], ..Reply::default() });
            return true;
        }
        self.understand(&rider, true, vec![dropped], Some(Box::new(open.clone())));
        true
    }

    /// The same of a plan: what is said besides may want anything but that one again, "no, I meant the other one".
    pub(crate) fn refuse_plan(&mut self, plan: &PlanRef, text: &str) -> bool {
        let cx = self.context();
        let Some(rest) = refused(text, &cx) else { return false };
        self.session.refused_plan = (!self.holds_command(&rest)).then(|| plan.digest.clone());
        self.refuse(text)
    }

    /// "no, my boss says not today", "never mind the disk. Is web1 up?": the question is dropped, and what is said besides is heard.
    pub(crate) fn refuse(&mut self, text: &str) -> bool {
        let Some(rest) = refused(text, &self.context()) else { return false };
        self.session.open = None;
        if rest.is_empty() {
            self.say_common("nothing_changed");
            return true;
        }
        self.session.refused = true;
        self.understand(&rest, false, vec![Phrase::common("all_right")], None);
        true
    }
}

/// Whether a word is a form of one of these.
pub(crate) fn is_of(words: &[String], word: &str) -> bool {
    words.iter().any(|known| topics::alike(known, word))
}

/// Whether a name is one of these, whatever its case.
pub(crate) fn is_among(name: &str, names: &[String]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Of the machines shown, those that are left after a correction; `None` when none is.
fn other_machines(shown: &[String], said: &Corrected) -> Option<Vec<String>> {
    let mut names: Vec<String> = match said.meant.is_empty() {
        true => shown.iter().filter(|name| !is_among(name, &said.spared)).cloned().collect(),
        // "not web1, web4", of three: the other two stay.
        false if shown.len() > 1 && said.spared.iter().any(|name| is_among(name, shown)) => {
            let kept = shown.iter().filter(|name| !is_among(name, &said.spared));
            kept.chain(said.meant.iter().filter(|name| !is_among(name, shown))).cloned().collect()
        }
        false => said.meant.clone(),
    };
    for name in &said.added {
        if !is_among(name, &names) {
            names.push(name.clone());
        }
    }
    (!names.is_empty()).then_some(names)
}
