//! A yes with something to it, put together by chance: nothing is done on it, and what is asked then holds all of it.

use super::talk::talk;
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [(&str, &str); 4] = [("web1", "running"), ("db1", "running"), ("mail", "running"), ("old", "off")];

/// By language: a plan of two, a yes, what joins more to it, and what is wished for besides.
const WORDS: [(&str, &[&str], &[&str], &[&str]); 2] = [
    (
        "shut down web1 and db1",
        &["yes", "ok", "go ahead", "sure"],
        &[" but first ", ", but ", " and also ", " and then "],
        &["snapshot mail", "start old", "reboot mail", "pause mail", "make tea", "frobnicate the thing"],
    ),
    (
        "éteins web1 et db1",
        &["oui", "vas-y", "ok", "d'accord"],
        &[" mais d'abord ", ", mais ", " et aussi ", " et ensuite "],
        &[
            "fais un instantané de mail",
            "démarre old",
            "redémarre mail",
            "mets mail en pause",
            "fais du thé",
            "zigouille le machin",
        ],
    ),
];

/// What the plan is, once it is picked from.
const WISHES: [(&str, [&str; 2]); 2] = [
    ("shut down web1 and reboot db1", ["actually only", "in fact just"]),
    ("éteins web1 et redémarre db1", ["en fait juste", "finalement seulement"]),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_yes_with_a_rider_does_nothing_and_a_plain_yes_after_it_nothing_that_was_not_shown(
        language in 0usize..2,
        yes in 0usize..4,
        joint in 0usize..4,
        rider in 0usize..6,
    ) {
        let (plan, yeses, joints, riders) = WORDS[language];
        let text = format!("{}{}{}", yeses[yes], joints[joint], riders[rider]);
        let turns = talk(&MACHINES, &[plan, &text, yeses[0]]);
        prop_assert!(turns[1].0.is_empty(), "{text}: {:?}", turns[1]);
        // A rider that was followed is part of what is done then; one that was not has nothing done, if it stood before the plan.
        let done = &turns[2].0;
        let followed = rider < 4;
        if !done.is_empty() && followed && joint != 1 {
            prop_assert!(done.len() == 3, "{text}: {done:?}");
        }
        if !followed && joint < 2 {
            prop_assert!(done.is_empty(), "{text}: {done:?}");
        }
    }

    #[test]
    fn of_two_wishes_only_the_one_that_is_picked_is_ever_done(
        language in 0usize..2,
        how in 0usize..2,
        (picks, done) in select(vec![
            (["the first", "la première"], "vm.shutdown web1"),
            (["the second", "la deuxième"], "vm.reboot db1"),
            (["the last one", "la dernière"], "vm.reboot db1"),
            (["web1", "web1"], "vm.shutdown web1"),
            (["db1", "db1"], "vm.reboot db1"),
        ]),
        mark in select(vec![", ", ". ", " - "]),
    ) {
        let (plan, turns) = &WISHES[language];
        let text = format!("{plan}{mark}{} {}", turns[how], picks[language]);
        let said = talk(&MACHINES, &[&text, if language == 0 { "yes" } else { "oui" }]);
        prop_assert!(said[0].0.is_empty(), "{text}: {:?}", said[0]);
        prop_assert!(said[1].0.is_empty() || said[1].0 == [done], "{text}: {:?}", said[1]);
    }

    #[test]
    fn a_word_that_points_is_no_machine_after_a_thing_was_spoken_of(
        thing in select(vec!["do you start with the host?", "is the firewall up?", "what about nginx", "is the backup job on?"]),
        wish in select(vec!["turn that on", "start it", "turn it off", "restart it", "stop that"]),
    ) {
        let machines = [("web1", "off"), ("db1", "running")];
        let turns = talk(&machines, &["status of web1", thing, wish]);
        prop_assert!(turns[2].0.is_empty(), "{thing} {wish}: {:?}", turns[2]);
    }
}
