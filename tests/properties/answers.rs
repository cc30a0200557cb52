//! Answers and corrections put together by chance: what has anything else in it than a yes does nothing, what is changed in a plan is
//! shown anew, and what is wanted for another machine never reaches one that the message does not name.

use agent::measure::converse::batch;
use proptest::prelude::*;
use proptest::sample::select;
use tests::transcript::nlu;

const WORLD: &str = r#"{"world": {"now": "2026-11-28T12:00:00Z", "hosts": [{"name": "hv1", "machines": [
    {"name": "web1", "state": "running", "memory": "1 GiB", "cpus": 1}, {"name": "web2", "state": "running", "memory": "1 GiB", "cpus": 1},
    {"name": "db1", "state": "running", "memory": "1 GiB", "cpus": 1}, {"name": "mail", "state": "running", "memory": "1 GiB", "cpus": 1},
    {"name": "old", "state": "off", "memory": "1 GiB", "cpus": 1}, {"name": "ci", "state": "off", "memory": "1 GiB", "cpus": 1}]}],
    "people": [{"name": "alice", "role": "admin"}], "room": null}}"#;

/// A skill that was carried out, and on which machines.
type Done = (String, Vec<String>);

/// What is done in each turn, and whether something is asked in it.
fn talk(texts: &[&str]) -> Vec<(Vec<Done>, bool)> {
    let mut input = WORLD.replace('\n', " ");
    for text in texts {
        input = format!("{input}\n{}", serde_json::json!({"to": "hv1", "text": text}));
    }
    let mut out = Vec::new();
    batch(nlu(), input.as_bytes(), &mut out).expect("it is understood");
    let lines = String::from_utf8(out).expect("UTF-8");
    let told = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an object a line"));
    let done = |told: &serde_json::Value| {
        let all = told["applied"].as_array().expect("a list").iter();
        let names = |one: &serde_json::Value| {
            let names = one["machines"].as_array().expect("a list").iter();
            names.map(|name| name.as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        };
        all.map(|one| (one["skill"].as_str().expect("an id").to_owned(), names(one))).collect::<Vec<_>>()
    };
    told.map(|told| (done(&told), !told["asked"].is_null())).collect()
}

/// By language: wishes for two machines that are asked about, words of agreement, words that go with them.
const AGREEMENT: [(&str, &[&str], &[&str]); 2] = [
    (
        "reboot web1 and db1",
        &["yes", "yep", "ok", "go", "sure", "do it", "go for it", "yesss", "confirmed"],
        &[
            "",
            "obviously",
            "quick",
            "and hurry up",
            "please",
            "that's good",
            "both",
            "lovely",
            "thanks",
            "boss",
            "right away",
            "I'm sure",
        ],
    ),
    (
        "redémarre web1 et db1",
        &["oui", "ouais", "vas-y", "ok", "c'est beau", "go", "c'est bon", "ouiii", "je confirme"],
        &[
            "",
            "vite",
            "je vous en prie",
            "c'est ça",
            "les deux",
            "merci",
            "stp",
            "tout de suite",
            "j'en suis sûr",
            "parfait",
            "chef",
        ],
    ),
];

/// What makes of a yes something else.
const BESIDE: [&str; 22] = [
    "?",
    "web2",
    "web1",
    "frobnicator",
    "\"quoted\"",
    "42",
    "all three",
    "just one",
    "but not db1",
    "except db1",
    "not now",
    "if nobody is on it",
    "tomorrow at 8",
    "unless it hangs",
    "instead of mail",
    "sauf db1",
    "mais pas db1",
    "si personne n'est dessus",
    "demain à 8 h",
    "les trois",
    "seulement web1",
    "pas maintenant",
];

/// Corrections of a plan for these machines.
const CORRECTIONS: [&str; 16] = [
    "not {}",
    "wait, not {}, they are at work",
    "{} should stay",
    "leave {} alone",
    "leave {} out",
    "hold on, {} must stay up as well",
    "except {} please",
    "no, I meant {}",
    "only {}",
    "pas {}",
    "garde {}",
    "sauf {} aussi, build en cours",
    "non attends, laisse {} tranquille",
    "{} doit rester",
    "je voulais dire {}",
    "seulement {}",
];

/// Ways to want the same for another machine.
const ANOTHER: [&str; 14] = [
    "{} too",
    "and {} as well",
    "same for {}",
    "do the same for {}",
    "no, I meant {}",
    "sorry, {}, not the first",
    "{} aussi",
    "et {} aussi",
    "pareil pour {}",
    "c'est {} que je voulais",
    "non, {}",
    "now the other one",
    "l'autre aussi",
    "the same for it",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// A yes in many words is a yes; with anything else in it, anywhere, it does nothing.
    #[test]
    fn a_yes_with_anything_else_in_it_does_nothing(
        language in 0..2usize, yes in 0..9usize, also in 0..11usize, beside in select(BESIDE.to_vec()), place in 0..3usize,
    ) {
        let (wish, agreement, words) = AGREEMENT[language];
        let (yes, also) = (agreement[yes], words[also]);
        let plain = format!("{yes} {also}");
        let told = talk(&[wish, plain.trim()]);
        prop_assert_eq!(&told[1].0, &vec![("vm.reboot".to_owned(), vec!["web1".to_owned(), "db1".to_owned()])], "{}", plain);
        let said = match place {
            0 => format!("{yes} {also} {beside}"),
            1 => format!("{beside} {yes} {also}"),
            _ => format!("{yes} {beside} {also}"),
        };
        let told = talk(&[wish, &said]);
        prop_assert!(told[1].0.is_empty(), "{said}: {:?}", told[1].0);
    }

    /// Who is taken out of a plan, or meant instead, is shown before anything is done; and then done is what was shown.
    #[test]
    fn a_correction_does_nothing_itself_and_spares_whom_it_spares(
        correction in select(CORRECTIONS.to_vec()), name in select(vec!["web1", "web2", "db1"]), french: bool,
    ) {
        let wish = if french { "redémarre web1, web2 et db1" } else { "reboot web1, web2 and db1" };
        let said = correction.replace("{}", name);
        let told = talk(&[wish, &said, "yes"]);
        prop_assert!(told[1].0.is_empty() && told[1].1, "{said}: {:?}", told[1]);
        let done: Vec<&String> = told[2].0.iter().flat_map(|(_, machines)| machines).collect();
        let meant = ["meant", "only", "voulais", "seulement"].iter().any(|word| correction.contains(word));
        let all = ["web1", "web2", "db1"];
        let left: Vec<&str> = all.into_iter().filter(|one| (*one == name) == meant).collect();
        prop_assert_eq!(done, left, "{}", said);
    }

    /// What was done to one is never done to another that the message does not name; what disturbs is asked about.
    #[test]
    fn the_same_for_another_is_done_only_to_whom_the_message_names(
        another in select(ANOTHER.to_vec()), name in select(vec!["web2", "db1", "old", "ci"]),
        first in select(vec!["reboot web1", "pause web1", "shut down web1", "start old", "redémarre web1", "démarre old"]),
        between in select(vec!["", "is mail up?", "web2 and db1?", "thanks"]),
        tail in select(vec!["", " please", " frobnicated", " if nobody minds", " is off", " but not db1"]),
    ) {
        let said = format!("{}{tail}", another.replace("{}", name));
        let texts: Vec<&str> = [first, between, &said].into_iter().filter(|text| !text.is_empty()).collect();
        let told = talk(&texts);
        for (skill, machines) in &told.last().expect("a turn").0 {
            prop_assert_eq!(skill.as_str(), "vm.start", "{:?}", texts);
            prop_assert!(machines.iter().all(|machine| said.contains(machine.as_str())), "{texts:?}: {machines:?}");
            prop_assert!(tail.is_empty() || tail == " please", "{texts:?}: {machines:?}");
        }
    }

    /// What was done last is only ever taken back after a question, in however many words that is wished; and so goes a bare verb, or a pick.
    #[test]
    fn what_is_taken_back_or_picked_or_left_unsaid_is_asked_first(
        first in select(vec!["start old", "pause web1", "reboot", "is web1 up?", "redémarre", "démarre old", "web1 et db1 tournent ?"]),
        second in select(vec![
            "undo that, {} was in it", "oh nooo undo that!", "annule le démarrage de {}", "annulez cela, ce n'était pas la bonne",
            "cancel that, wrong machine", "the start of {} was a mistake, undo it", "oups non annul ca c trop tot", "don't undo that",
            "reboot", "pause", "redémarre", "the {} one", "{}, sorry", "celle de {}", "the first two", "les deux", "not {}", "heu {} stp",
        ]),
        name in select(vec!["old", "web1", "db1", "frobnicator"]),
    ) {
        let said = second.replace("{}", name);
        let told = talk(&[first, &said]);
        prop_assert!(told[1].0.is_empty(), "{first}; {said}: {:?}", told[1].0);
    }
}
