//! A wish is never turned round: who is left as it is, what is put off, taken back or only spoken of is not done, whatever is said after it.

use super::talk::{are_left_alone, talk, talk_to};
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [(&str, &str); 4] = [("web1", "running"), ("web2", "running"), ("cache", "running"), ("lent", "off")];

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_is_named_and_then_left_is_not_touched(
        language in 0usize..2,
        several in any::<bool>(),
        said in 0usize..14,
    ) {
        const SAID: [[&str; 14]; 2] = [
            [
                "web2, leave it", "web2, no", "web2, not yet", "web2. Leave it.", "web2 is prod, leave it", "web2, don't",
                "web2, keep it", "since bob works on web2, leave it", "as web2 is used, leave it", "wait for web2", "later with web2",
                "leave it, web2 is prod", "web2, never", "hands off web2",
            ],
            [
                "web2, laisse-la", "web2, non", "web2, pas encore", "web2. Laisse-la.", "web2 est en prod, laisse-la", "web2, pas touche",
                "web2, garde-la", "bob travaille sur web2", "le client est sur web2", "attends pour web2", "attends avec web2",
                "comme web2 sert, laisse-la", "web2, jamais", "touche pas à web2",
            ],
        ];
        const PLANS: [[&str; 2]; 2] = [
            ["pause web1 and web2", "snapshot web1, then pause web2, then start lent"],
            ["mets web1 et web2 en pause", "fais un instantané de web1, puis mets web2 en pause, puis démarre lent"],
        ];
        let plan = PLANS[language][usize::from(several)];
        are_left_alone(&MACHINES, [plan, SAID[language][said], ["yes", "oui"][language]], &["web2"])?;
    }

    #[test]
    fn who_is_refused_beside_a_yes_is_not_touched(
        said in select(vec![
            "yes for web1, no for the others", "web1 yes, the others no", "yes for web1, not the rest", "oui pour web1, non pour les autres",
            "web1 oui, les autres non", "oui pour web1, pas les autres",
        ]),
    ) {
        let french = said.contains("autres");
        let plan = if french { "mets web1 et web2 en pause" } else { "pause web1 and web2" };
        let turns = talk(&MACHINES, &[plan, said, if french { "oui" } else { "yes" }]);
        let mut done = turns[1].0.iter().chain(&turns[2].0);
        prop_assert!(done.all(|done| done == "vm.pause web1"), "{turns:?}");
    }

    #[test]
    fn who_asks_for_a_correction_does_not_agree(
        said in select(vec!["correct it", "correct that", "correct them please", "correct ça", "corrige ça"]),
    ) {
        let plan = if said.contains("ça") { "mets web1 et web2 en pause" } else { "pause web1 and web2" };
        let turns = talk(&MACHINES, &[plan, said]);
        prop_assert!(turns[1].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn a_name_that_is_put_off_is_none_that_is_given_unasked(
        said in select(vec![
            "take a snapshot of web1, name it later", "take a snapshot of web1, call it whatever", "snapshot web1, call it tbd",
            "prends un instantané de web1, nomme-le plus tard",
        ]),
    ) {
        let turns = talk(&MACHINES, &[said]);
        prop_assert!(turns[0].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn a_remark_behind_a_wish_is_asked_about_before_anything_is_done(
        remark in select(vec![
            "done", "failed", "simulate", "tonight", "demain", "this evening", "overnight", "--dry-run", "*web2", "ce soir", "urgent",
            "- done", "[ok]", "-> failed", "(later)", "plus tard",
        ]),
        wish in select(vec!["take a snapshot", "prends un instantané"]),
    ) {
        let turns = talk_to("web1", &MACHINES, &[&format!("{wish} {remark}")]);
        prop_assert!(turns[0].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn whoever_asks_whether_it_can_be_done_is_asked(
        said in select(vec![
            "are you able to start lent", "are you able to start lent?", "would it be possible to start lent?",
            "is there any chance you could start lent", "possible de démarrer lent ?", "c'est possible de démarrer lent ?",
            "start lent - done", "start lent -> failed", "resume lent stop it",
        ]),
    ) {
        let turns = talk(&MACHINES, &[said]);
        prop_assert!(turns[0].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn a_wish_that_is_taken_back_is_not_done(
        first in select(vec!["reboot", "pause", "take a snapshot", "redémarre", "shut down"]),
        turn in select(vec!["No,", "no,", "Sorry,", "Oops,", "Non,", "Pardon,"]),
        then in select(vec!["pause", "take a snapshot", "éteins-toi", "redémarre"]),
        between in select(vec![". ", "; ", "\n", "! "]),
    ) {
        let turns = talk_to("web1", &MACHINES, &[&format!("{first}{between}{turn} {then}.")]);
        prop_assert!(turns[0].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn a_sign_beside_a_command_is_asked_about(
        sign in select(vec!["✓", "✗", "❓", "⏰", "🤔", "？", "⚠️", "-web2", "!web2", "(-web2)"]),
        wish in select(vec!["reboot web1", "shut down web1", "éteins web1"]),
    ) {
        let turns = talk(&MACHINES, &[&format!("{wish} {sign}")]);
        prop_assert!(turns[0].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn who_is_left_in_a_state_is_left_in_it(
        said in select(vec![
            "leave web2 paused", "keep web2 paused", "let web2 be", "turn everything off but leave web2 on", "turn all off but keep web2 on",
            "éteins tout mais laisse web2 allumée", "everything but web2 is fine, reboot it", "tout va bien sauf web1, redémarre-la",
            "web2 is fine, reboot the other one", "pause web2, no wait web1",
        ]),
    ) {
        let turns = talk(&MACHINES, &[said, "yes", "oui"]);
        prop_assert!(!turns.iter().flat_map(|turn| &turn.0).any(|done| done.ends_with(" web2")), "{turns:?}");
    }

    #[test]
    fn what_runs_in_a_machine_is_not_the_machine(
        said in select(vec![
            "start the lent service", "start working on lent", "start lent on startup", "start lent at boot", "start the lent database",
            "start the backup of lent", "démarre le service lent", "démarre lent au démarrage", "démarre la sauvegarde de lent",
        ]),
    ) {
        let turns = talk(&MACHINES, &[said]);
        prop_assert!(turns[0].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn both_are_the_two_that_were_spoken_of_last(
        language in 0usize..2,
    ) {
        const SAID: [[&str; 4]; 2] = [
            ["pause web1 and web2", "which snapshots does cache have?", "how is lent?", "snapshot both"],
            ["mets web1 et web2 en pause", "quels sont les instantanés de cache ?", "comment va lent ?", "fais un instantané des deux"],
        ];
        let yes = ["yes", "oui"][language];
        let [plan, one, other, both] = SAID[language];
        let turns = talk(&MACHINES, &[plan, yes, one, other, both, yes]);
        let mut done = turns[4].0.iter().chain(&turns[5].0);
        prop_assert!(done.all(|done| done.contains("cache") || done.contains("lent")), "{turns:?}");
    }

    #[test]
    fn it_is_not_who_is_named_for_something_else_behind_it(
        language in 0usize..2,
        said in 0usize..3,
    ) {
        const SAID: [[&str; 3]; 2] = [
            ["start it, and check whether web1 is ok", "start it, and pause web2 if web1 is running", "start it and tell me how web1 is"],
            [
                "démarre-la, et vérifie si web1 va bien", "démarre-la, et mets web2 en pause si web1 est en marche",
                "démarre-la et dis-moi comment va web1",
            ],
        ];
        let turns = talk(&MACHINES, &[["how is lent?", "comment va lent ?"][language], SAID[language][said], ["yes", "oui"][language]]);
        let mut done = turns[1].0.iter().chain(&turns[2].0);
        prop_assert!(done.all(|done| done == "vm.start lent" || done == "vm.pause web2"), "{turns:?}");
    }

    #[test]
    fn what_somebody_else_did_is_not_taken_back(
        said in select(vec!["undo what bob did", "undo bob's", "défais ce que bob a fait"]),
        yes in select(vec!["yes", "oui"]),
    ) {
        let turns = talk(&MACHINES, &["pause web1", said, yes]);
        prop_assert!(turns[1].0.is_empty() && turns[2].0.is_empty(), "{turns:?}");
    }

    #[test]
    fn of_two_things_done_together_the_one_that_is_named_is_taken_back(
        language in 0usize..2,
    ) {
        const SAID: [[&str; 2]; 2] = [
            ["start lent and pause web1", "undo the pause"],
            ["démarre lent et mets web1 en pause", "défais la pause"],
        ];
        let yes = ["yes", "oui"][language];
        let [plan, undo] = SAID[language];
        let turns = talk(&MACHINES, &[plan, yes, undo, yes]);
        let mut done = turns[2].0.iter().chain(&turns[3].0);
        prop_assert!(done.all(|done| done == "talk.undo web1"), "{turns:?}");
        prop_assert!(!turns[3].0.is_empty() || !turns[2].0.is_empty(), "{turns:?}");
    }
}
