//! The grammar as people meet it: with the words of the English lexicon.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

mod answers;
mod conditions;
mod corpora;
mod french_frames;
mod french_stances;
mod french_values;
mod languages;
mod patterns;
mod properties;
mod stances;
mod values;

use std::sync::LazyLock;

use grammar::{
    kind::{Kind, Of},
    lexicon::Lexicon,
    read::Context,
    value::Value,
};

/// The words of English.
static ENGLISH: LazyLock<Lexicon> =
    LazyLock::new(|| Lexicon::parse(include_str!("../../../corpus/en/lexicon.txt")).unwrap());

/// The words of French.
static FRENCH: LazyLock<Lexicon> =
    LazyLock::new(|| Lexicon::parse(include_str!("../../../corpus/fr/lexicon.txt")).unwrap());

/// Names that exist in these tests, some of them looking like words.
static NAMES: LazyLock<Vec<(Of, String)>> = LazyLock::new(|| {
    let machine = ["web1", "web2", "db", "Cache-1", "delete-me", "stop", "all", "me", "yes", "it", "42", "my old vm"];
    let mut names: Vec<(Of, String)> = machine.iter().map(|name| (Of::Machine, (*name).to_owned())).collect();
    names.push((Of::Hypervisor, "hv1".into()));
    names.push((Of::Snapshot, "before upgrade".into()));
    names.push((Of::Snapshot, "old".into()));
    names.push((Of::Tag, "test".into()));
    names
});

/// It is Friday noon in Berlin.
fn cx() -> Context<'static> {
    Context { lexicon: &ENGLISH, known: &*NAMES, now: "2026-11-20T12:00:30+01:00[Europe/Berlin]".parse().unwrap() }
}

/// The same where French is spoken.
fn french() -> Context<'static> {
    Context { lexicon: &FRENCH, ..cx() }
}

/// The value in its canonical notation, or "-".
fn said(kind: Kind, text: &str) -> String {
    grammar::read::parse(kind, text, &cx()).map_or("-".into(), |value: Value| value.to_string())
}

/// Compares a whole table, and shows all rows that are wrong.
fn check<'a, T: PartialEq + std::fmt::Debug>(table: &'a [(&'a str, T)], read: impl Fn(&'a str) -> T) {
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(text, expected)| {
            let found = read(text);
            (found != *expected).then(|| format!("{text:?}: expected {expected:?}, read {found:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} rows are wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}
