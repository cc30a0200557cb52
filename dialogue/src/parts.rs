//! What stands beside a wish in one message: "good to know. please start web2", "hm, lab-1 is acting up. reset lab-1", "did I break
//! something? are you running?". A plain aside is passed over, a question nobody followed is named, and anything weightier has what
//! would be changed asked about. A wish that is not understood is never passed over.

use grammar::condition::condition;
use grammar::frame::{Part, Stance, begins_with_verb, is_plain};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read;
use grammar::value::Value;

use crate::machine::Turn;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::session::Call;
use crate::several::weighs;
use crate::spec::Danger;
use crate::topics;
use crate::understand::Understanding;

/// So many words tell something; fewer may belong to a name.
const TELLS: usize = 3;
/// Marks that quote.
const QUOTES: [char; 6] = ['"', '`', '“', '”', '«', '»'];

impl Turn<'_> {
    /// Goes on behind a part that was understood.
    pub(crate) fn next_after(&mut self, call: Call, understanding: Understanding) {
        self.next_after_all(vec![call], understanding);
    }

    /// Goes on with what a part was cut into.
    pub(crate) fn next_of(&mut self, parts: Vec<Part>, mut understanding: Understanding) {
        parts.into_iter().rev().for_each(|part| understanding.rest.push_front(part));
        understanding.part = understanding.rest.pop_front();
        self.next_part(understanding);
    }

    /// The same of a part that holds several wishes, or none.
    pub(crate) fn next_after_all(&mut self, calls: Vec<Call>, mut understanding: Understanding) {
        understanding.calls.extend(calls);
        understanding.part = understanding.rest.pop_front();
        self.next_part(understanding);
    }

    /// Goes on without the part in hand, if something else of the message is wanted; gives all back otherwise.
    pub(crate) fn pass_over(
        &mut self,
        mut understanding: Box<Understanding>,
        part: &Part,
        guessed: bool,
    ) -> Result<(), Box<Understanding>> {
        let cx = self.context();
        let depends = |part: &Part| condition(&part.raw, &cx, |_| false).is_some();
        let asks = |part: &Part| part.stance == Stance::Request || part.question || depends(part);
        let else_wanted = !understanding.calls.is_empty() || understanding.rest.iter().any(asks);
        // What leaves something out is about everything beside it; what may have been guessed is offered. Beside a change that names no
        // machine ("éteindre et rallumer a réglé le souci") all of it may be talk.
        let unnamed = |call: &Call| self.may_change(call) && !self.names_a_machine(call);
        let matters = guessed || weighs(&part.raw, &cx) || understanding.calls.iter().any(unnamed);
        let wanted =
            !understanding.cut && part.stance == Stance::Request && begins_with_verb(&part.text, &cx) && matters;
        // "pause all. not db1": who is named there may be left out of the rest.
        let set = cx.lexicon.holds(&cx.tokens(&understanding.text), &[Class::All, Class::Everything]);
        let weighty = set && matches!(part.stance, Stance::Negated | Stance::Request);
        // "shut down all, and leave the databases on": whoever they are.
        if set && else_wanted && part.stance == Stance::Negated {
            self.refuse_unread("left_over_except", part.raw.trim().to_owned(), &[]);
            return Ok(());
        }
        let leaves_out = weighty && !self.named_in(&part.raw).is_empty();
        // "stop both. in fact just the first": which of them, then?
        let picks = cx.lexicon.longest_of(&cx.tokens(&part.raw), &[Class::Only, Class::Meant]).is_some()
            && (cx.lexicon.holds(&cx.tokens(&part.raw), &[Class::Ordinal, Class::Number, Class::It])
                || !self.named_in(&part.raw).is_empty());
        if !else_wanted || wanted || part.wish || leaves_out || picks && !understanding.calls.is_empty() {
            return Err(understanding);
        }
        if part.stance == Stance::Request && (begins_with_verb(&part.text, &cx) || part.polite) {
            understanding.wishes.push(Phrase::not_followed(&part.raw));
        }
        match part.stance {
            // What may have been wanted, too, is named.
            Stance::Report | Stance::Request if part.question => {
                understanding.doubtful = true;
                understanding.preface.push(Phrase::not_followed(&part.raw));
            }
            Stance::Request => {
                let plain = self.says_nothing_of_it(part);
                understanding.beside.push((Phrase::not_followed(&part.raw), plain));
            }
            Stance::Report if self.says_nothing_of_it(part) => {
                understanding.path = understanding.path.min(Path::Understood);
            }
            // "it needs to be on for Sunday. can you turn it on?"
            Stance::Hypothetical if !part.question && understanding.calls.is_empty() => understanding.doubtful = true,
            // "start and tell me whether it stays up"
            Stance::HowTo
                if part.question && self.named_in(&part.raw).is_empty() || !understanding.calls.is_empty() =>
            {
                understanding.doubtful = true;
                understanding.preface.push(Phrase::not_followed(&part.raw));
            }
            Stance::HowTo | Stance::Hypothetical => return Err(understanding),
            _ => understanding.doubtful = true,
        }
        // "web1 is slow. reboot it": that one.
        let names =
            read::find(Kind::Name(Of::Machine), &part.raw, &cx).into_iter().filter_map(|found| match found.value {
                Value::Name(name) => self.around.known.has(Of::Machine, &name),
                _ => None,
            });
        self.session.focus_on(names.collect());
        self.next_after_all(Vec::new(), *understanding);
        Ok(())
    }

    /// Behind a wish that was understood, one that is not is named, and the rest is asked about; where it may take that back, nothing is done.
    pub(crate) fn go_on_without(
        &mut self,
        mut understanding: Box<Understanding>,
        part: &Part,
    ) -> Result<(), Box<Understanding>> {
        let cx = self.context();
        let changes = |call: &&Call| self.may_change(call);
        // "éteindre et rallumer a réglé le souci": where nobody is named, all of it may be talk.
        let named = understanding.calls.iter().filter(changes).all(|call| self.names_a_machine(call));
        if !understanding.calls.iter().any(|call| self.may_change(call)) || !named {
            return Err(understanding);
        }
        const TURNS: [Class; 8] = [
            Class::If,
            Class::Conditional,
            Class::Recants,
            Class::Not,
            Class::Denied,
            Class::No,
            Class::Except,
            Class::Spare,
        ];
        let all = cx.tokens(&part.text);
        // "and tell me when it is done"
        let told = cx.lexicon.longest(&all, Class::Asking).is_some();
        if !told && cx.lexicon.holds(&all, &TURNS) {
            self.refuse_unread("left_over_machine", part.raw.trim().to_owned(), &[]);
            return Ok(());
        }
        understanding.doubtful = true;
        understanding.preface.push(Phrase::not_followed(&part.raw));
        self.next_after_all(Vec::new(), *understanding);
        Ok(())
    }

    /// Whether a part tells something that can't change what is wanted beside it: it is long enough for that, and names, counts, dates,
    /// leaves out and quotes nothing.
    fn says_nothing_of_it(&self, part: &Part) -> bool {
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        let known = all.iter().all(|t| cx.lexicon.contains(&t.folded));
        // A sentence of several words is nobody's name, whatever strange one is in it.
        let enough = if known || all.len() > TELLS { 1 } else { TELLS };
        let long = topics::words(&part.raw).len() >= enough && all.len() >= TELLS - 1 && !part.raw.contains(QUOTES);
        // "after a snapshot", "an hour ago"
        let timed = cx.lexicon.longest_of(&all, &[Class::Weighs, Class::Where]).is_some();
        // "call it castle" gives a name that somebody will look for.
        let gives = cx.lexicon.holds(&all, &[Class::Calling, Class::Called]);
        let told = part.stance == Stance::Report || !weighs(&part.raw, &cx);
        long && told && !timed && !gives && !cx.lexicon.holds(&all, &[Class::Ago]) && is_plain(&part.raw, &cx)
    }

    /// What was said beside a change is named, and has it asked about; beside a question it is of no interest.
    pub(crate) fn weigh_asides(&self, understanding: &mut Understanding) {
        let mut beside = std::mem::take(&mut understanding.beside);
        if !understanding.calls.iter().any(|call| self.may_change(call)) {
            // A wish is of interest, whatever is asked beside it.
            let wishes = std::mem::take(&mut understanding.wishes);
            understanding.preface.extend(wishes.into_iter().filter(|_| !understanding.calls.is_empty()));
            return;
        }
        if beside.is_empty() {
            return;
        }
        understanding.path = understanding.path.min(Path::Understood);
        let disturbs = |call: &Call| self.spec(call).is_none_or(|spec| spec.danger > Danger::Reversible);
        let disturbs = understanding.calls.iter().any(disturbs);
        // "that explains it! start": what says nothing is beside what can be taken back without a question.
        beside.retain(|(_, plain)| disturbs || !plain);
        understanding.doubtful |= !beside.is_empty();
        understanding.preface.extend(beside.into_iter().map(|(said, _)| said));
    }
}

/// What was passed over is of no interest when nothing of the message was understood.
pub(crate) fn without_asides(mut preface: Vec<Phrase>) -> Vec<Phrase> {
    preface.retain(|phrase| !phrase.is_not_followed());
    preface
}
