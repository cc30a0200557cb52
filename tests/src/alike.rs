//! Phrasings that say the same in the same words: padding, which teaches a classifier nothing.

use std::collections::BTreeMap;

use grammar::corpus::Example;
use grammar::token::tokens;

/// A phrasing as compared: values by the names of their slots, digits as one sign.
pub type Shape = Vec<String>;

/// The shape of a phrasing.
pub fn shape(example: &Example) -> Shape {
    let mut shape = Shape::new();
    for token in tokens(&example.text) {
        let marked = |span: &std::ops::Range<usize>| span.start <= token.span.start && token.span.end <= span.end;
        match example.slots.iter().find(|(span, _)| marked(span)) {
            Some((span, slot)) if token.span.start == span.start => shape.push(format!("<{slot}>")),
            Some(_) => {}
            None => shape.push(token.folded.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()),
        }
    }
    shape
}

/// Whether two shapes are near-duplicates: the same, or one word apart in six.
pub fn alike(left: &Shape, right: &Shape) -> bool {
    left == right || left.len().max(right.len()) >= 6 && distance(left, right) <= 1
}

/// Words to insert, take out or exchange.
fn distance(left: &Shape, right: &Shape) -> usize {
    if left.len().abs_diff(right.len()) > 1 {
        return 2;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, word) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (to, other) in right.iter().enumerate() {
            let cost = (diagonal + usize::from(word != other)).min(row[to] + 1).min(row[to + 1] + 1);
            diagonal = row[to + 1];
            row[to + 1] = cost;
        }
    }
    row[right.len()]
}

/// Pairs of places in `shapes` that are alike, within one owner.
pub fn pairs(shapes: &[(String, Shape)]) -> Vec<(usize, usize)> {
    let mut of_owner: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut found = Vec::new();
    for (place, (owner, shape)) in shapes.iter().enumerate() {
        let before = of_owner.entry(owner).or_default();
        found.extend(before.iter().filter(|other| alike(&shapes[**other].1, shape)).map(|other| (*other, place)));
        before.push(place);
    }
    found
}
