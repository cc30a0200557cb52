//! What is only almost a command, a yes or an undo does nothing unasked, and nothing that was not said.

use super::talk::{are_left_alone, talk, talk_to};
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [(&str, &str); 4] = [("web1", "running"), ("web2", "running"), ("cache", "running"), ("lent", "off")];
const WISHES: [[&str; 3]; 2] = [
    ["start lent", "snapshot web1", "pause web2"],
    ["démarre lent", "prends un instantané de web1", "mets web2 en pause"],
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_line_a_note_or_somebody_elses_name_beside_a_command_has_it_asked_about(
        language in 0usize..2,
        wish in 0usize..3,
        behind in select(vec![" : done", " [ok]", " -> ok", " : failed", " : fait", " : échec"]),
        before in select(vec!["", "todo ", "siri ", "skip: ", "note: ", "memo: ", "alexa, "]),
    ) {
        let wish = WISHES[language][wish];
        for text in [format!("{wish}{behind}"), format!("{before}{wish}")] {
            let turns = talk(&MACHINES, &[&text]);
            prop_assert!(text == wish || turns[0].0.is_empty(), "{text}: {turns:?}");
        }
    }

    #[test]
    fn an_undo_of_something_else_takes_back_nothing(
        language in 0usize..2,
        said in 0usize..8,
    ) {
        const SAID: [[&str; 8]; 2] = [
            [
                "undo what you did to web1", "undo the first", "undo, not cache", "undo all except cache", "undo tomorrow",
                "undo the disk", "if it hurts, undo", "undo nothing",
            ],
            [
                "défais ce que tu as fait à web1", "défais le premier", "défais, pas cache", "défais tout sauf cache", "défais demain",
                "annule le disque", "si ça coince, défais", "défais rien",
            ],
        ];
        let text = SAID[language][said];
        let yes = ["yes", "oui"][language];
        let turns = talk(&MACHINES, &["pause web1", "pause cache", text, yes]);
        prop_assert!(turns[2].0.is_empty() && turns[3].0.is_empty(), "{text}: {turns:?}");
    }

    #[test]
    fn the_same_again_is_nothing_where_it_is_denied_or_asked(
        said in select(vec![
            "never do the same to cache", "don't do the same to cache", "did you do the same to cache?", "same for cache? no",
            "fais pas pareil avec cache", "ne fais surtout pas pareil avec cache", "pareil pour cache sauf si bob dit non",
        ]),
        yes in select(vec!["yes", "oui"]),
    ) {
        let turns = talk(&MACHINES, &["pause web1", said, yes]);
        prop_assert!(turns[1].0.is_empty() && turns[2].0.is_empty(), "{said}: {turns:?}");
    }

    #[test]
    fn what_is_asked_behind_a_plain_yes_is_answered_once_that_is_done(
        language in 0usize..2,
        yes in 0usize..4,
        asked in 0usize..4,
    ) {
        const YES: [[&str; 4]; 2] = [["yes.", "go ahead!", "yes please, and", "do it."], ["oui.", "vas-y !", "oui, et", "allez-y."]];
        const ASKED: [[&str; 4]; 2] = [
            ["what disks does web1 have?", "what snapshots does cache have?", "how much memory has web2?", "is cache running?"],
            [
                "quels sont les disques de web1 ?", "quels sont les instantanés de cache ?", "combien de mémoire a web2 ?",
                "cache est en marche ?",
            ],
        ];
        let text = format!("{} {}", YES[language][yes], ASKED[language][asked]);
        let plan = ["pause web1 and web2", "mets web1 et web2 en pause"][language];
        let turns = talk(&MACHINES, &[plan, &text]);
        prop_assert!(turns[1].0 == ["vm.pause web1", "vm.pause web2"] && turns[1].1.is_none(), "{text}: {turns:?}");
    }

    #[test]
    fn how_it_stands_or_why_asked_behind_a_yes_is_no_yes(
        said in select(vec![
            "yes. is web2 running?", "yes and why?", "yes and cache?", "yes, and is web1 up?", "go ahead. is web1 running?",
            "oui et pourquoi ?", "oui. web2 est en marche ?", "oui ? et web2 ?",
        ]),
    ) {
        let plan = if said.starts_with("oui") { "mets web1 et web2 en pause" } else { "pause web1 and web2" };
        let turns = talk(&MACHINES, &[plan, said]);
        prop_assert!(turns[1].0.is_empty(), "{said}: {turns:?}");
    }

    #[test]
    fn a_pick_that_is_taken_back_or_put_off_is_none(
        language in 0usize..2,
        rider in 0usize..6,
    ) {
        const RIDERS: [[&str; 6]; 2] = [
            ["cache, no", "cache, don't", "cache. no wait", "cache but not yet", "cache tomorrow", "cache, never"],
            ["cache, non", "cache, surtout pas", "cache, attends", "cache mais pas encore", "cache demain", "cache. non"],
        ];
        let turns = talk(&MACHINES, &[["pause", "mets en pause"][language], RIDERS[language][rider]]);
        prop_assert!(turns[1].0.is_empty() && turns[1].1.as_deref() != Some("confirm"), "{turns:?}");
    }

    #[test]
    fn a_pick_with_words_of_its_own_is_asked_about(
        language in 0usize..2,
        said in 0usize..4,
    ) {
        const SAID: [[&str; 4]; 2] = [
            ["I did lent", "after lent", "lent was never started", "before lent"],
            ["j'ai fait lent", "après lent", "lent n'a pas démarré", "avant lent"],
        ];
        let turns = talk(&MACHINES, &[["start", "démarre"][language], SAID[language][said]]);
        prop_assert!(turns[1].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn whoever_is_left_as_it_is_is_out_of_the_plan(
        language in 0usize..2,
        said in 0usize..6,
        yes in select(vec!["yes", "oui"]),
    ) {
        const SAID: [[&str; 6]; 2] = [
            [
                "ok we leave web2 then, just web1", "I need web2", "I'm working on web2", "we still need web2", "web2 is still needed",
                "I'm using web2",
            ],
            [
                "ok on laisse web2 alors, juste web1", "j'ai besoin de web2", "je travaille sur web2", "web2 sert encore, tu l'enlèves",
                "enlève web2 de la liste", "quelqu'un utilise web2",
            ],
        ];
        let plan = ["pause web1 and web2", "mets web1 et web2 en pause"][language];
        are_left_alone(&MACHINES, [plan, SAID[language][said], yes], &["web2"])?;
    }

    #[test]
    fn of_two_who_both_stay_none_is_left_in_the_plan(
        said in select(vec!["web1 stays and web2 too", "leave web1, web2 too", "web1 reste et web2 aussi", "laisse web1, et web2 aussi"]),
        yes in select(vec!["yes", "oui"]),
    ) {
        let plan = if said.contains("too") { "pause web1 and web2" } else { "mets web1 et web2 en pause" };
        let turns = talk(&MACHINES, &[plan, said, yes]);
        prop_assert!(turns[1].0.is_empty() && turns[2].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn a_reason_that_is_not_so_has_nothing_done(
        language in 0usize..2,
        premise in 0usize..3,
        first in any::<bool>(),
    ) {
        const PREMISES: [[&str; 3]; 2] = [
            ["since web1 is off", "now that web1 is paused", "given that web2 is off"],
            ["puisque web1 est éteinte", "maintenant que web1 est en pause", "vu que web2 est arrêtée"],
        ];
        let wish = ["start lent", "démarre lent"][language];
        let premise = PREMISES[language][premise];
        let text = if first { format!("{premise}, {wish}") } else { format!("{wish} {premise}") };
        let turns = talk(&MACHINES, &[&text]);
        prop_assert!(turns[0].0.is_empty() && turns[0].1.is_none(), "{text}: {turns:?}");
    }

    #[test]
    fn a_step_that_is_taken_out_is_not_done_and_the_others_are(
        language in 0usize..2,
        said in 0usize..5,
    ) {
        const SAID: [[&str; 5]; 2] = [
            ["no snapshot", "without the snapshot", "all but the snapshot", "not the snapshot", "skip the snapshot"],
            ["pas d'instantané", "sans l'instantané", "tout sauf l'instantané", "pas l'instantané", "sans instantané finalement"],
        ];
        let plan = [
            "pause web1, snapshot cache and start lent",
            "mets web1 en pause, fais un instantané de cache et démarre lent",
        ][language];
        let turns = talk(&MACHINES, &[plan, SAID[language][said], ["yes", "oui"][language]]);
        prop_assert!(turns[1].0.is_empty(), "{turns:?}");
        prop_assert!(turns[2].0 == ["vm.pause web1", "vm.start lent"], "{turns:?}");
    }

    #[test]
    fn another_one_said_to_what_destroys_makes_none(
        language in 0usize..2,
        plan in 0usize..2,
        said in 0usize..2,
    ) {
        const PLANS: [[&str; 2]; 2] = [
            ["revert web1 to nightly", "delete the snapshot nightly of web1"],
            ["reviens à l'instantané nightly de web1", "supprime l'instantané nightly de web1"],
        ];
        const SAID: [[&str; 2]; 2] = [["another one", "another"], ["une autre", "un autre"]];
        let turns = talk(&MACHINES, &["snapshot web1 as nightly", PLANS[language][plan], SAID[language][said]]);
        prop_assert!(turns[2].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn who_leaves_all_of_a_plan_leaves_nothing_of_it(
        language in 0usize..2,
        said in 0usize..6,
        yes in select(vec!["yes", "oui"]),
    ) {
        const SAID: [[&str; 6]; 2] = [
            [
                "leave web1 and web2", "yes but not web1 and web2", "keep web1 and web2", "web1 and web2 stay up",
                "don't touch web1 and web2", "except web1 and web2",
            ],
            [
                "laisse web1 et web2", "oui mais pas web1 et web2", "garde web1 et web2", "sauf web1 et web2",
                "épargne web1 et web2", "ne touche pas à web1 et web2",
            ],
        ];
        let plan = ["pause web1 and web2", "mets web1 et web2 en pause"][language];
        let turns = talk(&MACHINES, &[plan, SAID[language][said], yes]);
        prop_assert!(turns[1].0.is_empty() && turns[2].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn more_that_is_said_beside_a_plan_is_never_done_at_once(
        said in select(vec![
            "then start lent", "and start lent", "reboot cache too", "also reboot cache", "puis redémarre cache",
            "éteins aussi cache", "et redémarre cache", "oui éteins aussi cache",
        ]),
    ) {
        let turns = talk(&MACHINES, &["pause web1 and web2", said]);
        prop_assert!(turns[1].0.is_empty(), "{said}: {turns:?}");
    }

    #[test]
    fn a_word_that_only_acknowledges_is_no_yes_before_a_question_nor_behind_a_list(
        language in 0usize..2,
        word in 0usize..4,
        asked in 0usize..3,
    ) {
        const WORDS: [[&str; 4]; 2] = [["great.", "perfect.", "ok,", "right."], ["super.", "parfait.", "ok,", "bien."]];
        const ASKED: [[&str; 3]; 2] = [
            ["what disks does web1 have?", "is cache running?", "which machines are there?"],
            ["quels sont les disques de web1 ?", "cache est en marche ?", "quelles machines y a-t-il ?"],
        ];
        let plan = ["pause web1 and web2", "mets web1 et web2 en pause"][language];
        let text = format!("{} {}", WORDS[language][word], ASKED[language][asked]);
        let turns = talk(&MACHINES, &[plan, &text]);
        prop_assert!(turns[1].0.is_empty(), "{text}: {turns:?}");
        let all = ["all", "toutes"][language];
        let turns = talk(&MACHINES, &[plan, ASKED[language][2], all]);
        prop_assert!(turns.iter().all(|(done, _)| done.is_empty()), "{all}: {turns:?}");
    }

    #[test]
    fn a_bare_word_behind_a_machine_is_no_name_unasked(
        language in 0usize..2,
        word in 0usize..6,
    ) {
        const WORDS: [[&str; 6]; 2] = [
            ["for bob", "as usual", "as needed", "EOD", "thanks bob", "x2"],
            ["pour bob", "avec précaution", "chez hv2", "hier soir", "au besoin", "x2"],
        ];
        let text = format!("{} {}", ["snapshot web2", "fais un snapshot de web2"][language], WORDS[language][word]);
        let turns = talk(&MACHINES, &[&text]);
        prop_assert!(turns[0].0.is_empty(), "{text}: {turns:?}");
    }

    #[test]
    fn who_is_denied_a_value_does_not_get_it(
        said in select(vec![
            "non, pas 30", "never 30", "raw non", "no raw", "anything but raw", "surtout pas raw", "raw would be wrong", "make it half",
            "make it bigger", "20/30G",
        ]),
        yes in select(vec!["yes", "oui"]),
    ) {
        let turns = talk_to("web1", &MACHINES, &["create a 20 GB qcow2 disk called data", said, yes]);
        let made = turns.iter().flat_map(|(done, _)| done).count();
        prop_assert!(turns[1].0.is_empty() && (made == 0 || turns[1].1.is_some()), "{said}: {turns:?}");
    }

    #[test]
    fn a_command_for_several_who_are_named_before_it_is_for_all_of_them(
        language in 0usize..2,
        joint in select(vec![", ", " and ", " & "]),
        tail in 0usize..2,
    ) {
        const WISH: [[&str; 2]; 2] = [["reboot", "reboot, they hang"], ["redémarre", "redémarre, elles rament"]];
        let text = format!("web1{joint}cache: {}", WISH[language][tail]);
        let turns = talk(&MACHINES, &[&text, ["yes", "oui"][language]]);
        prop_assert!(turns[0].0.is_empty(), "{text}: {turns:?}");
        prop_assert!(turns[1].0.is_empty() || turns[1].0 == ["vm.reboot web1", "vm.reboot cache"], "{text}: {turns:?}");
    }
}
