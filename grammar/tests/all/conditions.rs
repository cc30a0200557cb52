//! What has to be so before something is done, in both languages: what is said is what is looked up, and never its opposite.

use grammar::condition::{Fact, How, What, condition};
use grammar::selector::State;

use crate::{cx, french};

/// Of these, each says that there is none.
const NONE: [&str; 10] = [
    "if web1 has no snapshots, stop it",
    "if web1 has no snapshot yet, stop it",
    "if web1 doesn't have a snapshot, stop it",
    "if web1 doesn't have any snapshots, stop it",
    "stop it unless web1 has a snapshot",
    "si web1 n'a aucun snapshot, arrête-la",
    "si web1 n'a pas de snapshot, arrête-la",
    "si web1 n'a pas encore d'instantané, arrête-la",
    "si web1 a aucun instantané, arrête-la",
    "arrête-la sauf si web1 a un instantané",
];
/// And each of these that there are some.
const SOME: [&str; 5] = [
    "if web1 has a snapshot, stop it",
    "if web1 has snapshots, stop it",
    "si web1 a un instantané, arrête-la",
    "si web1 a des snapshots, arrête-la",
    "si web1 a déjà un snapshot, arrête-la",
];

#[test]
fn none_is_none_and_some_is_some() {
    for (texts, negated) in [(&NONE[..], true), (&SOME[..], false)] {
        for text in texts {
            let said_in = if text.starts_with("if") || text.starts_with("stop") { cx() } else { french() };
            let found = condition(text, &said_in, |_| false).map(|(condition, _)| condition);
            let fact = Fact::Has(What::Snapshots, How::AtLeast, 1);
            assert_eq!(found.map(|found| (found.fact, found.negated)), Some((fact, negated)), "{text}");
        }
    }
}

#[test]
fn not_running_is_not_running() {
    let said = [
        ("if web1 is not running, start it", true),
        ("if web1 isn't running, start it", true),
        ("if web1 is running, stop it", false),
        ("si web1 ne tourne pas, démarre-la", true),
        ("si web1 n'est pas en marche, démarre-la", true),
        ("si web1 tourne, arrête-la", false),
        ("si web1 tourne pas, démarre-la", true),
    ];
    for (text, negated) in said {
        let said_in = if text.starts_with("if") { cx() } else { french() };
        let found = condition(text, &said_in, |_| false).map(|(condition, _)| (condition.fact, condition.negated));
        let off = (Fact::State(State::Off), false);
        let expected = (Fact::State(State::Running), negated);
        assert!(found == Some(expected) || negated && found == Some(off), "{text}: {found:?}");
    }
}
