//! Bodies of property tests and fuzz targets: each takes bytes, makes of them what a person or the network might send, and
//! panics when an invariant does not hold.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::OnceLock;

use agent::skills;
use dialogue::book::{Book, Words};
use dialogue::machine::Machine;
use grammar::answer::answer;
use grammar::frame::frame;
use grammar::kind::{Kind, Of};
use grammar::known::Known;
use grammar::pattern::Pattern;
use grammar::read::{self, Context};
use jiff::Zoned;

mod config;
mod conversation;
mod journal;
mod rooms;
mod stream;

pub use config::config;
pub use conversation::conversation;
pub use journal::journal;
pub use rooms::rooms;
pub use stream::stream;

/// Answers and other small words, and names that look like words.
const SMALL: [&str; 48] = [
    "yes",
    "no",
    "ok",
    "go",
    "sure, go ahead",
    "cancel",
    "never mind",
    "stop",
    "what?",
    "undo",
    "undo that",
    "again",
    "same again but 30 GB",
    "more",
    "skip",
    "default",
    "2",
    "1",
    "the second",
    "both",
    "no, 30",
    "no, raw",
    "make it qcow2",
    "no, web2",
    "web1",
    "web2",
    "vm 42",
    "\"yes\"",
    "delete-me",
    "all 2",
    "\"stop\"",
    "me",
    "it",
    "20 gigs",
    "data",
    "qcow2",
    "20 GB, data, raw",
    "call it data",
    "carol@example.org",
    "before-upgrade",
    "pull the plug",
    "reboot",
    "shut down all",
    "delete snapshot before-upgrade",
    "web1: yes",
    "how are you?",
    "no thanks",
    "wait",
];

/// Around a sentence: what makes it mean less, more, or something else.
const FRAMES: [(&str, &str); 12] = [
    ("", ""),
    ("don't ", ""),
    ("how do I ", "?"),
    ("bob told me to ", " yesterday"),
    ("what happens if I ", "?"),
    ("tell bob to ", ""),
    ("web1: ", ""),
    ("bob: ", ""),
    ("please ", ", thanks"),
    ("", " and then reboot"),
    ("hello, ", "!"),
    ("never ", ", please"),
];

/// Names that exist in these conversations, some of which look like words.
pub struct Names;

impl Known for Names {
    fn names(&self, of: Of) -> Arc<[String]> {
        let names: &[&str] = match of {
            Of::Machine => &["web1", "web2", "vm 42", "stop", "all", "me", "yes", "delete-me", "it"],
            Of::Hypervisor => &["hv1"],
            Of::Snapshot => &["before-upgrade"],
            Of::Disk => &["vda"],
            Of::Pool => &["default"],
            _ => &[],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// The words of the real corpus, without a classifier.
pub fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| {
        Machine::new(Book::load(skills::specs(), &agent::nlu::corpus()).expect("the corpus loads").into())
    })
}

/// Everything that anybody ever wrote into the corpus, and an example of each command.
pub fn sentences() -> &'static [String] {
    static LINES: OnceLock<Vec<String>> = OnceLock::new();
    LINES.get_or_init(|| {
        let mut lines: BTreeSet<String> = BTreeSet::new();
        for language in machine().book().languages() {
            for section in machine().book().words(language).skills.values() {
                lines.extend(section.examples.iter().map(|example| example.text.clone()));
                lines.extend(section.near_misses.iter().map(|miss| miss.text.clone()));
                lines.extend(commands(language, &section.id));
            }
        }
        lines.into_iter().collect()
    })
}

/// The commands of a skill in a language as somebody would say them, with values that fit.
pub fn commands(language: &str, skill: &str) -> Vec<String> {
    let book = machine().book();
    let Some(spec) = book.spec(skill) else { return Vec::new() };
    let fill = |mut said: String| {
        for slot in spec.slots {
            said = said.replace(&format!("<{}>", slot.name), sample(language, slot.kind));
        }
        said
    };
    book.words(language).commands(skill).into_iter().map(fill).collect()
}

/// A value of that kind, as people say it.
fn sample(language: &str, kind: Kind) -> &'static str {
    if language == "fr" {
        match kind {
            Kind::Size | Kind::SizeChange => return "20 Go",
            Kind::When => return "demain à 8 h",
            Kind::Recurrence => return "tous les soirs à 22 h",
            Kind::Topic => return "disques",
            Kind::Text => return "« deux mots »",
            _ => {}
        }
    }
    match kind {
        Kind::Machines | Kind::Name(Of::Machine) => "web1",
        Kind::Name(Of::Hypervisor) => "hv1",
        Kind::Name(Of::Snapshot) => "before-upgrade",
        Kind::Name(Of::Disk) => "vda",
        Kind::Name(_) => "default",
        Kind::NewName(_) => "data",
        Kind::Size | Kind::SizeChange => "20 GB",
        Kind::Count => "4",
        Kind::Percent => "90 %",
        Kind::Duration => "5 minutes",
        Kind::When => "tomorrow at 8",
        Kind::Recurrence => "every weekday at 22:00",
        Kind::Choice(values) => values[0],
        Kind::Jid => "carol@example.org",
        Kind::Address => "10.1.0.0/24",
        Kind::Topic => "disks",
        Kind::Text => "\"some words\"",
    }
}

/// Reads choices from bytes; nothing but zeros when they are used up.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, most: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % most.max(1)
    }

    fn chance(&mut self, of: u8) -> bool {
        self.byte() % of == of - 1
    }

    fn text(&mut self) -> String {
        let plain = match self.byte() % 8 {
            0..=2 => SMALL[self.below(SMALL.len())].to_owned(),
            3..=6 => sentences()[self.below(sentences().len())].clone(),
            _ => {
                let length = self.below(64).min(self.0.len());
                let (noise, rest) = self.0.split_at(length);
                self.0 = rest;
                return String::from_utf8_lossy(noise).into_owned();
            }
        };
        let (before, after) = if self.chance(3) { FRAMES[self.below(FRAMES.len())] } else { FRAMES[0] };
        format!("{before}{plain}{after}")
    }
}

/// Every parser of the grammar, on any text.
///
/// # Panics
/// When one does.
pub fn readers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = Pattern::parse(&text);
    let _ = grammar::corpus::parse("fuzzed.txt", &text);
    let _ = grammar::lexicon::Lexicon::parse(&text);
    let _ = machine().book().language_of(&text);
    for language in machine().book().languages() {
        read_as(machine().book().words(language), &text);
    }
}

fn read_as(words: &Words, text: &str) {
    let now: Zoned = "2026-11-21T12:00:00+00:00[UTC]".parse().expect("a time");
    let cx = Context { lexicon: &words.lexicon, known: &Names, now };
    for part in frame(text, &cx).parts {
        assert!(part.text.len() <= text.len() * 4 + 64, "a part is no longer than what was said");
    }
    let _ = answer(text, &cx);
    let _ = words.patterns.matches(text, &cx);
    for kind in Kind::EACH {
        for found in read::find(kind, text, &cx) {
            assert!(text.get(found.span).is_some(), "spans are on character boundaries");
        }
        if let Some(value) = read::parse(kind, text, &cx) {
            let _ = value.to_string();
        }
    }
}
