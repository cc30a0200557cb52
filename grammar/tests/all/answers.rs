//! Replies to open questions.

use grammar::{
    answer::{Answer, Answer::*, answer},
    selector::LAST,
};

use crate::{check, cx};

#[test]
fn replies_are_read_as_people_type_them() {
    let right = |text: &str| Correction(text.into());
    check(
        &[
            ("yes", Yes), ("y", Yes), ("Yes please!", Yes), ("yes, go ahead", Yes), ("ok do it", Yes), ("sure, why not", Yes), ("yep", Yes), ("👍", Yes), ("go", Yes),
            ("no problem", Yes), ("that's right", Yes), ("yes yes", Yes), ("please do", Yes),
            ("no", No), ("nope", No), ("no thanks", No), ("No!", No), ("not now", No), ("don't", No), ("please don't", No), ("no no", No), ("better not", No),
            ("cancel", Cancel), ("never mind", Cancel), ("nevermind", Cancel), ("no, cancel", Cancel), ("forget it", Cancel), ("cancel that please", Cancel), ("ok, forget it", Cancel),
            ("skip", Skip), ("default", Skip), ("the default", Skip), ("whatever", Skip), ("you choose", Skip), ("i don't care", Skip),
            ("what?", Repeat), ("what", Repeat), ("repeat", Repeat), ("huh?", Repeat), ("sorry?", Repeat), ("??", Repeat), ("come again", Repeat),
            ("2", Nth(vec![2])), ("the second one", Nth(vec![2])), ("1 and 3", Nth(vec![1, 3])), ("1, 3", Nth(vec![1, 3])), ("1,3", Nth(vec![1, 3])), ("second", Nth(vec![2])),
            ("the first and the last", Nth(vec![1, LAST])), ("number 2 please", Nth(vec![2])), ("#2", Nth(vec![2])), ("2nd", Nth(vec![2])), ("two", Nth(vec![2])),
            ("both", Both), ("both of them", Both), ("all", All), ("all of them", All), ("everything", All), ("them all", All),
            ("no, 30", right("30")), ("no 30", Other), ("make that 30", right("30")), ("No, make that 30.", right("30")), ("I meant 30", right("30")), ("sorry, 30 gigs", right("30 gigs")),
            ("actually 30", right("30")), ("30 instead", right("30")), ("no i meant web2", right("web2")), ("not 20, 30", right("30")), ("30, not 20", right("30")), ("yes but make it 30", right("30")),
            ("change it to 30", right("30")), ("change the size to 30", right("30")), ("wait, make it raw", right("raw")), ("ok, but 30", right("30")),
            ("undo", Undo), ("undo that", Undo), ("take it back", Undo), ("roll back", Undo),
            ("stop", Stop), ("stop!", Stop), ("stop it", Stop), ("no, stop", Stop), ("wait", Stop),
            ("stop web1", Other), ("20 gigs", Other), ("which pools are there?", Other), ("\"yes\"", Other), ("\"no\"", Other), ("qcow2", Other), ("", Other), ("yes-man", Other), ("web1", Other),
        ],
        |text: &str| -> Answer { answer(text, &cx()) },
    );
}
