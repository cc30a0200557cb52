//! x
use grammar::{known::Nothing, lexicon::Lexicon, read::{self, Context}, kind::Kind, frame::frame};
#[test]
fn x() {
    let lexicon = Lexicon::parse(&std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/en/lexicon.txt")).unwrap()).unwrap();
    let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-21T12:00:00+00:00[UTC]".parse().unwrap() };
    for text in ["network voip", "pool scratch", "voip", "hv2", "vm voip", "host voip"] { println!("{text}: {:?}", read::parse(Kind::Machines, text, &cx)); }
    for text in ["clean shutdown of gitlab", "do a clean shutdown", "don't stop", "graceful shutdown", "shutdown of gitlab"] { println!("{text}: {:?}", frame(text, &cx)); }
}
