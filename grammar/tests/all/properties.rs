//! What holds for any text and any value.

use grammar::{
    answer::answer,
    corpus,
    frame::frame,
    kind::{Kind, Of},
    lexicon::Lexicon,
    pattern::Pattern,
    read::{at, find, parse},
    token::tokens,
    value::{Bytes, Days, Recurrence, Selector, SizeChange, Span, State, Value, When},
};
use jiff::{Timestamp, civil::Time, tz::TimeZone};
use proptest::prelude::*;

use crate::{cx, french};

/// Choices that differ from each other in every language.
const CHOICES: &[&str] = &[
    "thin",
    "thick",
    "linked",
    "all",
    "errors",
    "quiet",
    "now",
    "next-boot",
    "cdrom",
    "network",
    "nat",
    "bridge",
    "viewer",
    "operator",
    "admin",
    "running",
    "paused",
    "crashed",
    "memory",
    "cpu",
    "latest",
    "oldest",
];

/// Texts made of words that mean something, of anything, and of what breaks parsers.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "web1", "stop", "all", "vms", "20", "gigs", "1.5", "tomorrow", "at", "8", "every", "monday", "don't", "web1's", "\"", "'", "“", "”",
            "(", "and", "then", "if", ",", ";", ".", "?", ":", "@", "the", "second", "one", "half", "a", "in", "1h30", "22:00", "99999999999999",
            "2026-02-30", "10.0.0.0/8", "-5", "+1/0", "0/0", "½", "24.12.", "24th", "december", "except", "tagged", "*", "web*", "👍", "é", "ß",
            "éteins-toi", "l'", "demi-heure", "tous les", "h", "et", "moins le quart", "-la", "«", "»", "le", "1er", "İ", "\u{200b}", "\u{202e}", "\u{301}", "no", "make that", "30", "::", "%", "10%", "more", "since", "ago", "years", "999999999", "months",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z0-9:./@' -]{1,8}",
    ];
    prop::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_text_makes_it_panic_and_spans_are_of_the_text(text in text()) {
        for cx in [cx(), french()] {
        for kind in Kind::EACH {
            parse(kind, &text, &cx);
            let mut last = 0;
            for found in find(kind, &text, &cx) {
                prop_assert!(text.get(found.span.clone()).is_some(), "{found:?}");
                prop_assert!(found.span.start >= last && !found.span.is_empty());
                last = found.span.end;
            }
            let all = tokens(&text);
            for (count, _) in at(kind, &all, &cx) {
                prop_assert!(count > 0 && count <= all.len());
            }
        }
        for token in tokens(&text) {
            let said = text.get(token.span.clone());
            prop_assert!(said.is_some_and(|said| said.contains(token.text)));
        }
        let frame = frame(&text, &cx);
        for part in &frame.parts {
            prop_assert!(!part.raw.is_empty() && !part.text.is_empty(), "{frame:?}");
        }
        answer(&text, &cx);
        }
    }

    #[test]
    fn no_file_makes_it_panic(text in "(#|=|\\+|!|\\?|>| |//|)[ a-z.:<>()\\[\\]{}|;\n\r\t\"-]{0,60}") {
        let _ = corpus::parse("f", &text);
        let _ = Lexicon::parse(&text);
        let _ = Pattern::parse(&text);
    }

    #[test]
    fn what_is_printed_is_read_again((kind, value) in value()) {
        let printed = value.to_string();
        prop_assert_eq!(parse(kind, &printed, &cx()), Some(value), "{}", printed);
    }

    #[test]
    fn what_is_said_in_a_language_is_read_again_in_it((kind, value) in value()) {
        for cx in [cx(), french()] {
            let said = value.said(cx.lexicon);
            prop_assert_eq!(parse(kind, &said, &cx), Some(value.clone()), "{}", said);
        }
    }

    #[test]
    fn choices_are_said_and_read_again(value in prop::sample::select(CHOICES.to_vec())) {
        for cx in [cx(), french()] {
            let said = Value::Choice(value.to_owned()).said(cx.lexicon);
            let read = parse(Kind::Choice(CHOICES), &said, &cx);
            prop_assert_eq!(read, Some(Value::Choice(value.to_owned())), "{}", said);
        }
    }

    #[test]
    fn a_pattern_matches_its_own_example(words in prop::collection::vec("[a-z]{3,8}", 1..6)) {
        let pattern = Pattern::parse(&words.join(" ")).unwrap();
        let example = pattern.example();
        let patterns = grammar::pattern::Patterns::new(vec![(pattern, ())], |_, _| None).unwrap();
        prop_assert_eq!(patterns.matches(&example, &cx()).len(), 1);
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{2,6}-[a-z0-9]{1,4}[0-9]",
        "[a-z]{1,8}",
        Just("it".to_owned()),
        Just("all".to_owned()),
        "[a-z]{3,5} [a-z]{3,5}"
    ]
}

fn selector() -> impl Strategy<Value = Selector> {
    let state = prop::option::of(prop::sample::select(vec![
        State::Off,
        State::Running,
        State::Paused,
        State::Crashed,
        State::Saved,
        State::Resting,
    ]));
    let filtered = (
        state,
        prop::option::of("[a-z]{2,8}"),
        prop::option::of(prop::sample::select(vec!["debian".to_owned(), "windows".to_owned()])),
        prop::option::of("[a-z]{2,5}-"),
        prop::option::of(Just("hv1".to_owned())),
        prop::collection::vec("[a-z]{2,6}[0-9]", 0..3),
    );
    prop_oneof![
        prop::collection::vec(
            name().prop_filter("not written otherwise by a known name", |name| name != "cache-1"),
            1..4
        )
        .prop_map(Selector::Names),
        Just(Selector::It),
        Just(Selector::Myself),
        Just(Selector::Same),
        Just(Selector::All),
        prop::collection::vec(prop_oneof![1..30usize, Just(grammar::selector::LAST)], 1..3).prop_map(Selector::Nth),
        filtered.prop_map(|(state, tag, os, prefix, host, except)| {
            let narrowed = state.is_some() || tag.is_some() || os.is_some() || prefix.is_some() || host.is_some();
            if !narrowed && except.is_empty() {
                return Selector::All;
            }
            Selector::Where { state, tag, os, prefix, host, except }
        }),
    ]
}

fn time() -> impl Strategy<Value = Option<Time>> {
    prop::option::of((0..24i8, 0..60i8).prop_map(|(hour, minute)| Time::constant(hour, minute, 0, 0)))
}

fn value() -> impl Strategy<Value = (Kind, Value)> {
    let bytes = || {
        prop_oneof![
            any::<u64>().prop_map(Bytes),
            (0..100_000u64).prop_map(Bytes::mib),
            (0..900u64).prop_map(Bytes::gib)
        ]
    };
    let bytes = || bytes().prop_map(|size| Bytes(size.0 % (1 << 49)));
    let change = prop_oneof![
        bytes().prop_map(SizeChange::To),
        bytes().prop_map(SizeChange::Add),
        bytes().prop_map(SizeChange::Sub),
        (-100..500i32).prop_map(SizeChange::Percent),
        (1..50u32).prop_map(SizeChange::Times),
    ];
    // Negative nothing is nothing more.
    let change =
        change.prop_map(|change| if change == SizeChange::Percent(0) { SizeChange::Percent(1) } else { change });
    let zone = prop::sample::select(vec!["Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata"]);
    let when = (0..4_000_000_000i64, zone, any::<bool>()).prop_map(|(second, zone, day_only)| {
        let at = Timestamp::from_second(second).unwrap().to_zoned(TimeZone::get(zone).unwrap());
        let at = if day_only { at.start_of_day().unwrap() } else { at };
        When { at, day_only }
    });
    let days =
        (1..128u8).prop_map(|bits| (1..=7).filter(|day| bits & 1 << (day - 1) != 0).fold(Days::none(), Days::with));
    let recurrence = prop_oneof![
        (1..10_000_000u64).prop_map(|seconds| Recurrence::Every(Span { seconds })),
        (days, time()).prop_map(|(days, time)| Recurrence::Weekly { days, time }),
        (1..32u8, time()).prop_map(|(day, time)| Recurrence::Monthly { day, time }),
    ]
    .prop_map(|recurrence| match recurrence {
        // "every 1 d" is every day.
        Recurrence::Every(Span { seconds: 86_400 }) => Recurrence::Every(Span { seconds: 86_401 }),
        other => other,
    });
    prop_oneof![
        bytes().prop_map(|size| (Kind::Size, Value::Size(size))),
        change.prop_map(|change| (Kind::SizeChange, Value::SizeChange(change))),
        (0..1_000_000u64).prop_map(|count| (Kind::Count, Value::Count(count))),
        any::<u8>().prop_map(|percent| (Kind::Percent, Value::Percent(percent))),
        (0..1_000_000_000u64).prop_map(|seconds| (Kind::Duration, Value::Duration(Span { seconds }))),
        when.prop_map(|when| (Kind::When, Value::When(when))),
        recurrence.prop_map(|recurrence| (Kind::Recurrence, Value::Recurrence(recurrence))),
        selector().prop_map(|selector| (Kind::Machines, Value::Machines(selector))),
        "[a-z]{2,9}[0-9]".prop_map(|name| (Kind::NewName(Of::Disk), Value::Name(name))),
        "[a-z]{1,8}@[a-z]{1,8}\\.[a-z]{2,3}".prop_map(|jid| (Kind::Jid, Value::Jid(jid))),
        any::<std::net::IpAddr>().prop_map(|ip| (Kind::Address, Value::Address(ip.to_string()))),
        "[a-zA-Z.,!? ]{1,30}"
            .prop_filter("some text", |text| !text.trim().is_empty())
            .prop_map(|text| (Kind::Text, Value::Text(text.trim().to_owned()))),
    ]
}
