//! All of a message counts, put together by chance: what takes a wish back behind it, what says which of a set is meant, what is to be
//! first, and what "undo" is about.

use super::talk::talk;
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [(&str, &str); 4] = [("web1", "running"), ("web2", "running"), ("db1", "running"), ("old", "off")];

/// A wish for web1 alone, by language.
const WISHES: [[&str; 4]; 2] = [
    ["shut down web1", "reboot web1", "pause web1", "stop web1"],
    ["éteins web1", "redémarre web1", "mets web1 en pause", "arrête web1"],
];
const YES: [&str; 2] = ["yes", "oui"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_takes_a_wish_back_behind_it_leaves_nothing_for_a_yes(
        language in 0usize..2,
        wish in 0usize..4,
        mark in select(vec![". ", ", ", "... "]),
        back in 0usize..6,
    ) {
        const BACK: [[&str; 6]; 2] = [
            ["hmm no don't", "no wait", "hm, don't, leave it on", "no, don't do it", "ah no, not web1", "no no leave web1 alone"],
            ["euh non", "non attends", "enfin non, laisse", "non, ne le fais pas", "ah non, pas web1", "non non laisse web1 tranquille"],
        ];
        let text = format!("{}{mark}{}", WISHES[language][wish], BACK[language][back]);
        let turns = talk(&MACHINES, &[&text, YES[language]]);
        prop_assert!(turns[0].0.is_empty() && turns[1].0.is_empty(), "{text}: {turns:?}");
    }

    #[test]
    fn which_of_a_set_is_meant_is_never_passed_over(
        language in 0usize..2,
        which in 0usize..5,
        verb in 0usize..3,
    ) {
        const SETS: [[&str; 5]; 2] = [
            ["all demo machines", "every important machine", "all the idle vms", "one of the webs", "any of web1 and web2"],
            ["toutes les machines de démo", "toutes les machines importantes", "tous les workers", "une des web", "l'une de web1 et web2"],
        ];
        const VERBS: [[&str; 3]; 2] = [["shut down", "reboot", "pause"], ["éteins", "redémarre", "arrête"]];
        let text = format!("{} {}", VERBS[language][verb], SETS[language][which]);
        let turns = talk(&MACHINES, &[&text, YES[language]]);
        prop_assert!(turns[0].0.is_empty() && turns[1].0.is_empty(), "{text}: {turns:?}");
    }

    #[test]
    fn who_is_to_be_first_is_first(
        language in 0usize..2,
        first in select(vec!["web1", "db1"]),
        form in 0usize..5,
        behind: bool,
    ) {
        const FORMS: [[&str; 5]; 2] = [
            ["{} first", "but {} first", "first {}", "and {} first please", "{} beforehand"],
            ["{} d'abord", "mais {} d'abord", "d'abord {}", "et {} en premier", "{} en premier"],
        ];
        let plan = ["shut down web1 and db1", "éteins web1 et db1"][language];
        let said = FORMS[language][form].replace("{}", first);
        let one = format!("{plan}, {said}");
        let turns = match behind {
            true => talk(&MACHINES, &[&one, YES[language]]),
            false => talk(&MACHINES, &[plan, &said, YES[language]]),
        };
        let done = &turns.last().expect("a turn").0;
        let second = if first == "web1" { "db1" } else { "web1" };
        let kept = [format!("vm.shutdown {first}"), format!("vm.shutdown {second}")];
        // Who is not followed does nothing; what is done is done in that order.
        prop_assert!(done.is_empty() || done[..] == kept, "{one}: {turns:?}");
    }

    #[test]
    fn what_was_done_in_one_go_is_taken_back_in_one_go(
        language in 0usize..2,
        plan in 0usize..3,
        undo in 0usize..3,
    ) {
        const PLANS: [[&str; 3]; 2] = [
            ["pause web1 and db1", "shut down web1 and start old", "start old, pause web1 and db1"],
            ["mets en pause web1 et db1", "éteins web1 et démarre old", "démarre old, mets en pause web1 et db1"],
        ];
        const UNDO: [[&str; 3]; 2] = [["undo", "undo that", "put it back as it was"], ["défais", "défais ça", "remets tout comme avant"]];
        let yes = YES[language];
        let turns = talk(&MACHINES, &[PLANS[language][plan], yes, UNDO[language][undo], yes]);
        let machines = |done: &[String]| {
            let mut names: Vec<&str> = done.iter().filter_map(|one| one.split_once(' ')).map(|(_, name)| name).collect();
            names.sort();
            names.join(" ")
        };
        prop_assert!(turns[2].0.is_empty(), "never unasked: {turns:?}");
        let (done, undone) = (machines(&turns[1].0), machines(&turns[3].0));
        prop_assert!(undone.is_empty() || done == undone, "{done:?} {undone:?}: {turns:?}");
        prop_assert!(!done.is_empty() && (undo > 1 || !undone.is_empty()), "{turns:?}");
    }

    #[test]
    fn who_stays_is_taken_out_of_a_plan_and_nobody_else(
        who in select(vec!["web1", "web2", "db1"]),
        language in 0usize..2,
        form in 0usize..6,
        agrees: bool,
    ) {
        const FORMS: [[&str; 6]; 2] = [
            ["{} i still need", "{} is in use", "{} later", "{} stays on", "not {}", "{} can wait"],
            ["{} j'en ai encore besoin", "{} est utilisée", "{} plus tard", "{} reste allumée", "pas {}", "{} attend"],
        ];
        let plan = ["shut down web1, web2 and db1", "éteins web1, web2 et db1"][language];
        let said = FORMS[language][form].replace("{}", who);
        let but = ["yes but ", "oui mais "][language];
        let text = if agrees { format!("{but}{said}") } else { said };
        let turns = talk(&MACHINES, &[plan, &text, YES[language]]);
        prop_assert!(turns[1].0.is_empty(), "{text}: {turns:?}");
        prop_assert!(!turns[2].0.iter().any(|done| done.contains(who)), "{text}: {turns:?}");
    }
}
