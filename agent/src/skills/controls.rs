//! The words that steer a conversation: cancel, repeat, undo, yes, no, again, more.
//!
//! What they do is in the conversation machine, which knows what is open; here they are declared, so that their words
//! are learnt, their patterns matched and their help shown like those of every other skill.

use dialogue::reply::Phrase;
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::Kind;

use super::ANYWHERE;
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

/// A control of the conversation.
pub struct Control(&'static Spec);

/// "never mind": drops the open question.
pub static CANCEL: Control = Control(&SPECS[0]);
/// "what?": says the last thing again.
pub static REPEAT: Control = Control(&SPECS[1]);
/// "undo that": takes back the last thing done, planned afresh.
pub static UNDO: Control = Control(&SPECS[2]);
/// "yes" to the open question.
pub static YES: Control = Control(&SPECS[3]);
/// "no" to the open question.
pub static NO: Control = Control(&SPECS[4]);
/// "same again but 4 cores": the last thing again, with other values.
pub static AGAIN: Control = Control(&SPECS[5]);
/// "more": the rest of a list that was cut.
pub static MORE: Control = Control(&SPECS[6]);

static SPECS: [Spec; 7] = [
    control("talk.cancel", &[]),
    control("talk.repeat", &[]),
    control("talk.undo", &[]),
    control("talk.yes", &[]),
    control("talk.no", &[]),
    control("talk.again", &[Slot::optional("rest", Kind::Text)]),
    control("talk.more", &[]),
];

const fn control(id: &'static str, slots: &'static [Slot]) -> Spec {
    Spec {
        id,
        category: Category::Talk,
        scopes: ANYWHERE,
        danger: Danger::Read,
        role: Role::Viewer,
        slots,
        allocates: false,
        planned: false,
    }
}

impl Skill for Control {
    fn spec(&self) -> &'static Spec {
        self.0
    }

    fn plan(&self, _: &Args, _: &Scene<'_>) -> Result<Plan, Stop> {
        // Never reached: the machine acts on controls itself.
        Err(Refusal::Unsupported { what: Phrase::common("not_understood") }.into())
    }
}
