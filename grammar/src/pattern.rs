//! The command-pattern language, and all patterns of all skills as one matcher.
//!
//! A pattern says how a command may be worded: `create [a] [new] (disk|drive) {[called <name>]; [of <size>]}`. It always
//! matches a whole utterance. Case, accents and apostrophes don't matter; mistyped keywords are mended when there is
//! only one thing that can be meant; names and other values never are.

use std::collections::BTreeSet;

use pest::{Parser, iterators::Pair};

pub use crate::matcher::{Patterns, PatternsError, Reading};

mod syntax {
    #[derive(pest_derive::Parser)]
    #[grammar = "pattern.pest"]
    pub struct PatternParser;
}

use syntax::{PatternParser, Rule};

/// Deepest nesting of brackets.
const DEPTH: usize = 8;
/// Longest pattern, in bytes.
const LENGTH: usize = 2_000;

/// Where a pattern is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {why}")]
pub struct PatternError {
    /// Column, in characters from 1.
    pub column: usize,
    /// What was expected there, in words.
    pub why: String,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Word(String),
    Slot(String),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Optional(Box<Node>),
    Unordered(Vec<Node>),
}

/// A pattern that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    pub(crate) node: Node,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// ```
    /// use grammar::pattern::Pattern;
    /// let pattern = Pattern::parse("create [a] [new] (disk|drive) {[called <name>]; [of <size>]}").unwrap();
    /// assert_eq!(pattern.example(), "create disk");
    /// assert_eq!(pattern.slots().into_iter().collect::<Vec<_>>(), ["name", "size"]);
    /// let wrong = Pattern::parse("create (disk|drive").unwrap_err();
    /// assert_eq!(wrong.to_string(), "column 19: expected a word, a <slot>, a bracket, \"|\" or \")\"");
    /// ```
    pub fn parse(source: &str) -> Result<Pattern, PatternError> {
        if source.len() > LENGTH {
            return Err(PatternError { column: LENGTH, why: format!("a pattern has at most {LENGTH} bytes") });
        }
        check_depth(source)?;
        let mut pairs = PatternParser::parse(Rule::pattern, source).map_err(|error| explain(&error))?;
        let pattern = pairs.next().expect("a parsed text has its top rule");
        let node = choice(pattern);
        if matches!(&node, Node::Sequence(all) if all.is_empty()) {
            return Err(PatternError { column: 1, why: "expected a word or a <slot>".into() });
        }
        Ok(Pattern { source: source.trim().to_owned(), node })
    }

    /// The slots it can fill.
    pub fn slots(&self) -> BTreeSet<String> {
        fn collect(node: &Node, slots: &mut BTreeSet<String>) {
            match node {
                Node::Word(_) => {}
                Node::Slot(name) => {
                    slots.insert(name.clone());
                }
                Node::Optional(inner) => collect(inner, slots),
                Node::Sequence(all) | Node::Choice(all) | Node::Unordered(all) => {
                    all.iter().for_each(|node| collect(node, slots));
                }
            }
        }
        let mut slots = BTreeSet::new();
        collect(&self.node, &mut slots);
        slots
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// One plain sentence for help: optional parts left out, the first of alternatives, slots as `<slot>`.
    pub fn example(&self) -> String {
        fn say(node: &Node, all: bool, words: &mut Vec<String>) {
            match node {
                Node::Word(word) => words.push(word.clone()),
                Node::Slot(name) => words.push(format!("<{name}>")),
                Node::Sequence(nodes) | Node::Unordered(nodes) => nodes.iter().for_each(|node| say(node, all, words)),
                Node::Choice(nodes) => nodes.iter().take(1).for_each(|node| say(node, all, words)),
                Node::Optional(node) if all => say(node, all, words),
                Node::Optional(_) => {}
            }
        }
        let mut words = Vec::new();
        say(&self.node, false, &mut words);
        if words.is_empty() {
            say(&self.node, true, &mut words);
        }
        words.join(" ")
    }
}

/// Brackets are counted before parsing, so that the parser's recursion is bounded.
fn check_depth(source: &str) -> Result<(), PatternError> {
    let mut depth = 0usize;
    for (column, c) in source.chars().enumerate() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            return Err(PatternError { column: column + 1, why: format!("brackets are nested deeper than {DEPTH}") });
        }
    }
    Ok(())
}

fn explain(error: &pest::error::Error<Rule>) -> PatternError {
    let (pest::error::LineColLocation::Pos((_, column)) | pest::error::LineColLocation::Span((_, column), _)) =
        error.line_col;
    let pest::error::ErrorVariant::ParsingError { positives, .. } = &error.variant else {
        return PatternError { column, why: "not a pattern".into() };
    };
    let has = |rule: Rule| positives.contains(&rule);
    let why = if has(Rule::name) {
        "expected the name of a slot, like <size>"
    } else if has(Rule::EOI) && !has(Rule::word) {
        "a closing bracket too many"
    } else if has(Rule::EOI) {
        "expected a word, a <slot>, a bracket or the end"
    } else {
        "expected a word, a <slot>, a bracket, \"|\" or \")\""
    };
    PatternError { column, why: why.into() }
}

/// Alternatives in a bracket, or at the top.
fn choice(pair: Pair<Rule>) -> Node {
    let mut all: Vec<Node> =
        pair.into_inner().filter(|inner| inner.as_rule() == Rule::sequence).map(sequence).collect();
    if all.len() == 1 { all.remove(0) } else { Node::Choice(all) }
}

fn sequence(pair: Pair<Rule>) -> Node {
    let mut all = Vec::new();
    for item in pair.into_inner() {
        match item.as_rule() {
            // "," and "?" stand in no utterance.
            Rule::word if crate::token::tokens(item.as_str()).is_empty() => {}
            Rule::word => all.push(Node::Word(item.as_str().to_owned())),
            Rule::slot => all.extend(item.into_inner().map(|name| Node::Slot(name.as_str().to_owned()))),
            Rule::group => all.push(choice(item)),
            Rule::optional => all.push(Node::Optional(Box::new(choice(item)))),
            Rule::unordered => all.push(Node::Unordered(item.into_inner().map(sequence).collect())),
            _ => {}
        }
    }
    if all.len() == 1 { all.remove(0) } else { Node::Sequence(all) }
}
