//! `atoll misses`: what was meant after all as lines for the corpus, then the rest, the most frequent first.

use std::collections::BTreeMap;
use std::fmt::Write;

use dialogue::book::{Book, CorpusSource};
use dialogue::spec::TARGET;
use jiff::Timestamp;

use super::mask::Placeholder;
use super::{Miss, Outcome};

/// Names for the machines of one line.
const MACHINES: [&str; 3] = ["web1", "db1", "mail"];

/// Misses that say the same.
struct Group<'m> {
    /// The newest.
    miss: &'m Miss,
    count: usize,
}

/// All of them as text.
pub fn report(misses: &[Miss], book: &Book, files: &[CorpusSource<'_>]) -> String {
    let mut meant: BTreeMap<(&str, &str), Vec<&Miss>> = BTreeMap::new();
    let mut rest: BTreeMap<&str, Vec<&Miss>> = BTreeMap::new();
    for miss in misses {
        match &miss.meant {
            Some(skill) => meant.entry((&miss.language, skill)).or_default().push(miss),
            None => rest.entry(&miss.language).or_default().push(miss),
        }
    }
    let mut out = String::new();
    for ((language, skill), misses) in meant {
        let place = file_of(language, skill, files).unwrap_or_else(|| format!("corpus/{language}"));
        write!(out, "// {place}\n# {skill}\n").expect("a string takes what is written");
        let has_target = book.spec(skill).is_some_and(|spec| spec.slot(TARGET).is_some());
        for Group { miss, count } in grouped(&misses) {
            let line = corpus_line(&miss.text, has_target);
            write!(out, "// {}, last {}\n+ {line}\n", times(count), day(miss.at))
                .expect("a string takes what is written");
        }
        out.push('\n');
    }
    for (language, misses) in rest {
        writeln!(out, "// {language}: nobody said what was meant").expect("a string takes what is written");
        for Group { miss, count } in grouped(&misses) {
            let what = match miss.outcome {
                Outcome::NotUnderstood => "not understood",
                Outcome::GuessOffered => "guess offered",
                Outcome::Vetoed => miss.why.as_deref().unwrap_or("vetoed"),
            };
            let near = miss.ranked.as_ref().map_or_else(String::new, |(skill, score)| format!(", {skill} {score:.2}"));
            writeln!(out, "// {}, {what}{near}: {}", times(count), miss.text).expect("a string takes what is written");
        }
        out.push('\n');
    }
    out
}

/// Those that differ only in case and punctuation are one; the most frequent first, then in the order of the words.
fn grouped<'m>(misses: &[&'m Miss]) -> Vec<Group<'m>> {
    let mut groups: BTreeMap<String, Group<'m>> = BTreeMap::new();
    for &miss in misses {
        let key: String = dialogue::topics::words(&miss.text).join(" ");
        let key = if key.is_empty() { miss.text.clone() } else { key };
        let group = groups.entry(key).or_insert(Group { miss, count: 0 });
        group.miss = miss;
        group.count += 1;
    }
    let mut groups: Vec<Group<'m>> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

/// A masked text with examples for what was masked; the machine is annotated where the skill wants one.
fn corpus_line(text: &str, has_target: bool) -> String {
    let mut line = text.replace('[', "(").replace(']', ")");
    let mut machines = 0;
    for (placeholder, mark) in Placeholder::ALL {
        while let Some(at) = line.find(mark) {
            let example = match placeholder {
                Placeholder::Machine => {
                    let name = MACHINES[machines.min(MACHINES.len() - 1)];
                    machines += 1;
                    if has_target && machines == 1 { format!("[{name}]({TARGET})") } else { name.to_owned() }
                }
                Placeholder::Host => "hv1".to_owned(),
                Placeholder::Name => "data".to_owned(),
                Placeholder::Somebody => "bob".to_owned(),
                Placeholder::Quoted => "\"data\"".to_owned(),
                Placeholder::Address => "bob@example.org".to_owned(),
                Placeholder::Number => "12345".to_owned(),
            };
            line.replace_range(at..at + mark.len(), &example);
        }
    }
    line
}

/// The corpus file with a skill's section.
fn file_of(language: &str, skill: &str, files: &[CorpusSource<'_>]) -> Option<String> {
    let begins = |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.split_whitespace().next() == Some(skill));
    let file = files.iter().find(|(of, _, text)| *of == language && text.lines().any(begins));
    file.map(|(_, name, _)| format!("corpus/{language}/{name}"))
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn day(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
