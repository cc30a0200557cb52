//! Nothing that a person reads stands in Rust: it is in the corpus, in every language.

use regex::Regex;
use tests::transcript;

use super::{code, files, is_test, none};

/// Files whose sentences are for the operator at the command line or in the log, with the reason.
const OPERATORS: [(&str, &str); 17] = [
    ("agent/src/cli", "the command line"),
    (
        "agent/src/channels/terminal.rs",
        "the command line: what keeps the terminal from starting, and the heading of a transcript",
    ),
    ("agent/src/config", "what is wrong with a configuration"),
    ("agent/src/measure/converse", "`atoll converse` and `atoll evaluate`: a contract in JSON"),
    ("agent/src/app/doctor.rs", "`atoll doctor`"),
    ("agent/src/measure/evaluate.rs", "`atoll evaluate`"),
    ("agent/src/measure/explain.rs", "`atoll explain`: a contract in JSON"),
    ("agent/src/nlu/misses", "`atoll misses`"),
    ("agent/src/state/lock.rs", "what keeps a second process out"),
    ("agent/src/state/journal", "errors of files, for the log and `atoll doctor`; people are told by News"),
    ("agent/src/host.rs", "names of operations in errors, for the log"),
    ("agent/src/host/libvirt", "names of operations in errors, for the log"),
    ("agent/src/host/events", "names of events of libvirt, for the log"),
    ("agent/src/host/fake", "the host of the tests"),
    ("agent/src/ops", "names of operations in errors and lines of transcripts; people are told by the corpus"),
    ("agent/src/channels/xmpp/in_memory.rs", "for tests"),
    ("dialogue/src/book.rs", "what is wrong with a corpus, for who writes one"),
];

/// Sentences elsewhere that nobody is told, with the reason.
const NOT_TOLD: [(&str, &str); 9] = [
    ("there is no XMPP here", "an error for the log: the person gets \"failed\" with its reference"),
    ("force off", "a choice of a slot: a word of the grammar, as people say it"),
    ("event after the end of the element", "an error of a parser"),
    ("not understood", "the reason in a trace, for `atoll explain`"),
    ("not shown here", "the reason in a trace, for `atoll explain`"),
    ("two readings", "the reason in a trace, for `atoll explain`"),
    ("os error 28)", "how the system's full disk is recognised"),
    ("os error 122)", "how the system's full quota is recognised"),
    ("unit {unit}", "where a lexicon is wrong, for who writes one"),
];

/// Whether a literal reads as words of a language: two small words side by side, or one beside a value.
fn reads_as_words(text: &str) -> bool {
    let words = Regex::new(r"(^|[ (:;,'])[a-z]{2,}['’]?[a-z]* (\{|[a-z])|\} [a-z]{2,}").expect("a pattern");
    // No text: XML, patterns, formats of dates, keys.
    let other = Regex::new(r"^<|xmlns|^\\?\[|%[HY]").expect("a pattern");
    words.is_match(text) && !other.is_match(text)
}

#[test]
fn nothing_a_person_reads_stands_in_rust() {
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).expect("a pattern");
    // What goes to the log, to who reads a panic, or to the operator who starts it.
    let unread = Regex::new(
        r"tracing::|guarded\(|expect\(|#\[error|reason =|context\(|bail!|panic!|assert|unreachable!|#\[doc|#\[command|#\[arg",
    )
    .expect("a pattern");
    let opened = Regex::new(r"tracing::[a-z]+!\($").expect("a pattern");
    let mut wrong = Vec::new();
    let folders = ["agent/src", "dialogue/src"];
    for path in folders.iter().flat_map(|folder| files(folder, "rs")).filter(|path| !is_test(path)) {
        if OPERATORS.iter().any(|(place, _)| path.starts_with(place)) {
            continue;
        }
        let mut logging = false;
        for (line, text) in code(&path) {
            // A call of the log over several lines ends with its semicolon.
            logging = logging || opened.is_match(text.trim_end());
            let skip = logging || unread.is_match(&text);
            if logging && text.trim_end().ends_with(");") {
                logging = false;
            }
            if skip {
                continue;
            }
            for found in literal.captures_iter(&text) {
                let sentence = &found[1];
                if reads_as_words(sentence) && !NOT_TOLD.iter().any(|(known, _)| *known == sentence) {
                    wrong.push(format!("{path}:{line}: \"{sentence}\" belongs in the corpus (corpus/<lang>/…)"));
                }
            }
        }
    }
    none(&wrong);
}

/// Ops are told by their verbs: "Done so far: start web1", "Still busy with alice's start of web1".
#[test]
fn every_op_has_its_words_in_every_language() {
    let book = transcript::nlu().book();
    let mut wrong = Vec::new();
    for op in agent::ops::ALL {
        for (key, like) in [("op", "start {$name}"), ("deed", "start of {$name}")] {
            let key = format!("{key}_{}", op.verb);
            for language in book.languages() {
                if book.words(language).phrases.wants(&format!("phrases/{key}")).is_none() {
                    wrong.push(format!("corpus/{language}/phrases.txt: add `> {key}: …`, as in \"{like}\""));
                }
            }
        }
    }
    none(&wrong);
}
