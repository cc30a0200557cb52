//! Whom a word stands for that only points: "them" right after a list, "all of them", "that" right after a snapshot was taken.

use grammar::kind::Kind;
use grammar::lexicon::Class;
use grammar::value::Value;

use crate::gist::LIST;
use crate::machine::Turn;
use crate::session::Call;
use crate::spec::{Danger, Slot, TARGET};

impl Turn<'_> {
    /// "start them", right after some were listed: those.
    pub(crate) fn all_listed(&self) -> Option<Vec<String>> {
        let last = self.session.last.as_ref()?.calls.last()?;
        let listed = &self.session.listed;
        let meant = last.skill == LIST && listed.len() > 1 && self.means_many(&self.session.trace.text);
        meant.then(|| listed.clone())
    }

    /// The thing of that kind that was made or named last, where a text only points at it.
    pub(crate) fn just_made(&self, slot: &Slot, call: &Call) -> Option<String> {
        let cx = self.context();
        let points = cx.lexicon.holds(&cx.tokens(&self.session.trace.text), &[Class::It]);
        let chosen = call.args.keys().any(|name| name != TARGET);
        let last = self.session.last.as_ref()?.calls.last()?;
        let spec = self.spec(last).filter(|spec| points && !chosen && spec.danger > Danger::Read)?;
        let named = spec
            .slots
            .iter()
            .find(|own| matches!((own.kind, slot.kind), (Kind::NewName(one), Kind::Name(other)) if one == other));
        match last.args.get(named?.name)? {
            Value::Name(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// Whether a text says "all of them", and not which.
    pub(crate) fn of_those(&self) -> bool {
        let cx = self.context();
        cx.lexicon.holds(&cx.tokens(&self.session.trace.text), &[Class::AllOfThem])
    }

    /// The machines that the last exchange was about, or listed, if they are several.
    pub(crate) fn spoken_together(&self) -> Option<Vec<String>> {
        let last = self.session.last.as_ref()?.calls.last()?;
        let listed = (last.skill == LIST).then_some(&self.session.listed);
        listed.or(self.session.focus.first()).filter(|names| names.len() > 1).cloned()
    }

    /// The machines that "it" may be, where several were spoken of.
    pub(crate) fn pointed_at(&self) -> Option<Vec<String>> {
        let cx = self.context();
        let all = cx.tokens(&self.session.trace.text);
        let points = cx.lexicon.holds(&all, &[Class::It]) && !cx.lexicon.holds(&all, &[Class::Others]);
        self.session.focus.first().filter(|names| names.len() > 1 && points).cloned()
    }
}
