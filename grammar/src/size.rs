//! Sizes in bytes, and changes of size.
//!
//! Every unit is binary: "20 GB" and "20 gigs" are 20 GiB. That is what libvirt's own sizes and qcow2 images count
//! in (`qemu-img create x 20G` makes 20 GiB), and what people mean when they size a disk or a memory; a disk of
//! 20·10⁹ bytes would surprise everybody.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    lexicon::Class,
    number::{self, Ratio},
    read::Cursor,
};

const UNITS: [(&str, u32); 7] =
    [("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

/// An amount of bytes.
///
/// ```
/// use grammar::value::Bytes;
/// assert_eq!(Bytes::gib(30).to_string(), "30 GiB");
/// assert_eq!(Bytes(1536 << 30).to_string(), "1.5 TiB");
/// assert_eq!(Bytes(1_000_000_000).to_string(), "976562.5 KiB");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// That many GiB (at most what fits).
    pub fn gib(count: u64) -> Bytes {
        Bytes(count.saturating_mul(1 << 30))
    }

    /// That many MiB (at most what fits).
    pub fn mib(count: u64) -> Bytes {
        Bytes(count.saturating_mul(1 << 20))
    }
}

impl fmt::Display for Bytes {
    /// The largest unit that says it exactly with at most three decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (symbol, shift) in UNITS {
            let unit = 1u64 << shift;
            let (whole, rest) = (self.0 / unit, self.0 % unit);
            let thousandths = u128::from(rest) * 1000;
            if whole == 0 && shift > 0 || thousandths % u128::from(unit) != 0 {
                continue;
            }
            let decimals = format!("{:03}", thousandths / u128::from(unit));
            let decimals = decimals.trim_end_matches('0');
            return match decimals {
                "" => write!(f, "{whole} {symbol}"),
                _ => write!(f, "{whole}.{decimals} {symbol}"),
            };
        }
        write!(f, "{} B", self.0)
    }
}

/// A new size, or how to change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeChange {
    /// To that size.
    To(Bytes),
    /// That much more.
    Add(Bytes),
    /// That much less.
    Sub(Bytes),
    /// That many percent more, or less when negative.
    Percent(i32),
    /// That many times as much.
    Times(u32),
}

impl SizeChange {
    /// The size it makes of `now`; `None` when that is less than nothing or more than fits.
    ///
    /// ```
    /// use grammar::value::{Bytes, SizeChange};
    /// assert_eq!(SizeChange::Percent(10).apply(Bytes::gib(20)), Some(Bytes::gib(22)));
    /// assert_eq!(SizeChange::Sub(Bytes::gib(30)).apply(Bytes::gib(20)), None);
    /// ```
    pub fn apply(self, now: Bytes) -> Option<Bytes> {
        match self {
            SizeChange::To(size) => Some(size),
            SizeChange::Add(size) => now.0.checked_add(size.0).map(Bytes),
            SizeChange::Sub(size) => now.0.checked_sub(size.0).map(Bytes),
            SizeChange::Percent(percent) => {
                let sum = i128::from(now.0) + i128::from(now.0) * i128::from(percent) / 100;
                u64::try_from(sum).ok().map(Bytes)
            }
            SizeChange::Times(factor) => now.0.checked_mul(u64::from(factor)).map(Bytes),
        }
    }
}

impl fmt::Display for SizeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SizeChange::To(size) => size.fmt(f),
            SizeChange::Add(size) => write!(f, "+{size}"),
            SizeChange::Sub(size) => write!(f, "-{size}"),
            SizeChange::Percent(percent) => write!(f, "{percent:+} %"),
            SizeChange::Times(factor) => write!(f, "{factor} ×"),
        }
    }
}

/// Symbols that every language shares.
fn symbol(suffix: &str) -> Option<&'static str> {
    UNITS.iter().map(|(symbol, _)| *symbol).find(|symbol| symbol.eq_ignore_ascii_case(suffix))
}

fn bytes(value: Ratio, unit: &str) -> Option<Bytes> {
    let (_, shift) = UNITS.iter().find(|(symbol, _)| *symbol == unit)?;
    value.of(1 << shift).map(Bytes)
}

/// Sizes that begin at that token; `open`: a bare number is one too, in GiB.
pub(crate) fn at(cursor: &Cursor, at: usize, open: bool) -> Vec<(usize, Bytes)> {
    sized(cursor, at, open).into_iter().filter(|(_, sign, _)| sign.is_none()).map(|(n, _, size)| (n, size)).collect()
}

fn sized(cursor: &Cursor, at: usize, open: bool) -> Vec<(usize, Option<char>, Bytes)> {
    // "2 To" are terabytes, "2 to 4" are not.
    let unit = |count: &usize| {
        let last = at + count - 1;
        let word = cursor.token(last).map_or("", |token| token.text);
        let letters = word.trim_start_matches(|c: char| !c.is_alphabetic());
        cursor.skip(last, Class::Through) == 0 || letters.starts_with(char::is_uppercase)
    };
    let mut found: Vec<_> = number::quantities(cursor, at, Class::Unit, symbol)
        .into_iter()
        .filter(|(count, ..)| unit(count))
        .filter_map(|(count, sign, value, unit)| Some((count, sign, bytes(value, unit)?)))
        .collect();
    if open {
        found.extend(
            number::at(cursor, at)
                .into_iter()
                .filter_map(|(count, sign, value)| Some((count, sign, bytes(value, "GiB")?))),
        );
    }
    found
}

/// Sizes and changes of size that begin at that token.
pub(crate) fn change_at(cursor: &Cursor, at: usize, open: bool) -> Vec<(usize, SizeChange)> {
    let mut found = Vec::new();
    // "by 10 gigs": what follows "by", or "add", is a difference, also when the pattern has read the "by".
    let by = cursor.skip(at, Class::By);
    let before = at > 0 && cursor.skip(at - 1, Class::By) == 1;
    let to = cursor.skip(at, Class::To);
    let more_before = cursor.skip(at + by, Class::More);
    let start = at + by + to + more_before;
    let difference = by > 0 || before || more_before > 0;
    for (count, sign, size) in sized(cursor, start, open) {
        let end = start + count;
        let (more, less) = (cursor.skip(end, Class::More), cursor.skip(end, Class::Less));
        if more > 0 {
            found.push((end + more - at, SizeChange::Add(size)));
        }
        if less > 0 {
            found.push((end + less - at, SizeChange::Sub(size)));
        }
        found.push((
            end - at,
            match sign {
                Some('-') => SizeChange::Sub(size),
                Some(_) => SizeChange::Add(size),
                None if difference && to == 0 => SizeChange::Add(size),
                None => SizeChange::To(size),
            },
        ));
    }
    // "10 more gigs"
    for (count, sign, value) in number::at(cursor, start) {
        let more = cursor.skip(start + count, Class::More);
        if more > 0
            && sign.is_none()
            && let Some((unit_count, unit)) = cursor.word(start + count + more, Class::Unit)
            && let Some(size) = bytes(value, unit)
        {
            found.push((start + count + more + unit_count - at, SizeChange::Add(size)));
        }
    }
    for (count, sign, value) in number::signed_percent_at(cursor, start) {
        let Ok(percent) = i32::try_from(value.min(1_000_000)) else {
            continue;
        };
        let end = start + count;
        let less = cursor.skip(end, Class::Less);
        if less > 0 {
            found.push((end + less - at, SizeChange::Percent(-percent)));
        }
        let more = cursor.skip(end, Class::More);
        if more > 0 {
            found.push((end + more - at, SizeChange::Percent(percent)));
        }
        // Never "to 90 %" or a bare "90 %": that would be a share, not a change.
        match sign {
            Some('-') => found.push((end - at, SizeChange::Percent(-percent))),
            Some(_) => found.push((end - at, SizeChange::Percent(percent))),
            None if difference && to == 0 => found.push((end - at, SizeChange::Percent(percent))),
            None => {}
        }
    }
    if let Some((count, factor)) = cursor.word(at, Class::Times) {
        match factor.parse::<f64>() {
            // Before a bare "half", which would be half a GiB.
            Ok(factor) if factor >= 1.0 => found.insert(0, (count, SizeChange::Times(factor as u32))),
            Ok(factor) => found.insert(0, (count, SizeChange::Percent(((factor - 1.0) * 100.0).round() as i32))),
            Err(_) => {}
        }
    }
    for (count, value) in number::count_at(cursor, at) {
        let symbol = cursor.token(at + count).is_some_and(|token| token.folded == "×");
        let factor = if symbol { 1 } else { cursor.skip(at + count, Class::Factor) };
        if factor > 0
            && let Ok(value) = u32::try_from(value)
        {
            found.push((count + factor, SizeChange::Times(value)));
        }
    }
    found
}
