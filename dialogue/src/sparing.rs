//! Who is left as it is, said beside a wish: "don't touch web1, but start web3". It is kept out of everything that comes of the message, or nothing does.

use grammar::answer::{Answer, answer};
use grammar::corrected::Corrected;
use grammar::frame::{Frame, Part, Stance, frame};
use grammar::kind::{Kind, Of};
use grammar::known::is_piece;
use grammar::lexicon::Class;
use grammar::read;
use grammar::selector::Selector;
use grammar::spared::{Spared, spared};
use grammar::token::{Token, fold, gap};
use grammar::value::Value;

use crate::amend::is_among;
use crate::aside::COURTESIES;
use crate::kept::{tells_of_all_but, without_kept_state};
use crate::leftover::is_device;
use crate::machine::Turn;
use crate::naming::with_quoted_name;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::session::{Call, Open, PlanRef};
use crate::spec::{Danger, Scope, TARGET};

impl Turn<'_> {
    /// Understands a text; where it says so, the one is kept out of what the other does.
    pub(crate) fn understand(&mut self, text: &str, doubtful: bool, preface: Vec<Phrase>, before: Option<Box<Open>>) {
        let text = self.without_introduction(self.without_foreign_lead(text));
        if let Some(clause) = tells_of_all_but(text, &self.context()).map(str::to_owned) {
            self.refuse_unread("left_over_except", clause, &preface);
            return;
        }
        let text = without_kept_state(text, &self.context()).unwrap_or(text);
        let quoted = with_quoted_name(text, &self.context());
        let doubtful = doubtful || quoted.is_some();
        let text = quoted.as_deref().unwrap_or(text);
        if let Some((rest, words)) = self.without_timeout(text) {
            let told = Phrase::common("left_over").with("words", words);
            self.understand(&rest, true, [preface, vec![told]].concat(), before);
            return;
        }
        match self.said_to_several(text) {
            Some(Some(calls)) => {
                self.begin(calls, Path::Understood, true, preface, before);
                return;
            }
            // Nobody is taken out of those who are named before a wish that nobody followed.
            Some(None) => {
                self.understood_nothing(&[], preface);
                return;
            }
            None => {}
        }
        if let Some(wish) = self.behind_a_no(text) {
            self.understand(wish, true, preface, before);
            return;
        }
        if let Some(call) = self.meant_instead(text) {
            self.begin(vec![call], Path::Understood, true, preface, before);
            return;
        }
        if self.takes_back(text, &preface) || self.wants_for_another(text, doubtful, &preface, &before) {
            return;
        }
        match self.sparing(text, &frame(text, &self.context())) {
            Some(Spared { rest, names, excepted }) => {
                self.understand_sparing(&rest, doubtful || excepted, preface, before, names);
            }
            None => self.understand_sparing(text, doubtful, preface, before, Vec::new()),
        }
    }

    /// "leave web1 and web2", "web1 and web2 stay up": nothing is left of a plan for those two.
    pub(crate) fn leaves_all(&self, plan: &PlanRef, text: &str) -> bool {
        const LEAVES: [Class; 5] = [Class::Untouched, Class::Spare, Class::Denied, Class::Not, Class::Except];
        const BEHIND: [Class; 3] = [Class::Stays, Class::Alone, Class::Polite];
        let cx = self.context();
        let found = read::find(Kind::Machines, text, &cx);
        let [found] = found.as_slice() else { return false };
        let Value::Machines(Selector::Names(names)) = &found.value else { return false };
        let all = cx.tokens(text);
        let before: Vec<Token<'_>> = all.iter().filter(|token| token.span.end <= found.span.start).cloned().collect();
        let after: Vec<Token<'_>> = all.iter().filter(|token| token.span.start >= found.span.end).cloned().collect();
        let led = cx.lexicon.longest_before_of(&before, &LEAVES).is_some();
        let stays = cx.lexicon.longest(&after, Class::Stays).is_some();
        let whole = after.is_empty() || cx.lexicon.longest_of(&after, &BEHIND) == Some(after.len());
        let every = plan.subjects.len() > 1 && plan.subjects.iter().all(|name| is_among(name, names));
        every && whole && (led || stays) && !self.holds_command(&text[..found.span.start])
    }

    /// Keeps these out of all calls, and says so if that can't be done; whether what is left has to be asked about.
    pub(crate) fn spare_all(&mut self, calls: &mut [Call], out: &[String], preface: &[Phrase]) -> Option<bool> {
        // "great, another power cut. shut down all but web1": a courtesy is about nobody.
        let wishes = |call: &&mut Call| !COURTESIES.contains(&call.skill.as_str());
        let others = calls.iter().any(|call| !COURTESIES.contains(&call.skill.as_str()));
        if let Some(name) =
            calls.iter_mut().filter(|call| !others || wishes(call)).find_map(|call| self.spare(call, out))
        {
            self.refuse_unread("left_over_except", name, preface);
            return None;
        }
        let disturbs = |call: &Call| self.spec(call).is_some_and(|spec| spec.danger >= Danger::Disruptive);
        Some(!out.is_empty() && calls.iter().any(disturbs))
    }

    /// The wish beside who is left as it is, where that is not one command as it stands.
    pub(crate) fn sparing(&self, text: &str, framed: &Frame) -> Option<Spared> {
        let negated = |stance: Stance| matches!(stance, Stance::Negated | Stance::AboutOthers | Stance::Hypothetical);
        if !framed.parts.iter().any(|part| negated(part.stance)) && !self.commands(text).is_empty() {
            return None;
        }
        let spared =
            spared(text, &self.context()).or_else(|| self.denied_before(text)).or_else(|| self.denied_behind(text))?;
        // Beside nothing that is wished for, nobody needs to be spared.
        let cx = self.context();
        let verb = |text: &str| cx.lexicon.longest(&cx.tokens(text), Class::Verb).is_some();
        let wishes =
            |part: &Part| part.stance == Stance::Request && (verb(&part.text) || !self.commands(&part.text).is_empty());
        let parts = frame(&spared.rest, &cx).parts;
        let wish = parts.iter().any(wishes);
        // "reboot web1. no, web2" means that one instead.
        let no = parts.len() > 1 && parts.last().is_some_and(|part| answer(&part.raw, &cx) == Answer::No);
        (wish && !no).then_some(spared)
    }

    /// "don't stop web1 but stop db2": who is named in what is not to be done is left as it is.
    fn denied_before(&self, text: &str) -> Option<Spared> {
        let cx = self.context();
        let all = cx.tokens(text);
        let but = |at: usize| cx.lexicon.longest(&all[at..], Class::But).filter(|count| at + count < all.len());
        let (at, count) = (1..all.len()).find_map(|at| Some((at, but(at)?)))?;
        let (head, rest) = (&text[..all[at - 1].span.end], &text[all[at + count].span.start..]);
        let denied = frame(head, &cx).parts.iter().all(|part| part.stance == Stance::Negated);
        let names: Vec<String> = self.named_in(head).into_iter().collect();
        (denied && !names.is_empty() && !self.commands(rest).is_empty()).then(|| Spared {
            rest: rest.to_owned(),
            names,
            excepted: false,
        })
    }

    /// "stop web1, do not stop db2": the same behind it.
    fn denied_behind(&self, text: &str) -> Option<Spared> {
        let cx = self.context();
        let all = cx.tokens(text);
        let joined = |at: usize| cx.lexicon.longest_before(&all[..at], Class::And).filter(|and| *and < at).unwrap_or(0);
        let marked = |at: &usize| gap(text, &all, *at).contains([',', ';', '.']) || joined(*at) > 0;
        let at = (1..all.len()).rev().find(marked)?;
        let (rest, tail) = (&text[..all[at - joined(at) - 1].span.end], &text[all[at].span.start..]);
        // "pause web1, no wait web2" means that one instead.
        let recants = cx.lexicon.longest(&all[at..], Class::Recants).is_some_and(|count| count > 1);
        let denied = !recants && frame(tail, &cx).parts.iter().all(|part| part.stance == Stance::Negated);
        let named = |text: &str| self.named_in(text).into_iter().collect::<Vec<String>>();
        let (names, meant) = (named(tail), named(rest));
        let apart = !names.is_empty() && !names.iter().any(|name| meant.contains(name));
        let changes = |text: &str| self.commands(text).iter().any(|(call, _)| self.may_change(call));
        let changes = frame(rest, &cx).parts.iter().any(|part| changes(&part.text));
        (denied && apart && changes).then(|| Spared { rest: rest.to_owned(), names, excepted: false })
    }

    /// "sorry, I meant web2", of all but web1: of a set only those are named that are left out of it.
    pub(crate) fn with_other_exceptions(&self, call: &Call, text: &str, said: &Corrected) -> Option<Selector> {
        let cx = self.context();
        let all = cx.tokens(text);
        let means = cx.lexicon.holds(&all, &[Class::Meant]) && !cx.lexicon.holds(&all, &[Class::Only, Class::All]);
        let Some(Value::Machines(set)) = call.args.get(TARGET) else { return None };
        let mut set = set.clone();
        let Selector::Where { except, .. } = &mut set else { return None };
        if !means || except.len() != said.meant.len() || !said.spared.is_empty() || !said.added.is_empty() {
            return None;
        }
        except.clone_from(&said.meant);
        (!said.meant.is_empty()).then_some(set)
    }

    /// Keeps these out of a call; whom that can't be done for, if it can't.
    pub(crate) fn spare(&self, call: &mut Call, out: &[String]) -> Option<String> {
        let spec = self.spec(call).filter(|_| !out.is_empty())?;
        let who = || out.join(", ");
        if !spec.has_target() {
            // "total memory without db1": of those that a question is about.
            let Some(of) = spec.slots.iter().find(|slot| slot.kind == Kind::Machines) else { return Some(who()) };
            let mut set = match call.args.get(of.name) {
                Some(Value::Machines(set @ Selector::Where { .. })) => set.clone(),
                None | Some(Value::Machines(Selector::All)) => Selector::All,
                Some(_) => return Some(who()),
            };
            set.leave_out(out);
            call.args.insert(of.name.to_owned(), Value::Machines(set));
            return None;
        }
        let mut of = call.clone();
        self.resolve(spec, &mut of);
        match of.args.get(TARGET).cloned() {
            Some(Value::Machines(Selector::Names(names))) => {
                let meant = |name: &String| out.iter().any(|out| same(out, name) || is_piece(out, name));
                // "snapshot web1 but not vdb": what a machine has can't be kept out of it.
                let machine = |out: &String| self.around.known.has(Of::Machine, out).is_some();
                let thing = |out: &String| is_device(out) || self.heard.lexicon.contains(&fold(out));
                if out.iter().any(|out| thing(out) && !machine(out)) {
                    return Some(who());
                }
                let left: Vec<String> = names.iter().filter(|name| !meant(name)).cloned().collect();
                if left.is_empty() {
                    return Some(who());
                }
                if left.len() < names.len() {
                    call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(left)));
                }
                None
            }
            Some(Value::Machines(mut set @ (Selector::All | Selector::Where { .. }))) => {
                set.leave_out(out);
                call.args.insert(TARGET.to_owned(), Value::Machines(set));
                None
            }
            _ => self.spare_own(out),
        }
    }

    /// Said to a machine itself: that one is not to be left as it is. Where nobody is named, nobody knows.
    fn spare_own(&self, out: &[String]) -> Option<String> {
        let own = self.around.scope == Scope::Machine && !out.iter().any(|out| same(out, self.around.entity));
        (!own).then(|| out.join(", "))
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
