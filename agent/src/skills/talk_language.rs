//! "parle français": from here on this person is answered in that language, whatever they write in.
//!
//! The conversation itself changes its language, as it does for a text that is clearly written in another; here the words
//! for it are declared.

use dialogue::reply::Phrase;
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::Kind;

use super::ANYWHERE;
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

/// The skill.
pub struct TalkLanguage;

static SPEC: Spec = Spec {
    id: "talk.language",
    category: Category::Talk,
    scopes: ANYWHERE,
    danger: Danger::Reversible,
    role: Role::Viewer,
    // By ISO 639-1; more than are spoken, so that the others are understood and answered.
    slots: &[Slot::optional("language", Kind::Choice(&["en", "fr", "de", "es", "it", "nl"]))],
    allocates: false,
    planned: false,
};

impl Skill for TalkLanguage {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, _: &Scene<'_>) -> Result<Plan, Stop> {
        // Never reached: the conversation acts on it itself.
        Err(Refusal::Unsupported { what: Phrase::common("not_understood") }.into())
    }
}
