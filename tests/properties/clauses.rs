//! What is said of a plan that is shown: what takes leave, does not care, depends on something or denies somebody is no yes, and nobody is
//! harmed by it afterwards.

use super::talk::{are_left_alone, came, talk, talk_to};
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [(&str, &str); 4] = [("web1", "running"), ("web2", "running"), ("cache", "running"), ("lent", "off")];
const PLANS: [&str; 2] = ["reboot web1 and web2", "redémarre web1 et web2"];
const YES: [&str; 2] = ["yes", "oui"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_takes_leave_or_does_not_care_has_agreed_to_nothing(
        language in 0usize..2,
        said in select(vec![
            "ok, bye", "fine, whatever", "yes whatever", "bye", "good night", "allez, à plus", "allez salut", "bon, bonne soirée", "bon", "ok à plus",
            "d'accord, à plus", "allez, ciao",
        ]),
    ) {
        let turns = talk(&MACHINES, &[PLANS[language], said]);
        prop_assert!(turns[1].0.is_empty(), "{said}: {turns:?}");
    }

    #[test]
    fn a_yes_on_a_condition_leaves_no_plan_for_the_next_yes(
        language in 0usize..2,
        about in select(vec!["web1", "cache"]),
        state in 0usize..2,
        form in 0usize..4,
    ) {
        const STATES: [[&str; 2]; 2] = [["off", "running"], ["éteinte", "en marche"]];
        const FORMS: [[&str; 4]; 2] = [
            ["if {m} is {s}, yes", "yes if {m} is {s}", "ok if {m} is {s}", "if {m} is {s} go"],
            ["si {m} est {s}, oui", "oui si {m} est {s}", "ok si {m} est {s}", "si {m} est {s} vas-y"],
        ];
        let said = FORMS[language][form].replace("{m}", about).replace("{s}", STATES[language][state]);
        let turns = talk(&MACHINES, &[PLANS[language], &said, YES[language]]);
        prop_assert!(turns[1].0.is_empty() && turns[2].0.is_empty(), "{said}: {turns:?}");
    }

    #[test]
    fn who_is_denied_in_whatever_clause_is_left_alone(
        language in 0usize..2,
        form in 0usize..10,
    ) {
        // What is said, and who must not be rebooted by a yes to whatever is shown then.
        const FORMS: [[(&str, &[&str]); 10]; 2] = [
            [
                ("I said web2 but I meant cache", &["web2"]), ("neither web2 nor cache", &["web2", "cache"]),
                ("web1 was a mistake", &["web1"]), ("yes, but no cache", &["cache"]), ("no web1 only", &["web2"]),
                ("ok for web1, not ok for web2", &["web2"]), ("web1: yes. web2: no.", &["web2"]),
                ("keep web2 running and cache too", &["web2", "cache"]), ("yes, as with cache", &["cache"]),
                ("web2 is still used, only web1", &["web2"]),
            ],
            [
                ("j'ai dit web2 mais je voulais dire cache", &["web2"]), ("ni web2 ni cache", &["web2", "cache"]),
                ("web1 c'était une erreur", &["web1"]), ("oui, mais pas cache", &["cache"]), ("non web1 seulement", &["web2"]),
                ("ok pour web1, pas ok pour web2", &["web2"]), ("web1 : oui. web2 : non.", &["web2"]),
                ("laisse web2 en marche et cache aussi", &["web2", "cache"]), ("oui, comme pour cache", &["cache"]),
                ("web2 est encore utilisée, seulement web1", &["web2"]),
            ],
        ];
        let (said, spared) = FORMS[language][form];
        are_left_alone(&MACHINES, [PLANS[language], said, YES[language]], spared)?;
    }

    #[test]
    fn later_perhaps_or_on_a_condition_is_no_once_more(
        language in 0usize..2,
        how in 0usize..6,
    ) {
        const HOW: [[&str; 6]; 2] = [
            ["web2 too, later", "web2 too, maybe", "same for web2 if cache is off", "same for web2 tomorrow", "also web2, later", "and no web2"],
            ["web2 aussi, plus tard", "web2 aussi, peut-être", "pareil pour web2 si cache est éteinte", "pareil pour web2 demain", "web2 aussi, demain", "et pas web2"],
        ];
        let first = ["snapshot web1", "prends un instantané de web1"][language];
        let turns = talk(&MACHINES, &[first, HOW[language][how]]);
        prop_assert!(turns[1].0.is_empty(), "{}: {turns:?}", HOW[language][how]);
    }

    #[test]
    fn a_machine_forgets_neither_itself_nor_who_is_named_beside_it(
        language in 0usize..2,
        form in 0usize..4,
    ) {
        const FORMS: [[&str; 4]; 2] = [
            ["stop, and web2", "stop yourself and web2", "reboot yourself and cache", "pause yourself, and web2 too"],
            ["arrête-toi et web2 aussi", "redémarre-toi et cache", "mets-toi en pause, et web2 aussi", "éteins-toi et web2"],
        ];
        let text = FORMS[language][form];
        let other = if text.contains("cache") { "cache" } else { "web2" };
        let turns = came("web1", &MACHINES, &[text, YES[language]]);
        prop_assert!(turns[0].done.is_empty(), "another is asked about first: {text}: {turns:?}");
        let done = |name: &str| turns[1].done.iter().any(|deed| deed.ends_with(&format!(" {name}")));
        // Both, or nothing at all, or who was not followed is named.
        let named = turns[0].said.contains(other);
        prop_assert!(turns[1].done.is_empty() || done("web1") && (done(other) || named), "{text}: {turns:?}");
    }

    #[test]
    fn whom_a_condition_is_about_is_not_who_is_meant(
        language in 0usize..2,
        form in 0usize..4,
    ) {
        const FORMS: [[&str; 4]; 2] = [
            ["reboot yourself if cache is running", "if cache is running, reboot yourself", "reboot unless lent is running", "take a snapshot if lent is off"],
            ["redémarre-toi si cache tourne", "si cache est en marche redémarre-toi", "redémarre sauf si lent est en marche", "prends un instantané si lent est éteinte"],
        ];
        let text = FORMS[language][form];
        let turns = talk_to("web1", &MACHINES, &[text, YES[language]]);
        let others = |deed: &String| !deed.ends_with(" web1");
        prop_assert!(!turns.iter().any(|(done, _)| done.iter().any(others)), "{text}: {turns:?}");
    }
}
