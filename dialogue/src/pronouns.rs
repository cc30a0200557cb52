//! "it" is what this message names; else what was just spoken of. What disturbs a machine that only a pronoun names is asked about by name.

use std::collections::BTreeSet;

use grammar::kind::Kind;
use grammar::lexicon::Class;
use grammar::read;
use grammar::selector::Selector;
use grammar::value::Value;
use jiff::SignedDuration;

use crate::machine::Turn;
use crate::session::Call;
use crate::spec::{Danger, Scope, Spec, TARGET};

/// How long another machine that was named may still be "it".
const ANOTHER: SignedDuration = SignedDuration::from_mins(10);

/// Whether a call means its machine by a word that points back.
fn points_back(call: &Call) -> bool {
    matches!(call.args.get(TARGET), Some(Value::Machines(Selector::It | Selector::Same)))
}

impl Turn<'_> {
    /// Has "it" be the machine that the call before names, else the only one that the message names; where it names several, nobody is meant.
    pub(crate) fn name_its(&self, text: &str, calls: &mut [Call]) {
        let mut last: Option<Value> = None;
        for call in calls {
            if points_back(call) {
                let named = last.clone().or_else(|| {
                    let names = self.named_in(text);
                    match names.len() {
                        0 => call.args.get(TARGET).cloned(),
                        1 => Some(Value::Machines(Selector::Names(names.into_iter().collect()))),
                        _ => None,
                    }
                });
                match named {
                    Some(value) => call.args.insert(TARGET.to_owned(), value),
                    None => call.args.remove(TARGET),
                };
            }
            if let Some(names @ Value::Machines(Selector::Names(_))) = call.args.get(TARGET) {
                last = Some(names.clone());
            }
        }
    }

    /// Whether a word stands for what was last spoken of: "it".
    pub(crate) fn is_pronoun(&self, word: &str) -> bool {
        let cx = self.context();
        cx.lexicon.longest(&cx.tokens(word), Class::It).is_some()
    }

    /// Machines that a text names.
    fn named_in(&self, text: &str) -> BTreeSet<String> {
        let found = read::find(Kind::Machines, text, &self.context()).into_iter();
        found
            .filter_map(|found| match found.value {
                Value::Machines(Selector::Names(names)) => Some(names),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// Whether only what was spoken of before says which machine a call would disturb. Said to a machine itself, that one is meant.
    pub(crate) fn is_only_pointed_at(&self, spec: &Spec, call: &Call) -> bool {
        let back =
            matches!(call.args.get(TARGET), Some(Value::Machines(Selector::It | Selector::Same | Selector::Nth(_))));
        let others = || self.session.others.is_some_and(|at| self.now().duration_since(at) < ANOTHER);
        back && spec.danger >= Danger::Disruptive && (self.around.scope != Scope::Machine || others())
    }

    /// Remembers that somebody speaks to one machine of another: "it" may then be that one.
    pub(crate) fn note_others(&mut self, text: &str) {
        if self.around.scope != Scope::Machine {
            return;
        }
        let named = self.named_in(text);
        let own = named.iter().any(|name| name.eq_ignore_ascii_case(self.around.entity));
        match (named.is_empty(), own && named.len() == 1) {
            (true, _) => {}
            (false, true) => self.session.others = None,
            (false, false) => self.session.others = Some(self.now()),
        }
    }
}
