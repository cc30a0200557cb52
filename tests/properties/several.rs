//! Several wishes in one message: each is done to its own machine, in the order they were said, and nothing else is.

use super::talk::talk;
use proptest::prelude::*;

/// Machines in the state in which their wish can be done.
const MACHINES: [(&str, &str); 4] = [("web1", "off"), ("db1", "running"), ("mail", "paused"), ("cups", "running")];
/// What is wished for, in English and in French, and what is done then.
const WISHES: [[(&str, &str); 4]; 2] = [
    [
        ("start web1", "vm.start web1"),
        ("pause db1", "vm.pause db1"),
        ("resume mail", "vm.resume mail"),
        ("tell me if cups is running", ""),
    ],
    [
        ("démarre web1", "vm.start web1"),
        ("mets db1 en pause", "vm.pause db1"),
        ("reprends mail", "vm.resume mail"),
        ("dis-moi si cups est en marche", ""),
    ],
];
/// What stands between two wishes.
const BETWEEN: [[&str; 6]; 2] =
    [[", ", " and ", ", then ", " + ", ". ", ", and also "], [", ", " et ", ", puis ", " + ", ". ", " et puis "]];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_wish_of_a_message_is_done_to_its_own_machine_in_order(
        french in 0usize..2,
        order in Just(vec![0usize, 1, 2, 3]).prop_shuffle(),
        count in 2usize..5,
        between in proptest::collection::vec(0usize..6, 4),
    ) {
        let mut text = String::new();
        let mut wanted = Vec::new();
        for (index, wish) in order.iter().take(count).enumerate() {
            if index > 0 {
                text.push_str(BETWEEN[french][between[index]]);
            }
            let (said, done) = WISHES[french][*wish];
            text.push_str(said);
            wanted.extend(Some(done.to_owned()).filter(|done| !done.is_empty()));
        }
        let turns = talk(&MACHINES, &[&text, "yes"]);
        let done: Vec<String> = turns.iter().flat_map(|(done, _)| done.clone()).collect();
        prop_assert_eq!(done, wanted.clone(), "{}", text);
        // More than one machine is always asked about.
        prop_assert!(wanted.len() < 2 || turns[0].0.is_empty(), "{text}");
    }

    #[test]
    fn what_is_left_out_beside_a_wish_is_left_alone_unless_somebody_agrees(
        first in proptest::sample::select(vec!["start web1", "shut down all", "reboot db1 and mail", "pause everything"]),
        out in proptest::sample::select(vec![
            ", leave cups", ", not cups", " and keep cups as it is", ", skip cups", " but spare cups", ", without cups", ", only not cups",
        ]),
    ) {
        let turns = talk(&MACHINES, &[&format!("{first}{out}")]);
        let (done, _) = &turns[0];
        prop_assert!(done.len() < 2 && !done.iter().any(|deed| deed.ends_with(" cups")), "{first}{out}: {done:?}");
    }
}
