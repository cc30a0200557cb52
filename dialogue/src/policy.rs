//! What is done at once, what is asked first, and how: the one place where danger turns into a question.

use crate::spec::Danger;
use serde::{Deserialize, Serialize};

/// How a sentence was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// Not at all.
    None,
    /// The classifier has an idea, no more.
    Guess,
    /// The classifier is sure, or a typo was mended, or the person picked one of several.
    Understood,
    /// The command grammar consumed the whole utterance.
    Command,
}

/// What is done with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Done.
    Do,
    /// Done, saying what was understood.
    Tell,
    /// Asked: yes or no.
    Ask,
    /// Asked: the name must be typed.
    Type,
    /// Not even planned: offered among others.
    Offer,
}

/// What besides danger and path weighs in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// The slots took more than one turn.
    pub took_turns: bool,
    /// It takes storage.
    pub allocates: bool,
    /// On how many machines at once.
    pub subjects: usize,
    /// The message came late, or edits one that was already acted on, or is an offer the person picked.
    pub doubtful: bool,
    /// The configuration wants disruptive commands asked.
    pub ask_disruptive: bool,
}

/// The table. Whatever the circumstances, nothing above [`Danger::Reversible`] comes out as [`Gate::Do`] or [`Gate::Tell`] unless the
/// path is [`Path::Command`], and nothing destructive or of authority ever does.
///
/// ```
/// use dialogue::policy::{Circumstances, Gate, Path, gate};
/// use dialogue::spec::Danger;
/// let plain = Circumstances { subjects: 1, ..Circumstances::default() };
/// assert_eq!(gate(Danger::Disruptive, Path::Command, plain), Gate::Do);
/// assert_eq!(gate(Danger::Disruptive, Path::Understood, plain), Gate::Ask);
/// assert_eq!(gate(Danger::Destructive, Path::Command, plain), Gate::Type);
/// assert_eq!(gate(Danger::Reversible, Path::Guess, plain), Gate::Offer);
/// ```
pub fn gate(danger: Danger, path: Path, with: Circumstances) -> Gate {
    if path <= Path::Guess {
        return Gate::Offer;
    }
    let many = with.subjects > 1;
    match danger {
        Danger::Read => Gate::Do,
        Danger::Reversible if with.took_turns || with.allocates || with.doubtful || many => Gate::Ask,
        Danger::Reversible if path == Path::Command => Gate::Do,
        Danger::Reversible => Gate::Tell,
        Danger::Disruptive
            if path == Path::Command
                && !with.doubtful
                && !with.ask_disruptive
                && !with.took_turns
                && !with.allocates
                && !many =>
        {
            Gate::Do
        }
        Danger::Disruptive => Gate::Ask,
        Danger::Destructive => Gate::Type,
        Danger::Authority => Gate::Ask,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dangers() -> impl Strategy<Value = Danger> {
        prop_oneof![
            Just(Danger::Read),
            Just(Danger::Reversible),
            Just(Danger::Disruptive),
            Just(Danger::Destructive),
            Just(Danger::Authority)
        ]
    }

    fn paths() -> impl Strategy<Value = Path> {
        prop_oneof![Just(Path::None), Just(Path::Guess), Just(Path::Understood), Just(Path::Command)]
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_done_unasked_but_a_plain_command(
            danger in dangers(), path in paths(), took_turns: bool, allocates: bool, doubtful: bool, ask_disruptive: bool, subjects in 0usize..30,
        ) {
            let with = Circumstances { took_turns, allocates, subjects, doubtful, ask_disruptive };
            let done = matches!(gate(danger, path, with), Gate::Do | Gate::Tell);
            prop_assert!(!(done && danger >= Danger::Destructive));
            prop_assert!(!(done && danger == Danger::Disruptive && (path != Path::Command || doubtful || subjects > 1)));
            prop_assert!(!(done && danger != Danger::Read && (subjects > 1 || doubtful || allocates)));
            prop_assert!(!(done && path <= Path::Guess));
        }

        #[test]
        fn more_danger_never_asks_less(path in paths(), took_turns: bool, doubtful: bool, subjects in 0usize..30) {
            let with = Circumstances { took_turns, doubtful, subjects, ..Circumstances::default() };
            let strictness = |danger| match gate(danger, path, with) {
                Gate::Do => 0, Gate::Tell => 1, Gate::Ask => 2, Gate::Type => 3, Gate::Offer => 4,
            };
            prop_assert!(strictness(Danger::Read) <= strictness(Danger::Reversible));
            prop_assert!(strictness(Danger::Reversible) <= strictness(Danger::Disruptive));
            prop_assert!(strictness(Danger::Disruptive) <= strictness(Danger::Destructive));
        }
    }
}
