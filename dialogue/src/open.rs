//! Answers to the open question: values, yes and no, a name typed, a pick, a correction. What is none of them is said to be none.

use grammar::answer::{Answer, agreed, answer, control, halfhearted};
use grammar::kind::Kind;
use grammar::lexicon::Class;
use grammar::selector::Selector;
use grammar::value::Value;

use crate::amend::is_among;
use crate::machine::{Planning, Purpose, Turn};
use crate::picked::wants_machines;
use crate::policy::Path;
use crate::reply::{Choice, Phrase, Reply};
use crate::session::{About, CONFIRM_WITHIN, Call, Open, PlanRef, UNDO_WITHIN};
use crate::slots;
use crate::spec::{Danger, Spec, TARGET};

impl Turn<'_> {
    /// Takes `text` as the answer to `open`; gives the question back when it is none.
    pub(crate) fn answer_open(&mut self, open: Open, text: &str) -> Result<(), Box<Open>> {
        let said = answer(text, &self.context());
        match said {
            // "tant pis, vas-y"
            Answer::Cancel if self.ends_with_yes(text) => {
                match &open.about {
                    About::Confirm { by_name: false, .. } => self.ask_again_after("only_plain_yes", open),
                    _ => self.show_again(open),
                }
                return Ok(());
            }
            Answer::Cancel | Answer::Stop => {
                self.session.open = None;
                self.say_common("cancelled");
                return Ok(());
            }
            Answer::Repeat => {
                self.show_again(open);
                return Ok(());
            }
            Answer::Unsure => {
                match &open.about {
                    About::Confirm { by_name: false, .. } => self.ask_again_after("only_plain_yes", open),
                    _ => self.show_again(open),
                }
                return Ok(());
            }
            _ => {}
        }
        // "continue", behind a look aside.
        if matches!(open.about, About::Slots { .. }) && control(text, &self.context()) == Answer::Continue {
            self.show_again(open);
            return Ok(());
        }
        // "no wait, web2 should stay on too" calls off nothing but web2.
        let corrects = match &open.about {
            About::Confirm { plan, undoing: false, .. } => self.with_other_machines(plan, text).is_some(),
            _ => false,
        };
        if !matches!(open.about, About::Skills { .. })
            && !corrects
            && grammar::answer::calls_off(text, &self.context())
            && self.refuse(text)
        {
            return Ok(());
        }
        match open.about.clone() {
            About::Slots { calls, at, missing, path, doubtful } => {
                self.answer_slots(open, text, &said, calls, at, missing, path, doubtful)
            }
            About::Confirm { plan, by_name, path, undoing } => {
                self.answer_confirm(open, text, &said, plan, by_name, path, undoing)
            }
            About::Skills { options, .. } => self.answer_pick(open, text, &said, options),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one question, taken apart once")]
    fn answer_slots(
        &mut self,
        open: Open,
        text: &str,
        said: &Answer,
        mut calls: Vec<Call>,
        at: usize,
        missing: Vec<String>,
        path: Path,
        doubtful: bool,
    ) -> Result<(), Box<Open>> {
        if matches!(said, Answer::No) {
            self.session.open = None;
            self.say_common("cancelled");
            return Ok(());
        }
        // "create a disk, then reboot": "no reboot"
        if let Some(left) = self.with_fewer_steps(text, &calls) {
            let Some(at) = left.iter().position(|call| *call == calls[at]) else {
                return self.plan_anew(open, path, left, Vec::new());
            };
            self.show_again(Open { about: About::Slots { calls: left, at, missing, path, doubtful: true }, ..open });
            return Ok(());
        }
        let Some(spec) = calls.get(at).and_then(|call| self.spec(call)) else { return Err(Box::new(open)) };
        if let Some(choices) = self.choices_asked(spec, text) {
            self.show_after(choices, open);
            return Ok(());
        }
        // "yes" names none.
        if matches!(said, Answer::Yes) && wants_machines(spec, &missing) {
            self.show_again(open);
            return Ok(());
        }
        // "reboot" - "actually stop web1": another wish, rather than who it is for.
        if wants_machines(spec, &missing) && self.wishes_otherwise(text, &calls[at]) {
            return Err(Box::new(open));
        }
        // "db1, don't", "web1 but not yet", "db1 tomorrow" is no pick, nor is "any but nightly".
        if wants_machines(spec, &missing) && self.denies_behind_a_pick(text) || self.denies_a_name(spec, &missing, text)
        {
            return Err(Box::new(open));
        }
        // "celle de Lyon" is one of those offered, rather than somebody called Lyon.
        let picked = if wants_machines(spec, &missing) {
            self.picked(spec, &missing, &open.asked.choices, text, said)
        } else {
            None
        };
        let filled = match said {
            _ if picked.is_some() => picked,
            Answer::Skip => self.skip(spec, &missing),
            Answer::Nth(numbers)
                if !open.asked.choices.is_empty()
                    && !missing
                        .first()
                        .and_then(|slot| spec.slot(slot))
                        .is_some_and(|slot| matches!(slot.kind, Kind::Size | Kind::Count)) =>
            {
                let picked = numbers
                    .first()
                    .and_then(|number| open.asked.choices.get(number.checked_sub(1)?))
                    .map(|choice| choice.says.clone());
                picked
                    .and_then(|text| slots::read_answer(spec, &missing, &calls[at].args, &text, &self.context()))
                    .map(|filled| filled.values)
            }
            // "and web2?" asks about it.
            _ if wants_machines(spec, &missing) && text.contains('?') => None,
            // "the format should be raw" names what it fills.
            _ if self.is_command_instead(text, spec, &missing) || self.names_slot(spec, text) => None,
            _ if self.is_of_another(spec, text) => None,
            _ if wants_machines(spec, &missing) && self.spares(text) => None,
            _ if let Some(left) = self.not_denied(spec, &missing, text) => left,
            // "not 20 gigs", "20 gigs if there is room"
            _ if !matches!(said, Answer::Correction(_)) && self.denies_or_depends(text) => None,
            _ if self.tells_of_values(spec, text) => None,
            _ => slots::read_answer(spec, &missing, &calls[at].args, text, &self.context()).map(|filled| filled.values),
        };
        let all: Vec<&str> = missing.iter().chain(calls[at].args.keys()).map(String::as_str).collect();
        let picked = || self.picked(spec, &missing, &open.asked.choices, text, said);
        // "20 gigs, qcow2, data", where the size is known: all that is said, rather than what is sure.
        let most = || {
            let sure = self.gathered(spec, &all, text);
            match self.filled_by_clauses(spec, &missing, &calls[at].args, text) {
                Some((values, unread)) if sure.as_ref().is_none_or(|sure| sure.len() < values.len()) => {
                    Some((values, unread))
                }
                _ => sure.map(|values| (values, Vec::new())),
            }
        };
        let whole = filled.or_else(picked).map(|values| (values, Vec::new()));
        let Some((mut values, mut preface)) = whole.or_else(most) else {
            return if self.refuse(text) { Ok(()) } else { Err(Box::new(open)) };
        };
        if let Some(name) = self.renamed(spec, text, &mut values) {
            preface.retain(|phrase| *phrase != Phrase::not_followed(&name));
        }
        self.last_of_choices(spec, text, &mut values);
        preface.retain(|phrase| !values.iter().any(|(_, value)| *phrase == Phrase::not_followed(&value.to_string())));
        self.without_small_names(spec, text, &mut values);
        if values.is_empty() {
            return Err(Box::new(open));
        }
        // Which of those offered is no value that has to be shown once more, where it can be taken back.
        let reversible = |call: &Call| self.spec(call).is_some_and(|spec| spec.danger <= Danger::Reversible);
        let picked = wants_machines(spec, &missing) && calls.iter().all(reversible) && self.only_picks(&open, text);
        let whom = wants_machines(spec, &missing);
        if !whom {
            values.extend(self.known_beside(spec, &calls[at], text, &values));
        }
        let beside = if whom { Vec::new() } else { self.left_of_an_answer(spec, text, &values) };
        preface.extend(beside.iter().map(|words| Phrase::not_followed(words)));
        preface.dedup();
        calls[at].args.extend(values);
        let doubtful = doubtful | !beside.is_empty() | self.account(&calls, &mut preface);
        let planning = Planning {
            calls,
            path,
            took_turns: !picked,
            doubtful,
            purpose: Purpose::New,
            back_to: None,
            preface,
            tell: false,
            before: Some(Box::new(open)),
            then: Vec::new(),
        };
        self.resume_trace(&planning);
        self.complete(planning);
        Ok(())
    }

    /// "the lyon one", "db-test pardon": of what was offered, unless it is a question or a command of its own.
    fn picked(
        &self,
        spec: &Spec,
        missing: &[String],
        choices: &[Choice],
        text: &str,
        said: &Answer,
    ) -> Option<Vec<(String, Value)>> {
        let slot = missing.first()?;
        if text.contains('?') || !self.commands(text).is_empty() {
            return None;
        }
        let value = match wants_machines(spec, missing) {
            true => self.picked_machines(choices, text, said)?,
            false => {
                let choice = choices.get(self.picked_by_words(choices, text)?)?;
                grammar::read::parse(spec.slot(slot)?.kind, &choice.says, &self.context())?
            }
        };
        Some(vec![(slot.clone(), value)])
    }

    /// A whole command is that, even where a name is asked for; "call it status" names it so.
    fn is_command_instead(&self, text: &str, spec: &Spec, missing: &[String]) -> bool {
        let wants_name = missing
            .iter()
            .filter_map(|slot| spec.slot(slot))
            .any(|slot| matches!(slot.kind, Kind::NewName(_) | Kind::Name(_) | Kind::Machines));
        let known = grammar::kind::Of::ALL.iter().any(|of| self.around.known.has(*of, text.trim()).is_some());
        wants_name
            && !known
            && self
                .commands(text)
                .iter()
                .any(|(call, path)| *path == Path::Command && self.spec(call).is_some_and(|spec| !spec.planned))
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one question, taken apart once")]
    fn answer_confirm(
        &mut self,
        open: Open,
        text: &str,
        said: &Answer,
        plan: PlanRef,
        by_name: bool,
        path: Path,
        undoing: bool,
    ) -> Result<(), Box<Open>> {
        // "30, no, 20 was right"
        let turned = self.behind_a_turn(text);
        let head = &text[..text.len() - turned.len()];
        if !head.is_empty() && (self.with_other_values(&plan, head).is_some() || !self.named_in(head).is_empty()) {
            let said = answer(turned, &self.context());
            let unread = Phrase::not_followed(text);
            let read = match said {
                Answer::Yes | Answer::All | Answer::Both => Err(Box::new(open)),
                said => self.answer_confirm(open, turned, &said, plan, by_name, path, undoing),
            };
            if let Err(open) = read {
                self.show_after(unread, *open);
            }
            return Ok(());
        }
        let plan = self.without_those_asked_about(plan);
        let bare = |text: &str| {
            text.trim().trim_matches(|character| matches!(character, '"' | '\'' | '`' | '“' | '”' | '.')).to_lowercase()
        };
        // A name that is also an answer ("yes") is asked for in quotation marks, and counts only in them.
        let quoted = !plan.typed.starts_with('"') || text.trim().starts_with(['"', '\'', '`', '“']);
        let typed = bare(text) == bare(&plan.typed);
        // "disks of which machine?", "web1": behind a reminder a name may as well answer something else.
        if by_name && open.mentioned && typed {
            self.ask_again_after("once_more_passed", Open { reminded: false, mentioned: false, ..open });
            return Ok(());
        }
        // "all but the reboot", "the snapshot first"
        let steps = || self.with_fewer_steps(text, &plan.calls).or_else(|| self.with_step_first(text, &plan.calls));
        if let Some(calls) = Some(()).filter(|()| !undoing).and_then(|()| steps()) {
            return self.plan_anew(open, path, calls, Vec::new());
        }
        // "allez, à plus" takes leave, "fine, whatever" does not care.
        let agrees =
            matches!(said, Answer::Yes | Answer::All | Answer::Both) || agreed(text, &self.context()).is_some();
        if !by_name && agrees && self.yes_and_more(text) {
            self.ask_again_after("only_plain_yes", open);
            return Ok(());
        }
        // Right behind a list, "all" and "these two" may be of that list.
        if !by_name && open.reminded && !self.assents(text) && matches!(said, Answer::Yes | Answer::All | Answer::Both)
        {
            self.ask_again_after("only_plain_yes", Open { reminded: false, ..open });
            return Ok(());
        }
        if !undoing && self.leaves_all(&plan, text) {
            self.session.open = None;
            self.say_common("nothing_changed");
            return Ok(());
        }
        // "if cache is off, yes": nobody looks that up for a plan that is there already.
        if let Some(condition) = self.agrees_if(text) {
            let said = vec![self.dropped(&plan), Phrase::not_followed(condition)];
            self.session.open = None;
            self.say(Reply { head: said, ..Reply::default() });
            return Ok(());
        }
        let go = match said {
            // "yes, web1" types it too.
            _ if by_name => {
                let beside = || !text.contains('?') && bare(&self.without_agreement(text)) == bare(&plan.typed);
                quoted && !bare(&plan.typed).is_empty() && (typed || beside())
            }
            Answer::Yes => true,
            _ if text.contains('?') => false,
            Answer::Both => plan.subjects.len() == 2,
            Answer::All => plan.subjects.len() > 1,
            _ => {
                let deed = || self.agrees_untyped(&plan, text) && !self.holds_stop(text);
                plan.subjects.len() > 1 && typed || self.agrees_to(text, &plan) || self.agrees_and_asks(text) || deed()
            }
        };
        // "yes. and what disks does it have?"
        let then = if go || by_name || undoing { None } else { self.asked_behind_yes(text, &plan) };
        let go = go || then.is_some();
        if go && !by_name && halfhearted(text, &self.context()) {
            self.ask_again_after("only_plain_yes", open);
            return Ok(());
        }
        if go {
            let stale = if self.now().duration_since(open.at) > CONFIRM_WITHIN {
                Some("once_more")
            } else {
                open.passed.then_some("once_more_passed")
            };
            self.confirmed(plan, by_name, path, undoing, stale, then.unwrap_or_default());
            return Ok(());
        }
        match said {
            Answer::No => {
                self.session.open = None;
                self.say_common("nothing_changed");
                Ok(())
            }
            Answer::Yes => {
                self.ask_to_type(open, &plan);
                Ok(())
            }
            _ => {
                let corrected = || match said {
                    Answer::Correction(rest) if !self.holds_command(rest) => {
                        // "yes, but wait for mail1" is about no other machine.
                        let whom = |calls: &Vec<Call>| {
                            let same = |(one, other): (&Call, &Call)| one.args.get(TARGET) == other.args.get(TARGET);
                            calls.iter().zip(&plan.calls).all(same)
                        };
                        let agrees = agreed(text, &self.context()).is_some();
                        self.corrected(&plan, rest).filter(|calls| !agrees || whom(calls))
                    }
                    _ => None,
                };
                let otherwise = || {
                    let calls = self
                        .with_other_machines(&plan, text)
                        .or_else(corrected)
                        .or_else(|| self.with_other_values(&plan, text))
                        .or_else(|| self.with_other_values(&plan, self.without_the_old(text)?))
                        .or_else(|| self.with_several_values(&plan, text))
                        .or_else(|| self.only_some(text, &plan.calls))
                        .or_else(|| self.left_by_it(text, &plan.calls))?;
                    let mut left: Vec<Phrase> = self.left_of_a_correction(&plan, text).into_iter().collect();
                    let values = self.values_left(text, &calls);
                    // Of several clauses more may be read one by one.
                    if !values.is_empty()
                        && let Some((calls, left)) = self.changed_by_clauses(&plan, text)
                        && self.values_left(text, &calls).is_empty()
                    {
                        return Some((calls, left));
                    }
                    left.extend(values.into_iter().map(Phrase::not_followed));
                    Some((calls, left))
                };
                // "don't use raw"
                let forbids = self.forbids(text) && self.with_other_machines(&plan, text).is_none();
                let changed = match undoing || forbids {
                    true => None,
                    // "db1 first"
                    false => self
                        .with_first(text, &plan.calls)
                        .or_else(|| self.with_another_deed(text, &plan))
                        .map(|calls| (calls, Vec::new()))
                        .or_else(otherwise)
                        .or_else(|| Some((self.with_a_rider(&plan, text)?, Vec::new())))
                        .or_else(|| self.changed_by_clauses(&plan, text)),
                };
                match changed {
                    Some((calls, left)) => self.correct(open, path, calls, left),
                    None if self.moves_on_from_yes(&plan, &open, text) => Ok(()),
                    None if let Some(words) = self.beside_a_yes(text) => {
                        self.show_after(Phrase::common("left_over").with("words", words), open);
                        Ok(())
                    }
                    None if by_name && self.agrees_untyped(&plan, text) => {
                        self.ask_to_type(open, &plan);
                        Ok(())
                    }
                    None if self.refuse_plan(&plan, text) => Ok(()),
                    None if let Some(words) = self.only_talk_behind_yes(text) => {
                        self.show_after(Phrase::not_followed(&words), open);
                        Ok(())
                    }
                    None => Err(Box::new(open)),
                }
            }
        }
    }

    /// A plan whose subjects are only those that something is done to: a machine that is only asked about beside it is no second one.
    fn without_those_asked_about(&self, plan: PlanRef) -> PlanRef {
        let (changing, asking): (Vec<Call>, Vec<Call>) =
            plan.calls.iter().cloned().partition(|call| self.may_change(call));
        let (changed, asked) = (self.machines_of_all(&changing), self.machines_of_all(&asking));
        let mut plan = plan;
        plan.subjects.retain(|name| is_among(name, &changed) || !is_among(name, &asked));
        plan
    }

    /// A yes alone is not enough: what is to be typed.
    fn ask_to_type(&mut self, open: Open, plan: &PlanRef) {
        self.say(Reply::say(Phrase::common("type_it").with("typed", plan.typed.as_str())));
        self.session.open = Some(open);
    }

    /// "no, 30": the calls with that value.
    pub(crate) fn corrected(&self, plan: &PlanRef, rest: &str) -> Option<Vec<Call>> {
        let mut calls = plan.calls.clone();
        let cx = self.context();
        let several = plan.calls.iter().filter(|call| self.may_change(call)).count() > 1;
        calls.iter_mut().rev().find_map(|call| {
            let spec = self.book.spec(&call.skill)?;
            // "non, pas 30", "anything but raw"
            if self.only_denies(spec, rest) || self.only_denies(spec, &self.session.trace.text) {
                return None;
            }
            let filled: Vec<&str> = spec.slots.iter().map(|slot| slot.name).collect();
            let (slot, value) = slots::correction(spec, &filled, rest, &cx)?;
            // "no for the others", and "web2, not web1" where several wishes are about somebody, are read elsewhere, or not at all.
            let of_several = slot == TARGET && several;
            // "wait for bob", "make it a pause": no other name.
            let named = spec.slot(&slot).is_some_and(|slot| matches!(slot.kind, Kind::NewName(_)));
            let alone = cx.tokens(rest).len() == 1 && !several;
            if named && !alone && !cx.lexicon.holds(&cx.tokens(rest), &[Class::Calling, Class::Called]) {
                return None;
            }
            if of_several || matches!(value, Value::Machines(Selector::Others(_) | Selector::All)) {
                return None;
            }
            let value = self.in_its_unit(call.args.get(&slot), value, rest);
            call.args.insert(slot, value);
            Some(())
        })?;
        Some(calls)
    }

    /// "oui arrête" may as well call it off.
    fn holds_stop(&self, text: &str) -> bool {
        let cx = self.context();
        cx.lexicon.holds(&cx.tokens(text), &[Class::Stop, Class::Cancel])
    }

    /// The confirmation is void, and the corrected plan is shown and asked, with what of the text is not in it.
    fn correct(&mut self, open: Open, path: Path, calls: Vec<Call>, mut preface: Vec<Phrase>) -> Result<(), Box<Open>> {
        self.account(&calls, &mut preface);
        self.plan_anew(open, path, calls, preface)
    }

    fn plan_anew(&mut self, open: Open, path: Path, calls: Vec<Call>, preface: Vec<Phrase>) -> Result<(), Box<Open>> {
        let planning = Planning {
            calls,
            path,
            took_turns: true,
            doubtful: true,
            purpose: Purpose::New,
            back_to: None,
            preface,
            tell: false,
            before: Some(Box::new(open)),
            then: Vec::new(),
        };
        self.resume_trace(&planning);
        self.complete(planning);
        Ok(())
    }

    /// Agreed: the plan is made again; only if it is still the same is it applied. Too late: shown and asked once more.
    fn confirmed(
        &mut self,
        plan: PlanRef,
        by_name: bool,
        path: Path,
        undoing: bool,
        stale: Option<&str>,
        then: Vec<Call>,
    ) {
        let preface: Vec<Phrase> = stale.into_iter().map(Phrase::common).collect();
        let stale = stale.is_some();
        if undoing {
            let mut done = self.session.done_last().to_vec();
            done.retain(|done| plan.calls.contains(&done.call));
            if done.is_empty() {
                self.say_common("nothing_to_undo");
                return;
            }
            if self.is_too_old(&done, UNDO_WITHIN + CONFIRM_WITHIN) {
                return;
            }
            let digest = plan.digest;
            self.plan_undo(
                done,
                |done| if stale { Purpose::Undo(done) } else { Purpose::UndoConfirmed { done, digest } },
                path,
                stale,
                preface,
            );
            return;
        }
        let purpose = if stale { Purpose::New } else { Purpose::Confirmed { digest: plan.digest.clone(), by_name } };
        let planning = Planning {
            calls: plan.calls,
            path,
            took_turns: true,
            doubtful: true,
            purpose,
            back_to: None,
            preface,
            tell: false,
            before: None,
            then,
        };
        self.resume_trace(&planning);
        self.complete(planning);
    }

    fn answer_pick(&mut self, open: Open, text: &str, said: &Answer, options: Vec<Call>) -> Result<(), Box<Open>> {
        let picked = match said {
            Answer::Nth(numbers) => numbers.first().and_then(|number| options.get(number.checked_sub(1)?)),
            Answer::Yes if options.len() == 1 => options.first(),
            Answer::No => {
                self.session.open = None;
                self.say_common("nothing_changed");
                return Ok(());
            }
            _ => open
                .asked
                .choices
                .iter()
                .position(|choice| choice.says.eq_ignore_ascii_case(text.trim()))
                .and_then(|index| options.get(index)),
        };
        let named = self.named_in(text).len() > 1 || text.split([',', ';']).count() > 1 && self.turns_behind(text);
        if named && matches!(&open.about, About::Skills { text, .. } if text.is_empty()) {
            self.show_again(open);
            return Ok(());
        }
        let named = || self.picked_by_name(&options, text);
        let Some(call) = picked.cloned().or_else(named).or_else(|| self.picked_freely(&options, text)) else {
            return Err(Box::new(open));
        };
        self.begin(vec![call], Path::Understood, true, Vec::new(), Some(Box::new(open)));
        Ok(())
    }

    pub(crate) fn resume_trace(&mut self, planning: &Planning) {
        self.session.trace.path = Some(planning.path);
        self.session.trace.skill = planning.calls.first().map(|call| call.skill.clone());
        self.session.trace.confidence = 1.0;
    }
}
