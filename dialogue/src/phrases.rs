//! Reply texts: the corpus' `>` lines in Fluent syntax, rendered without bidi isolation, with control characters taken out of values.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast;
use grammar::lexicon::Lexicon;
use grammar::size::Bytes;
use jiff::{SignedDuration, Zoned};
use unic_langid::LanguageIdentifier;

use crate::reply::{Phrase, Reply, Var};

/// Most lines a reply shows before it is cut.
pub const MOST_LINES: usize = 15;
/// Bytes of rows kept for "more".
const MOST_KEPT: usize = 24 * 1024;

/// Units of size in their notation.
const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// All reply texts of one language.
pub struct Phrases {
    bundle: FluentBundle<FluentResource>,
    /// How units of size are written, from bytes on.
    units: [String; 7],
    decimal: char,
    wants: BTreeMap<String, BTreeSet<String>>,
}

/// A reply as a channel shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The whole text, complete in itself.
    pub text: String,
    /// Rows that were cut, for "more", within bounds.
    pub more: Vec<String>,
    /// Label and what picking it says.
    pub choices: Vec<(String, String)>,
}

/// Fluent ids know neither dot nor slash.
fn fluent_id(key: &str) -> String {
    key.replace('.', "_").replace('/', "--")
}

impl Phrases {
    /// Compiles `(key, Fluent pattern)` pairs.
    ///
    /// # Errors
    /// The key whose text Fluent can't read, with Fluent's words.
    pub fn new(language: &str, lexicon: &Lexicon, texts: &[(String, String)]) -> Result<Self, (String, String)> {
        let identifier: LanguageIdentifier =
            language.parse().map_err(|error| (language.to_owned(), format!("{error}")))?;
        let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
        bundle.set_use_isolating(false);
        let mut wants = BTreeMap::new();
        for (key, text) in texts {
            let source = format!("{} = {}\n", fluent_id(key), text.replace('\n', "\n    "));
            let resource = FluentResource::try_new(source).map_err(|(_, errors)| {
                (key.clone(), errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            })?;
            let mut variables = BTreeSet::new();
            for entry in resource.entries() {
                if let ast::Entry::Message(ast::Message { value: Some(pattern), .. }) = entry {
                    pattern_variables(pattern, &mut variables);
                }
            }
            wants.insert(key.clone(), variables);
            bundle.add_resource(resource).map_err(|errors| {
                (key.clone(), errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            })?;
        }
        let units = UNITS.map(|unit| lexicon.say(&format!("unit {unit}")).unwrap_or(unit).to_owned());
        Ok(Self { bundle, units, decimal: if lexicon.decimal_comma() { ',' } else { '.' }, wants })
    }

    /// Which variables a phrase wants; `None` if there is no such phrase.
    pub fn wants(&self, key: &str) -> Option<&BTreeSet<String>> {
        self.wants.get(key)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.wants.keys().map(String::as_str)
    }

    /// One sentence. Total: a missing phrase or value shows its name, and is found by the tests of the corpus.
    pub fn phrase(&self, phrase: &Phrase, now: &Zoned) -> String {
        let Some(pattern) = self.bundle.get_message(&fluent_id(&phrase.key)).and_then(|message| message.value()) else {
            return format!("[{}]", phrase.key);
        };
        let mut args = FluentArgs::new();
        for (name, value) in &phrase.vars {
            match value {
                Var::Number(number) => args.set(name.clone(), FluentValue::from(*number)),
                other => args.set(name.clone(), FluentValue::from(self.value(other, now))),
            }
        }
        let mut errors = Vec::new();
        self.bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned()
    }

    /// One value as text.
    fn value(&self, value: &Var, now: &Zoned) -> String {
        match value {
            Var::Text(text) => clean(text),
            Var::Number(number) => number.to_string(),
            Var::Size(bytes) => self.size(*bytes),
            Var::List(items) => self.list(&items.iter().map(|item| clean(item)).collect::<Vec<_>>(), now),
            Var::Phrases(items) => self.list(&items.iter().map(|item| self.phrase(item, now)).collect::<Vec<_>>(), now),
            Var::When(instant) => {
                let at = instant.to_zoned(now.time_zone().clone());
                let form = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
                at.strftime(form).to_string()
            }
            Var::Span(span) => self.span(*span, now),
            Var::Phrase(phrase) => self.phrase(phrase, now),
        }
    }

    /// "a, b and c".
    fn list(&self, items: &[String], now: &Zoned) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [before @ .., last] => self
                .phrase(&Phrase::common("list_and").with("before", before.join(", ")).with("last", last.as_str()), now),
        }
    }

    /// A size as people read it: three digits at most, in the unit that fits; what is exact stays exact.
    fn size(&self, bytes: Bytes) -> String {
        let mut number = bytes.0 as f64;
        let mut unit = 0;
        // 999.5 of a unit would round to four digits.
        while number >= 999.5 && unit + 1 < UNITS.len() {
            number /= 1024.0;
            unit += 1;
        }
        let places = if number >= 99.95 { 0 } else { 1 };
        let text = format!("{number:.places$}");
        let text = text.strip_suffix(".0").unwrap_or(&text).replace('.', &self.decimal.to_string());
        format!("{text} {}", self.units[unit])
    }

    /// The largest fitting unit, rounded down: "3 min".
    fn span(&self, span: SignedDuration, now: &Zoned) -> String {
        let seconds = span.as_secs().max(0);
        let (id, count) = match seconds {
            0..60 => ("span_seconds", seconds),
            60..3_600 => ("span_minutes", seconds / 60),
            3_600..172_800 => ("span_hours", seconds / 3_600),
            _ => ("span_days", seconds / 86_400),
        };
        self.phrase(&Phrase::common(id).with("n", count as f64), now)
    }

    /// A whole reply: heads on one line, rows cut after [`MOST_LINES`], tail, numbered choices.
    pub fn reply(&self, reply: &Reply, now: &Zoned) -> Rendered {
        let line = |phrases: &[Phrase]| {
            phrases
                .iter()
                .map(|phrase| self.phrase(phrase, now))
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let mut lines = Vec::new();
        lines.extend(Some(line(&reply.head)).filter(|text| !text.is_empty()));
        let (shown, more) = self.rows(&reply.rows, now);
        lines.extend(shown);
        lines.extend(Some(line(&reply.tail)).filter(|text| !text.is_empty()));
        let choices = reply
            .choices
            .iter()
            .map(|choice| (self.value(&choice.label, now), choice.says.clone()))
            .collect::<Vec<_>>();
        if reply.numbered {
            lines.extend(choices.iter().enumerate().map(|(index, (label, _))| format!("{}. {label}", index + 1)));
        }
        Rendered { text: lines.join("\n"), more, choices }
    }

    /// Rows that are shown now, and so many of the others as may be kept for "more": of a list of thousands the rest is never put in words.
    fn rows(&self, rows: &[Phrase], now: &Zoned) -> (Vec<String>, Vec<String>) {
        let text = |row: &Phrase| self.phrase(row, now);
        if rows.len() <= MOST_LINES {
            return (rows.iter().map(text).collect(), Vec::new());
        }
        let (shown, rest) = rows.split_at(MOST_LINES - 1);
        let more_rows = Phrase::common("more_rows").with("n", rest.len());
        let mut bytes = 0;
        let within = |row: &String| {
            bytes += row.len();
            bytes <= MOST_KEPT
        };
        (shown.iter().chain([&more_rows]).map(text).collect(), rest.iter().map(text).take_while(within).collect())
    }

    /// Rows that are shown now, the last of them telling how many are left, and the rest.
    pub fn cut(&self, mut rows: Vec<String>, now: &Zoned) -> (Vec<String>, Vec<String>) {
        if rows.len() <= MOST_LINES {
            return (rows, Vec::new());
        }
        let rest = rows.split_off(MOST_LINES - 1);
        rows.push(self.phrase(&Phrase::common("more_rows").with("n", rest.len()), now));
        (rows, rest)
    }
}

/// Values come from hosts, guests and people: no control characters, no bidi marks, no zero-width characters in what we say.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|character| if character == '\n' || character == '\t' { ' ' } else { character })
        .filter(|character| !character.is_control() && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
        .collect()
}

fn pattern_variables<S: AsRef<str>>(pattern: &ast::Pattern<S>, into: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let ast::PatternElement::Placeable { expression } = element {
            expression_variables(expression, into);
        }
    }
}

fn expression_variables<S: AsRef<str>>(expression: &ast::Expression<S>, into: &mut BTreeSet<String>) {
    match expression {
        ast::Expression::Inline(inline) => inline_variables(inline, into),
        ast::Expression::Select { selector, variants } => {
            inline_variables(selector, into);
            for variant in variants {
                pattern_variables(&variant.value, into);
            }
        }
    }
}

fn inline_variables<S: AsRef<str>>(inline: &ast::InlineExpression<S>, into: &mut BTreeSet<String>) {
    match inline {
        ast::InlineExpression::VariableReference { id } => {
            into.insert(id.name.as_ref().to_owned());
        }
        ast::InlineExpression::Placeable { expression } => expression_variables(expression, into),
        ast::InlineExpression::FunctionReference { arguments, .. } => {
            for argument in &arguments.positional {
                inline_variables(argument, into);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Choice;

    fn phrases() -> Phrases {
        let texts = [
            ("phrases/list_and", "{$before} and {$last}"),
            ("phrases/more_rows", "… and {$n} more: say \"more\"."),
            ("phrases/span_minutes", "{$n} min"),
            ("t.a/one", "{$who} has {$n ->\n    [one] one disk\n   *[other] {$n} disks\n}."),
        ];
        Phrases::new("en", &Lexicon::default(), &texts.map(|(key, text)| (key.to_owned(), text.to_owned())))
            .expect("these texts are right")
    }

    fn now() -> Zoned {
        "2026-11-21T12:00:00+00:00[UTC]".parse().expect("a date")
    }

    #[test]
    fn plurals_lists_and_hostile_values_read_well() {
        let phrase = |n: f64| {
            Phrase::new("t.a/one")
                .with("who", vec!["a".to_owned(), "b\u{202e}".to_owned(), "c\nd".to_owned()])
                .with("n", n)
        };
        assert_eq!(phrases().phrase(&phrase(1.0), &now()), "a, b and c d has one disk.");
        assert_eq!(phrases().phrase(&phrase(3.0), &now()), "a, b and c d has 3 disks.");
    }

    #[test]
    fn sizes_are_short_and_exact_ones_stay_exact() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1 << 30, "1 GiB"),
            (30 << 30, "30 GiB"),
            (1_099_506_434_048, "1 TiB"),
            (1_610_612_736, "1.5 GiB"),
            (1 << 37, "128 GiB"),
            (179_530_041_331_797, "163 TiB"),
        ] {
            assert_eq!(phrases().size(Bytes(bytes)), text);
        }
    }

    #[test]
    fn what_a_text_wants_is_known_through_plurals() {
        let wanted = phrases().wants("t.a/one").map(|names| names.iter().cloned().collect::<Vec<_>>());
        assert_eq!(wanted, Some(vec!["n".to_owned(), "who".to_owned()]));
    }

    #[test]
    fn long_lists_are_cut_with_the_count_and_choices_are_numbered() {
        let rows = (0..20).map(|n| Phrase::new("phrases/span_minutes").with("n", n as f64)).collect();
        let reply = Reply::list(Phrase::new("phrases/span_minutes").with("n", 7.0), rows)
            .choose(vec![Choice { label: "web1".into(), says: "web1".into() }]);
        let rendered = phrases().reply(&reply, &now());
        assert_eq!(rendered.text.lines().count(), 1 + MOST_LINES + 1);
        assert!(rendered.text.contains("… and 6 more"), "{}", rendered.text);
        assert_eq!(rendered.more.len(), 6);
        assert!(rendered.text.ends_with("1. web1"));
    }
}
