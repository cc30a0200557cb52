//! Masking: nothing that tells of whose machines, files or people a text spoke.

use std::collections::HashSet;
use std::ops::Range;

use dialogue::book::Book;
use grammar::token::{Token, fold, tokens};

use crate::host::HostRead;

/// Most digits of a number that is no telephone, account or serial number.
const MOST_DIGITS: usize = 4;
/// From this length on a word is more likely a key than a word.
const LONG: usize = 24;

/// Names that exist, each with what stands in its place.
pub type Names = Vec<(String, Placeholder)>;

/// All names of the hosts, and that of whoever speaks.
pub fn names(host: &dyn HostRead, asker: &str) -> Names {
    let mut names = vec![(asker.to_owned(), Placeholder::Somebody)];
    for hypervisor in host.hypervisors() {
        names.extend(host.pools(&hypervisor.name).into_iter().map(|pool| (pool.name, Placeholder::Name)));
        names.push((hypervisor.name, Placeholder::Host));
    }
    for machine in host.machines() {
        let snapshots = machine.snapshots.iter().map(|snapshot| snapshot.name.clone());
        let volumes = machine.disks.iter().filter_map(|disk| disk.volume.as_ref().map(|(_, volume)| volume.clone()));
        names.extend(snapshots.chain(volumes).map(|name| (name, Placeholder::Name)));
        names.push((machine.name.clone(), Placeholder::Machine));
    }
    names
}

/// What stands for what was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// A machine.
    Machine,
    /// A hypervisor.
    Host,
    /// A snapshot, volume, pool, file, or what looks like a name.
    Name,
    /// The person who said it.
    Somebody,
    /// A quotation.
    Quoted,
    /// An XMPP, IP, MAC or web address, or a path.
    Address,
    /// A long number.
    Number,
}

impl Placeholder {
    /// Every one, with how it is written.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Machine, "<machine>"),
        (Self::Host, "<host>"),
        (Self::Name, "<name>"),
        (Self::Somebody, "<somebody>"),
        (Self::Quoted, "<quoted>"),
        (Self::Address, "<address>"),
        (Self::Number, "<number>"),
    ];

    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(placeholder, _)| *placeholder == self).map_or("", |(_, text)| *text)
    }
}

/// The words of all phrasings and commands of a book.
pub fn ordinary(book: &Book) -> HashSet<String> {
    let mut words = HashSet::new();
    for language in book.languages() {
        for section in book.words(language).skills.values() {
            let patterns = section.patterns.iter().map(|line| line.value.as_str());
            // What fills a slot is an example of a name.
            let examples = section.examples.iter().map(|example| {
                let mut text = example.text.clone();
                for (span, _) in example.slots.iter().rev() {
                    text.replace_range(span.clone(), " ");
                }
                text
            });
            for text in examples.chain(patterns.map(str::to_owned)) {
                words.extend(tokens(&text).into_iter().map(|token| token.folded));
            }
        }
    }
    words
}

/// A text without what should not be kept of it; `ordinary` words of the corpus are no names.
pub fn masked(text: &str, names: &Names, ordinary: &HashSet<String>) -> String {
    let mut spans: Vec<(Range<usize>, Placeholder)> = Vec::new();
    let mut take = |span: Range<usize>, with: Placeholder| {
        if spans.iter().all(|(taken, _)| span.end <= taken.start || taken.end <= span.start) {
            spans.push((span, with));
        }
    };
    let tokens = tokens(text);
    for token in tokens.iter().filter(|token| token.quoted) {
        take(token.span.clone(), Placeholder::Quoted);
    }
    for token in tokens.iter().filter(|token| !token.quoted && is_address(token.text)) {
        take(token.span.clone(), Placeholder::Address);
    }
    let mut known: Vec<&(String, Placeholder)> = names.iter().filter(|(name, _)| !name.is_empty()).collect();
    known.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, placeholder) in known {
        // A machine called "test" is masked in any sentence; a pool called "default" only where that is no word.
        if *placeholder == Placeholder::Machine || !ordinary.contains(&fold(name)) {
            whole_words(text, name).for_each(|span| take(span, *placeholder));
        }
    }
    long_numbers(text, &tokens).for_each(|span| take(span, Placeholder::Number));
    for token in tokens.iter().filter(|token| !token.quoted) {
        if looks_like_a_name(token.text) && !ordinary.contains(&token.folded) {
            take(token.span.clone(), Placeholder::Name);
        }
    }
    spans.sort_by_key(|(span, _)| span.start);
    let mut masked = text.to_owned();
    for (span, placeholder) in spans.into_iter().rev() {
        masked.replace_range(span, placeholder.text());
    }
    dialogue::phrases::clean(&masked)
}

/// Where a name stands as a word of its own, whatever its case.
fn whole_words<'t>(text: &'t str, name: &str) -> impl Iterator<Item = Range<usize>> + 't {
    let (lower, name) = (text.to_ascii_lowercase(), name.to_ascii_lowercase());
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let starts: Vec<usize> = lower.match_indices(&name).map(|(at, _)| at).collect();
    starts.into_iter().map(move |at| at..at + name.len()).filter(move |span| {
        let before = text[..span.start].chars().next_back();
        let after = text[span.end..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn is_address(text: &str) -> bool {
    let dotted = text.split('.').filter(|part| part.chars().any(char::is_alphabetic)).count() > 1;
    let path = text.starts_with(['/', '~', '\\']) && text.len() > 1 || text.matches('/').count() > 1;
    text.contains('@') || text.contains("://") || dotted || path || grammar::address::normal(text).is_some()
}

/// Numbers of many digits, also where blanks or dashes cut them in pieces.
fn long_numbers<'t>(text: &'t str, tokens: &'t [Token<'t>]) -> impl Iterator<Item = Range<usize>> + 't {
    let numeric = |token: &Token<'_>| {
        !token.quoted
            && token.text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '/' | ':' | '+'))
    };
    let joined = move |one: &Token<'_>, next: &Token<'_>| {
        numeric(one)
            && numeric(next)
            && text.get(one.span.end..next.span.start).is_some_and(|gap| matches!(gap, " " | "-" | " - " | "."))
    };
    tokens.chunk_by(joined).filter_map(move |run| {
        let digits = |token: &Token<'_>| token.text.chars().filter(char::is_ascii_digit).count();
        let many = run.iter().map(digits).sum::<usize>() > MOST_DIGITS;
        let (first, last) = (run.first()?, run.last()?);
        (many && (run.len() > 1 || numeric(first))).then_some(first.span.start..last.span.end)
    })
}

/// "web-17", "hunter2", "acme_payroll", "5ff3…": letters and digits or joined words, and no size or time like "20gb" and "8h30".
fn looks_like_a_name(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let measure = text.starts_with(|c: char| c.is_ascii_digit()) && letters <= 6 && digits <= MOST_DIGITS;
    letters > 0 && (digits > 0 && !measure || text.contains('_')) || text.chars().count() >= LONG
}
