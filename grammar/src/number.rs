//! Numbers, in digits and in words, alone or before a unit. Shapes of single words are a pest grammar (`shape.pest`).

use pest::Parser;

use crate::{
    lexicon::{Class, Lexicon},
    read::Cursor,
};

/// The generated parser of `shape.pest`.
pub(crate) mod shape {
    #[derive(pest_derive::Parser)]
    #[grammar = "shape.pest"]
    pub struct Shape;
}

pub(crate) use shape::{Rule, Shape};

/// A non-negative rational number: "1.5", "1/2", "three".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub above: u64,
    /// Never 0.
    pub below: u64,
}

/// A fraction has no more parts.
const MOST_PARTS: u64 = 12;

impl Ratio {
    pub fn whole(above: u64) -> Ratio {
        Ratio { above, below: 1 }
    }

    /// "1/2", as lexicon arguments write it.
    fn argument(text: &str) -> Option<Ratio> {
        let (above, below) = text.split_once('/').unwrap_or((text, "1"));
        let (above, below) = (above.parse().ok()?, below.parse().ok()?);
        (below > 0).then_some(Ratio { above, below })
    }

    fn plus(self, other: Ratio) -> Option<Ratio> {
        let above = self.above.checked_mul(other.below)?.checked_add(other.above.checked_mul(self.below)?)?;
        Some(Ratio { above, below: self.below.checked_mul(other.below)? })
    }

    /// This many times `unit`, rounded down; `None` when it doesn't fit.
    pub fn of(self, unit: u64) -> Option<u64> {
        u64::try_from(u128::from(self.above) * u128::from(unit) / u128::from(self.below)).ok()
    }

    /// The whole number, if it is one.
    pub fn integer(self) -> Option<u64> {
        self.above.is_multiple_of(self.below).then_some(self.above / self.below)
    }
}

/// A number in digits with what is glued to it: "+10", "20gb", "50%".
#[derive(Clone, Debug)]
pub(crate) struct Glued<'t> {
    pub sign: Option<char>,
    pub value: Ratio,
    pub suffix: &'t str,
}

/// Reads one folded token as digits with an optional sign and suffix.
pub(crate) fn glued<'t>(lexicon: &Lexicon, folded: &'t str) -> Option<Glued<'t>> {
    if !folded.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let pair = Shape::parse(Rule::number, folded).ok()?.next()?;
    let mut read = Glued { sign: None, value: Ratio::whole(0), suffix: "" };
    for part in pair.into_inner() {
        let text = part.as_str();
        match part.as_rule() {
            Rule::sign => read.sign = text.chars().next(),
            Rule::integer => read.value = Ratio::whole(text.parse().ok()?),
            Rule::thousands if lexicon.decimal_comma() => read.value = decimal(text)?,
            Rule::thousands => read.value = Ratio::whole(text.replace(',', "").parse().ok()?),
            Rule::decimal => read.value = decimal(text)?,
            Rule::fraction => {
                let mut parts = part.into_inner();
                let (above, below) = (parts.next()?.as_str().parse().ok()?, parts.next()?.as_str().parse().ok()?);
                // "1/2", but "20/30" is a choice of two.
                if !(1..=MOST_PARTS).contains(&below) {
                    return None;
                }
                read.value = Ratio { above, below };
            }
            Rule::suffix => read.suffix = text,
            _ => {}
        }
    }
    Some(read)
}

/// "1.5", "1,5", ".5".
fn decimal(text: &str) -> Option<Ratio> {
    let (whole, digits) = text.split_once(['.', ','])?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let below = 10u64.checked_pow(u32::try_from(digits.len()).ok()?)?;
    Some(Ratio { above: whole.checked_mul(below)?.checked_add(digits.parse().ok()?)?, below })
}

/// A number without a unit: digits, or words ("twenty five", "two hundred", "one and a half"). Longest first.
pub(crate) fn at(cursor: &Cursor, at: usize) -> Vec<(usize, Option<char>, Ratio)> {
    let Some(token) = cursor.token(at).filter(|token| !token.quoted) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if let Some(read) = glued(cursor.cx.lexicon, &token.folded).filter(|read| read.suffix.is_empty()) {
        found.push((1, read.sign, read.value));
    } else if let Some((count, value)) = words(cursor, at) {
        found.push((count, None, value));
    }
    for index in 0..found.len() {
        let (count, sign, value) = found[index];
        if let Some((more, argument)) = cursor.word(at + count, Class::Plus)
            && let Some(sum) = Ratio::argument(argument).and_then(|part| value.plus(part))
        {
            found.insert(0, (count + more, sign, sum));
        }
    }
    if let Some((count, argument)) = cursor.word(at, Class::Fraction)
        && let Some(part) = Ratio::argument(argument)
    {
        found.push((count, None, part));
    }
    found
}

/// Number words: "two", "twenty five", "two hundred".
fn words(cursor: &Cursor, at: usize) -> Option<(usize, Ratio)> {
    let number = |at| cursor.word(at, Class::Number).and_then(|(n, arg)| Some((n, arg.parse::<u64>().ok()?)));
    let (mut count, mut sum) = match number(at) {
        Some(read) => read,
        None => {
            // "twenty-five" is one token.
            let folded = &cursor.token(at)?.folded;
            let (tens, ones) = folded.split_once('-')?;
            let part = |word| cursor.cx.lexicon.argument(word, Class::Number)?.parse::<u64>().ok();
            (1, part(tens)?.checked_add(part(ones)?)?)
        }
    };
    if (20..100).contains(&sum)
        && sum % 10 == 0
        && let Some((more, ones)) = number(at + count).filter(|(_, ones)| (1..10).contains(ones))
    {
        count += more;
        sum += ones;
    }
    if let Some((more, factor)) = cursor.word(at + count, Class::Hundred) {
        let factor: u64 = factor.parse().ok()?;
        count += more;
        sum = sum.checked_mul(factor)?;
        // "two hundred fifty", "deux cent cinquante", "a hundred and twenty five"
        let and = cursor.skip(at + count, Class::And);
        let tail =
            |at| self::words(cursor, at).filter(|(_, rest)| rest.below == 1 && (1..factor).contains(&rest.above));
        let tails = [(and, tail(at + count + and)), (0, tail(at + count))];
        if let Some((and, (more, rest))) = tails.into_iter().find_map(|(and, tail)| Some((and, tail?))) {
            count += and + more;
            sum = sum.checked_add(rest.above)?;
        }
    }
    Some((count, Ratio::whole(sum)))
}

/// A number with a unit of that class: number of tokens, sign, how many, and the unit's argument.
///
/// `known` gives the unit for symbols that every language shares.
pub(crate) fn quantities<'a>(
    cursor: &Cursor<'a>,
    at: usize,
    class: Class,
    known: impl Fn(&str) -> Option<&'static str>,
) -> Vec<(usize, Option<char>, Ratio, &'a str)> {
    let Some(token) = cursor.token(at).filter(|token| !token.quoted) else {
        return Vec::new();
    };
    let lexicon = cursor.cx.lexicon;
    let mut found: Vec<(usize, Option<char>, Ratio, &'a str)> = Vec::new();
    if let Some(read) = glued(cursor.cx.lexicon, &token.folded).filter(|read| !read.suffix.is_empty())
        && let Some(unit) = known(read.suffix).or_else(|| lexicon.argument(read.suffix, class))
    {
        found.push((1, read.sign, read.value, unit));
    }
    let unit_at = |at: usize| {
        let token = cursor.token(at).filter(|token| !token.quoted)?;
        cursor.word(at, class).or_else(|| known(&token.folded).map(|unit| (1, unit)))
    };
    let mut numbers = self::at(cursor, at);
    if let Some((count, _)) = cursor.word(at, Class::One) {
        numbers.push((count, None, Ratio::whole(1)));
    }
    for (count, sign, value) in numbers {
        if let Some((more, unit)) = unit_at(at + count) {
            found.push((count + more, sign, value, unit));
        }
    }
    for index in 0..found.len() {
        let (count, sign, value, unit) = found[index];
        // "an hour and a half"
        if let Some((more, argument)) = cursor.word(at + count, Class::Plus)
            && let Some(sum) = Ratio::argument(argument).and_then(|part| value.plus(part))
        {
            found.push((count + more, sign, sum, unit));
        }
    }
    found.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    found
}

/// Whole numbers.
pub(crate) fn count_at(cursor: &Cursor, at: usize) -> Vec<(usize, u64)> {
    self::at(cursor, at)
        .into_iter()
        .filter(|(_, sign, _)| sign.is_none())
        .filter_map(|(count, _, value)| Some((count, value.integer()?)))
        .collect()
}

/// Percentages, rounded down; at most 255.
pub(crate) fn percent_at(cursor: &Cursor, at: usize) -> Vec<(usize, u8)> {
    signed_percent_at(cursor, at)
        .into_iter()
        .filter(|(_, sign, _)| sign.is_none())
        .filter_map(|(count, _, value)| Some((count, u8::try_from(value).ok()?)))
        .collect()
}

/// Percentages with their sign.
pub(crate) fn signed_percent_at(cursor: &Cursor, at: usize) -> Vec<(usize, Option<char>, u64)> {
    quantities(cursor, at, Class::Percent, |suffix| (suffix == "%").then_some("%"))
        .into_iter()
        .filter_map(|(count, sign, value, _)| Some((count, sign, value.of(1)?)))
        .collect()
}
