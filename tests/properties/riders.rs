//! A yes with something to it, put together by chance: nothing is done on it, and what is asked then holds all of it.

use super::talk::talk;
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [(&str, &str); 4] = [("web1", "running"), ("db1", "running"), ("mail", "running"), ("old", "off")];

/// Words to choose from.
type Words = &'static [&'static str];

/// By language: a plan of two, a yes, what joins more to it, and what is wished for besides.
const WORDS: [(&str, Words, Words, Words); 2] = [
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

/// What is said to a plan for web1 and db1, and whom it may be about from then on: no other machine, and none that is denied.
const NARROWED: [(&str, Words); 24] = [
    ("no for db1", &["web1"]),
    ("yes, db1 not", &["web1"]),
    ("Yes. No db1.", &["web1"]),
    ("web1 yes, db1 no", &["web1"]),
    ("web1 ok db1 no", &["web1"]),
    ("yes for web1, no for db1", &["web1"]),
    ("yes for db1", &["db1"]),
    ("only the first", &["web1"]),
    ("just db1", &["db1"]),
    ("not web1 either", &["db1"]),
    ("yes to one", &[]),
    ("yes, but wait for mail", &[]),
    ("yes if mail is off", &[]),
    ("yes but db1 first", &["web1", "db1"]),
    ("yes starting with db1", &["web1", "db1"]),
    ("yes but not before mail is off", &[]),
    ("oui, db1 non", &["web1"]),
    ("web1 oui, db1 non", &["web1"]),
    ("non pour db1", &["web1"]),
    ("oui pour db1", &["db1"]),
    ("seulement la première", &["web1"]),
    ("oui mais attends mail", &[]),
    ("oui mais pas avant que mail soit en pause", &[]),
    ("et web1 non plus", &["db1"]),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_of_a_plan_never_has_anything_done_that_it_denies(
        (said, may) in select(NARROWED.to_vec()),
        wish in select(vec!["stop", "reboot", "pause", "shut down"]),
    ) {
        let plan = format!("{wish} web1 and db1");
        let turns = talk(&MACHINES, &[&plan, said, "yes"]);
        prop_assert!(turns[1].0.is_empty(), "{plan} / {said}: {:?}", turns[1]);
        let strange = turns[2].0.iter().find(|deed| !may.iter().any(|name| deed.ends_with(&format!(" {name}"))));
        prop_assert!(strange.is_none(), "{plan} / {said}: {:?}", turns[2]);
    }

    #[test]
    fn what_goes_first_is_done_first_wherever_it_is_said(
        (before, after) in select(vec![
            ("stop web1, ", "snapshot it first"), ("stop web1, but ", "first snapshot it"), ("stop web1 but ", "snapshot it beforehand"),
            ("éteins web1, mais ", "d'abord fais un instantané de web1"), ("éteins web1, ", "fais un instantané de web1 d'abord"),
        ]),
    ) {
        let turns = talk(&MACHINES, &[&format!("{before}{after}"), if before.starts_with('s') { "yes" } else { "oui" }]);
        prop_assert!(turns[0].0.is_empty(), "{before}{after}: {:?}", turns[0]);
        let done = &turns[1].0;
        prop_assert!(done.is_empty() || *done == ["snapshot.create web1", "vm.shutdown web1"], "{before}{after}: {done:?}");
    }

    #[test]
    fn the_first_of_two_is_the_one_that_was_named_first(swapped: bool, state in select(vec!["how are", "status of"])) {
        let (one, two) = if swapped { ("web1", "db1") } else { ("db1", "web1") };
        let turns = talk(&MACHINES, &[&format!("{state} {one} and {two}"), "snapshot the first one", "yes"]);
        let done: Vec<&String> = turns.iter().flat_map(|(done, _)| done).collect();
        prop_assert!(done.iter().all(|deed| deed.ends_with(one)), "{one}, {two}: {done:?}");
    }

    #[test]
    fn what_is_undone_is_what_is_named(name in select(vec!["web1", "db1"]), only in select(vec!["undo only ", "undo it for ", "annule seulement "])) {
        let turns = talk(&MACHINES, &["pause web1 and db1", "yes", &format!("{only}{name}"), "yes"]);
        let done = &turns[3].0;
        prop_assert!(done.iter().all(|deed| deed.ends_with(name)), "{only}{name}: {done:?}");
    }
}
