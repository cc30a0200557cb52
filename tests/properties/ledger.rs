//! Every wish of a message is done, answered, or named as not done: messages of two and three wishes, put together by chance, of which
//! some can't be followed.

use super::talk::replies;
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [(&str, &str); 5] =
    [("web1", "running"), ("web2", "running"), ("db1", "running"), ("lab", "off"), ("mail", "paused")];

/// What is said, what is done then (nothing if nobody can), and a word that tells that it was heard.
type Wish = (&'static str, &'static str, &'static str);

const WISHES: [[Wish; 14]; 2] = [
    [
        ("start lab", "vm.start lab", "lab"),
        ("can you boot lab", "vm.start lab", "lab"),
        ("shut down web1", "vm.shutdown web1", "web1"),
        ("turn web1 off", "vm.shutdown web1", "web1"),
        ("pause db1", "vm.pause db1", "db1"),
        ("put db1 on pause", "vm.pause db1", "db1"),
        ("give me a snapshot of web2", "snapshot.create web2", "web2"),
        ("take a snapshot of web2", "snapshot.create web2", "web2"),
        ("resume mail", "vm.resume mail", "mail"),
        ("is web2 running?", "", "web2"),
        ("if lab is off start it", "vm.start lab", "lab|start it"),
        ("defragment web2", "", "web2"),
        ("back up db1", "", "db1|backup|back up"),
        ("add 2 GB of memory to web1", "", "web1|memory"),
    ],
    [
        ("démarre lab", "vm.start lab", "lab"),
        ("tu peux lancer lab", "vm.start lab", "lab"),
        ("éteins web1", "vm.shutdown web1", "web1"),
        ("arrête web1", "vm.shutdown web1", "web1"),
        ("mets db1 en pause", "vm.pause db1", "db1"),
        ("suspends db1", "vm.pause db1", "db1"),
        ("fais-moi un instantané de web2", "snapshot.create web2", "web2"),
        ("prends un snapshot de web2", "snapshot.create web2", "web2"),
        ("reprends mail", "vm.resume mail", "mail"),
        ("est-ce que web2 tourne ?", "", "web2"),
        ("si lab est éteinte démarre-la", "vm.start lab", "lab|démarre-la"),
        ("défragmente web2", "", "web2"),
        ("sauvegarde db1", "", "db1|sauvegard"),
        ("ajoute 2 Go de mémoire à web1", "", "web1|mémoire"),
    ],
];
const BETWEEN: [[&str; 7]; 2] = [
    [", ", " and ", ", then ", ". ", " + ", ", and also ", " but first "],
    [", ", " et ", ", puis ", ". ", " + ", " et puis ", " mais d'abord "],
];
const AHEAD: [[&str; 4]; 2] =
    [["", "maintenance: ", "ok so ", "get web2 ready: "], ["", "maintenance : ", "bon alors ", "prépare web2 : "]];

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_wish_of_a_message_is_done_answered_or_named(
        language in 0usize..2,
        ahead in 0usize..4,
        picked in proptest::collection::vec(0usize..14, 2..4),
        between in proptest::collection::vec(0usize..7, 2),
        yes in select(vec![["yes", "oui"]]),
    ) {
        let mut text = AHEAD[language][ahead].to_owned();
        let mut wishes: Vec<Wish> = Vec::new();
        for one in picked.iter().map(|at| WISHES[language][*at]) {
            // Of one machine each, so that it is told by its name.
            let about = |wish: &Wish| wish.2.split('|').next();
            if wishes.iter().any(|wish| about(wish) == about(&one)) {
                continue;
            }
            if !wishes.is_empty() {
                text.push_str(BETWEEN[language][between[wishes.len() - 1]]);
            }
            text.push_str(one.0);
            wishes.push(one);
        }
        let turns = replies(&MACHINES, &[&text, yes[language]]);
        let done: Vec<String> = turns.iter().flat_map(|turn| turn.done.clone()).collect();
        let said = turns.iter().map(|turn| turn.said.to_lowercase()).collect::<Vec<_>>().join("\n");
        // Who follows nothing says so, and does nothing.
        let nothing = done.is_empty() && turns[0].asked.is_none();
        for (wish, deed, words) in &wishes {
            let heard = !deed.is_empty() && done.iter().any(|one| one == deed)
                || words.split('|').any(|word| said.contains(word));
            prop_assert!(nothing || heard, "{text}: nothing of \"{wish}\" in {turns:?}");
        }
    }
}
