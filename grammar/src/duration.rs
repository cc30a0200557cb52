//! Lengths of time: "5 minutes", "1h30", "an hour and a half".

use std::fmt;

use pest::Parser;
use serde::{Deserialize, Serialize};

use crate::{
    lexicon::Class,
    number::{self, Ratio, Rule, Shape},
    read::Cursor,
};

const DAY: u64 = 86_400;
const SYMBOLS: [(&str, u64); 4] = [("d", DAY), ("h", 3_600), ("min", 60), ("s", 1)];

/// A length of time in whole seconds. A month counts 30 days and a year 365; only *points* in time ("in two
/// months") go by the calendar.
///
/// ```
/// use grammar::value::Span;
/// assert_eq!(Span { seconds: 5_400 }.to_string(), "1 h 30 min");
/// assert_eq!(Span { seconds: 0 }.to_string(), "0 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The length, in seconds.
    pub seconds: u64,
}

impl Span {
    /// As a duration of the standard library.
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.seconds)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds == 0 {
            return f.write_str("0 s");
        }
        let mut rest = self.seconds;
        let mut between = "";
        for (symbol, length) in SYMBOLS {
            let count = rest / length;
            rest %= length;
            if count > 0 {
                write!(f, "{between}{count} {symbol}")?;
                between = " ";
            }
        }
        Ok(())
    }
}

/// A length by the calendar, as "2 months" from a date needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calendar {
    pub months: u64,
    pub days: u64,
    pub seconds: u64,
}

impl Calendar {
    fn add(self, value: Ratio, unit: &str) -> Option<Calendar> {
        let mut sum = self;
        match (unit, value.integer()) {
            ("month", Some(count)) => sum.months = sum.months.checked_add(count)?,
            ("year", Some(count)) => sum.months = sum.months.checked_add(count.checked_mul(12)?)?,
            ("d", Some(count)) => sum.days = sum.days.checked_add(count)?,
            ("w", Some(count)) => sum.days = sum.days.checked_add(count.checked_mul(7)?)?,
            _ => sum.seconds = sum.seconds.checked_add(value.of(seconds(unit)?)?)?,
        }
        // Three thousand years: beyond any date, and safe to calculate with.
        (sum.months < 36_000 && sum.days < 1_100_000 && sum.seconds < DAY * 1_100_000).then_some(sum)
    }

    pub fn span(self) -> Span {
        Span { seconds: (self.months / 12 * 365 + self.months % 12 * 30 + self.days) * DAY + self.seconds }
    }
}

fn seconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => DAY,
        "w" => 7 * DAY,
        "month" => 30 * DAY,
        "year" => 365 * DAY,
        _ => return None,
    })
}

/// Symbols that every language shares.
fn symbol(suffix: &str) -> Option<&'static str> {
    SYMBOLS.iter().map(|(symbol, _)| *symbol).find(|symbol| *symbol == suffix)
}

/// Lengths of time that begin at that token.
pub(crate) fn at(cursor: &Cursor, at: usize) -> Vec<(usize, Span)> {
    calendar_at(cursor, at).into_iter().map(|(count, length)| (count, length.span())).collect()
}

/// "7 derniers jours": a length of time that is over now, where the word for that stands within it.
pub(crate) fn last_at(cursor: &Cursor, at: usize) -> Option<(usize, Calendar)> {
    // "sur les 7 derniers jours" is no clock time.
    let lead = cursor.skip(at, Class::At);
    let lead = lead + cursor.skip(at + lead, Class::Article);
    // "in the last hour" is of one.
    let (count, number) = number::count_at(cursor, at + lead).into_iter().next().unwrap_or((0, 1));
    let alone = count == 0;
    let count = count + lead;
    let last = Some(cursor.skip(at + count, Class::Last)).filter(|last| *last > 0)?;
    let (unit, name) =
        cursor.word(at + count + last, Class::Span).filter(|(_, name)| !alone || ["h", "min"].contains(name))?;
    let length = Calendar::default().add(Ratio::whole(number), name)?;
    Some((count + last + unit, length))
}

/// The same by the calendar. "1 hour 30 minutes" and "1 hour and 30 minutes" are one length.
pub(crate) fn calendar_at(cursor: &Cursor, at: usize) -> Vec<(usize, Calendar)> {
    let mut found = Vec::new();
    if let Some(token) = cursor.token(at).filter(|token| !token.quoted)
        && let Some(length) = glued(cursor, &token.folded)
    {
        found.push((1, length));
    }
    let mut sum = Calendar::default();
    let mut end = at;
    let mut last = u64::MAX;
    loop {
        let link = if end > at { cursor.skip(end, Class::And) } else { 0 };
        let next = number::quantities(cursor, end + link, Class::Span, symbol)
            .into_iter()
            .filter(|(_, sign, ..)| sign.is_none())
            .find(|(.., unit)| seconds(unit).is_some_and(|length| length < last));
        let Some((count, _, value, unit)) = next else {
            break;
        };
        let Some(longer) = sum.add(value, unit) else {
            break;
        };
        sum = longer;
        last = seconds(unit).unwrap_or(0);
        end += link + count;
        found.push((end - at, sum));
    }
    found
}

/// "1h30", "2d4h": in one word; a number without a unit at the end counts in the next smaller one.
fn glued(cursor: &Cursor, folded: &str) -> Option<Calendar> {
    if !folded.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut sum = Calendar::default();
    let mut last = u64::MAX;
    for part in Shape::parse(Rule::spans, folded).ok()?.next()?.into_inner() {
        if part.as_rule() != Rule::span_part {
            continue;
        }
        let mut inner = part.into_inner();
        let value: u64 = inner.next()?.as_str().parse().ok()?;
        let unit = match inner.next() {
            Some(unit) => symbol(unit.as_str()).or_else(|| cursor.cx.lexicon.argument(unit.as_str(), Class::Span))?,
            None if last == 3_600 => "min",
            None if last == 60 => "s",
            None => return None,
        };
        let length = seconds(unit)?;
        if length >= last {
            return None;
        }
        last = length;
        sum = sum.add(Ratio::whole(value), unit)?;
    }
    Some(sum)
}
