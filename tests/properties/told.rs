//! What is only told, half meant or said of something else is no yes, no value, and no machine.

use super::talk::{are_left_alone, came, talk};
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [(&str, &str); 4] = [("web1", "running"), ("web2", "running"), ("cache", "running"), ("lent", "off")];
const PLANS: [&str; 2] = ["reboot web1 and web2", "redémarre web1 et web2"];
const YES: [&str; 2] = ["yes", "oui"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_half_hearted_yes_is_asked_once_more(
        language in 0usize..2,
        yes in 0usize..4,
        doubt in 0usize..7,
        before in any::<bool>(),
    ) {
        const YESES: [[&str; 4]; 2] = [["yes", "ok", "yeah", "sure"], ["oui", "ok", "ouais", "d'accord"]];
        const DOUBTS: [[&str; 7]; 2] = [
            ["i guess", "i suppose", "maybe", "if you must", "whatever", "ugh", "meh"],
            ["je suppose", "j'imagine", "peut-être", "si tu veux", "si tu le dis", "bof", "pff"],
        ];
        let (yes, doubt) = (YESES[language][yes], DOUBTS[language][doubt]);
        let said = if before { format!("{doubt} {yes}") } else { format!("{yes} {doubt}") };
        let turns = talk(&MACHINES, &[PLANS[language], &said]);
        prop_assert!(turns[1].0.is_empty(), "{said}: {turns:?}");
    }

    #[test]
    fn whoever_is_preferred_the_other_is_left_alone(
        language in 0usize..2,
        form in 0usize..8,
    ) {
        // What is said, and who must not be rebooted by a yes to whatever is shown then.
        const FORMS: [[(&str, &[&str]); 8]; 2] = [
            [
                ("rather cache than web2", &["web2"]), ("cache rather than web2", &["web2"]), ("I'd rather do cache than web2", &["web2"]),
                ("web2 stays and cache too", &["web2", "cache"]), ("web2 stays up, cache as well", &["web2", "cache"]),
                ("web2 can wait and so can cache", &["web2", "cache"]), ("not web2, and not cache either", &["web2", "cache"]),
                ("cache instead of web2", &["web2"]),
            ],
            [
                ("plutôt cache que web2", &["web2"]), ("cache plutôt que web2", &["web2"]), ("plutôt cache, pas web2", &["web2"]),
                ("web2 reste et cache aussi", &["web2", "cache"]), ("web2 reste allumée, cache aussi", &["web2", "cache"]),
                ("web2 peut attendre et cache aussi", &["web2", "cache"]), ("pas web2, et pas cache non plus", &["web2", "cache"]),
                ("cache au lieu de web2", &["web2"]),
            ],
        ];
        let (said, spared) = FORMS[language][form];
        are_left_alone(&MACHINES, [PLANS[language], said, YES[language]], spared)?;
    }

    #[test]
    fn what_is_told_beside_a_yes_takes_nobody_out_unsaid(
        language in 0usize..2,
        said in 0usize..4,
    ) {
        const SAID: [[&str; 4]; 2] = [
            ["yes but web2 is slow", "yes but web2 is a bit old", "ok but web2 takes a while", "yes, web2 is the big one"],
            ["oui mais web2 est lente", "oui mais web2 est un peu vieille", "ok mais web2 met du temps", "oui, web2 est la grosse"],
        ];
        let text = SAID[language][said];
        let turns = talk(&MACHINES, &[PLANS[language], text, YES[language]]);
        // Whatever is shown then, no yes to it reboots web1 alone.
        let done: Vec<&str> = turns.iter().flat_map(|(done, _)| done.iter().map(String::as_str)).collect();
        prop_assert!(!done.iter().any(|done| done.ends_with(" web1")) || done.iter().any(|done| done.ends_with(" web2")), "{text}: {turns:?}");
    }

    #[test]
    fn what_is_told_fills_no_form(
        language in 0usize..2,
        told in 0usize..9,
    ) {
        const TOLD: [[(&str, &str); 9]; 2] = [
            [
                ("we don't use qcow2", "qcow2"), ("the old one was 10 gigs", "10 GiB"), ("30 is too much", "30"), ("30 gigs is too much", "30 GiB"),
                ("10 gigs more than last time", "10 GiB"), ("qcow2 or raw", "qcow2"), ("raw is slow", "raw"),
                ("web2 has 10 gigs", "10 GiB"), ("i don't know if raw is right", "raw"),
            ],
            [
                ("on n'utilise pas qcow2", "qcow2"), ("l'ancien faisait 10 gigas", "10 Gio"), ("30 c'est trop", "30"), ("30 gigas c'est trop", "30 Gio"),
                ("10 gigas de plus que la dernière fois", "10 Gio"), ("qcow2 ou raw", "qcow2"), ("raw est lent", "raw"),
                ("web2 a 10 gigas", "10 Gio"), ("je ne sais pas si raw convient", "raw"),
            ],
        ];
        const ASKED: [&str; 2] = ["create a new disk", "crée un nouveau disque"];
        const REST: [[&str; 3]; 2] = [["call it data", "50 gigs", "raw"], ["appelle-le data", "50 gigas", "raw"]];
        let (text, value) = TOLD[language][told];
        // Each of the others is said afterwards: what is shown in the end is none of what was told.
        let rest: Vec<&str> = REST[language].iter().copied().filter(|said| !(value == "raw" && *said == "raw")).collect();
        let turns: Vec<&str> = [&[ASKED[language], text], rest.as_slice()].concat();
        let came = came("web1", &MACHINES, &turns);
        let last = came.last().expect("something came");
        let shown = last.asked.as_deref() == Some("confirm") && last.said.to_lowercase().contains(&value.to_lowercase());
        prop_assert!(came.iter().all(|came| came.done.is_empty()) && !shown, "{text}: {came:?}");
    }

    #[test]
    fn another_name_in_one_breath_is_the_last_that_is_said(
        language in 0usize..2,
        form in 0usize..3,
    ) {
        const FORMS: [[&str; 3]; 2] = [
            ["call it data2, no, data3", "call it data2. no, data3", "data2, sorry, data3"],
            ["appelle-le data2, non, data3", "appelle-le data2. non, data3", "data2, pardon, data3"],
        ];
        const ASKED: [&str; 2] = ["create a 20 gig raw disk", "crée un disque raw de 20 gigas"];
        let text = FORMS[language][form];
        let came = came("web1", &MACHINES, &[ASKED[language], text]);
        let last = came.last().expect("something came");
        prop_assert!(last.asked.as_deref() != Some("confirm") || last.said.contains("data3"), "{text}: {came:?}");
    }

    #[test]
    fn a_wish_keeps_who_is_meant_where_another_follows(
        language in 0usize..2,
        form in 0usize..4,
    ) {
        // What is said, who must not be touched, and what a yes does or what is named as not done.
        const FORMS: [[(&str, &str, &[&str]); 4]; 2] = [
            [
                ("stop web1, I mean web2, and pause cache", "web1", &["web2", "cache"]),
                ("reboot web1 first, then web2 an hour later", "", &["web2", "hour"]),
                ("start lent, then snapshot it and stop web1", "", &["snapshot", "web1"]),
                ("stop web1, sorry, web2, and pause cache", "web1", &["web2", "cache"]),
            ],
            [
                ("arrête web1, je veux dire web2, et mets cache en pause", "web1", &["web2", "cache"]),
                ("redémarre web1 d'abord, puis web2 une heure après", "", &["web2", "heure"]),
                ("démarre lent, puis fais-lui un instantané et arrête web1", "", &["instantané", "web1"]),
                ("arrête web1, pardon, web2, et mets cache en pause", "web1", &["web2", "cache"]),
            ],
        ];
        let (text, spared, told) = FORMS[language][form];
        let turns = came("hv1", &MACHINES, &[text, YES[language]]);
        let done: Vec<&String> = turns.iter().flat_map(|came| &came.done).collect();
        prop_assert!(spared.is_empty() || !done.iter().any(|deed| deed.ends_with(&format!(" {spared}"))), "{text}: {turns:?}");
        prop_assert!(told.iter().all(|word| turns[0].said.contains(word)), "{text}: {turns:?}");
    }

    #[test]
    fn words_behind_a_snapshot_are_no_name_that_nobody_gave(
        language in 0usize..2,
        words in select(vec!["dry run", "no wait", "or not", "twice", "--force", "? no", ", wait", ", stop", "? nope"]),
    ) {
        let text = format!("{} {words}", ["snapshot web1", "instantané de web1"][language]);
        let turns = talk(&MACHINES, &[&text]);
        prop_assert!(turns[0].0.is_empty(), "{text}: {turns:?}");
    }

    #[test]
    fn like_another_is_not_another(
        language in 0usize..2,
        form in 0usize..3,
    ) {
        const FORMS: [[&str; 3]; 2] = [
            ["reboot like web2", "shut down like web2 did", "pause yourself like web2"],
            ["redémarre comme web2", "éteins-toi comme web2", "mets-toi en pause comme web2"],
        ];
        let text = FORMS[language][form];
        let turns = came("web1", &MACHINES, &[text, YES[language]]);
        let others = |deed: &String| !deed.ends_with(" web1");
        prop_assert!(!turns.iter().any(|came| came.done.iter().any(others)), "{text}: {turns:?}");
    }
}
