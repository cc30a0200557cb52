//! Again and again: "every weekday at 22:00", "every 2 hours", "on the 1st of every month".

use std::fmt;

use jiff::{
    SignedDuration, ToSpan, Zoned,
    civil::{Time, Weekday},
};
use serde::{Deserialize, Serialize};

use crate::{
    duration::{self, Span},
    lexicon::Class,
    number,
    read::Cursor,
    time,
};

/// A set of days of the week.
///
/// ```
/// use grammar::value::Days;
/// assert_eq!(Days::WORK.to_string(), "weekday");
/// assert_eq!(Days::none().with(1).with(4).to_string(), "Monday, Thursday");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(u8);

const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Days {
    /// Monday to Sunday.
    pub const ALL: Days = Days(0b111_1111);
    /// Monday to Friday.
    pub const WORK: Days = Days(0b001_1111);
    /// Saturday and Sunday.
    pub const WEEKEND: Days = Days(0b110_0000);

    /// No day yet.
    pub fn none() -> Days {
        Days(0)
    }

    /// With that day too: 1 is Monday, 7 Sunday; other numbers change nothing.
    pub fn with(self, day: u8) -> Days {
        if (1..=7).contains(&day) { Days(self.0 | 1 << (day - 1)) } else { self }
    }

    /// Whether that day is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & 1 << day.to_monday_zero_offset() != 0
    }

    /// The days, 1 (Monday) to 7.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (1..=7).filter(move |day| self.0 & 1 << (day - 1) != 0)
    }

    /// "12345", as lexicon arguments write them.
    fn digits(text: &str) -> Option<Days> {
        let digits = !text.is_empty() && text.bytes().all(|byte| (b'1'..=b'7').contains(&byte));
        digits.then(|| text.bytes().fold(Days::none(), |days, byte| days.with(byte - b'0')))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Days::ALL => f.write_str("day"),
            Days::WORK => f.write_str("weekday"),
            Days::WEEKEND => f.write_str("weekend"),
            _ => {
                let names: Vec<&str> = self.iter().map(|day| NAMES[usize::from(day) - 1]).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// Again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recurrence {
    /// After each such length of time, which is never 0.
    Every(Span),
    /// On these days of the week, at that local time; `None` when none was said.
    Weekly {
        /// On which days.
        days: Days,
        /// At what local time.
        time: Option<Time>,
    },
    /// On that day of every month (the last one when a month is shorter), at that local time.
    Monthly {
        /// 1 to 31.
        day: u8,
        /// At what local time.
        time: Option<Time>,
    },
}

impl Recurrence {
    /// The first time after `after`, in its time zone; a time that was not said is midnight.
    pub fn next(self, after: &Zoned) -> Option<Zoned> {
        let zone = || after.time_zone().clone();
        match self {
            Recurrence::Every(span) => {
                after.checked_add(SignedDuration::from_secs(i64::try_from(span.seconds).ok()?)).ok()
            }
            Recurrence::Weekly { days, time } => {
                let time = time.unwrap_or(Time::midnight());
                (0..8).find_map(|ahead: i64| {
                    let date = after.date().checked_add(ahead.days()).ok()?;
                    let at = date.to_datetime(time).to_zoned(zone()).ok()?;
                    (days.contains(date.weekday()) && at > *after).then_some(at)
                })
            }
            Recurrence::Monthly { day, time } => {
                let time = time.unwrap_or(Time::midnight());
                (0..3).find_map(|ahead: i64| {
                    let first = after.date().first_of_month().checked_add(ahead.months()).ok()?;
                    let day = i8::try_from(day).ok()?.min(first.days_in_month());
                    let date = first.with().day(day).build().ok()?;
                    let at = date.to_datetime(time).to_zoned(zone()).ok()?;
                    (at > *after).then_some(at)
                })
            }
        }
    }
}

impl fmt::Display for Recurrence {
    /// In English, as the English lexicon reads it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = match self {
            Recurrence::Every(span) => return write!(f, "every {span}"),
            Recurrence::Weekly { days, time } => {
                write!(f, "every {days}")?;
                time
            }
            Recurrence::Monthly { day, time } => {
                let end = match (day % 10, day / 10) {
                    (1, tens) if tens != 1 => "st",
                    (2, tens) if tens != 1 => "nd",
                    (3, tens) if tens != 1 => "rd",
                    _ => "th",
                };
                write!(f, "monthly on the {day}{end}")?;
                time
            }
        };
        match time {
            Some(time) => write!(f, " at {:02}:{:02}", time.hour(), time.minute()),
            None => Ok(()),
        }
    }
}

/// What repeats, before its time of day is known.
#[derive(Clone, Copy)]
enum Base {
    Every(Span),
    Weekly(Days, Option<Time>),
    Monthly(u8),
}

/// Recurrences that begin at that token.
pub(crate) fn at(cursor: &Cursor, at: usize) -> Vec<(usize, Recurrence)> {
    let mut found = Vec::new();
    for (count, base) in bases(cursor, at) {
        found.push((count, with_time(base, None)));
        if matches!(base, Base::Every(_)) {
            continue;
        }
        let end = at + count;
        let before = cursor.skip(end, Class::At);
        for (more, clock) in time::clocks(cursor, end + before, before > 0) {
            found.push((count + before + more, with_time(base, Some(clock.time))));
        }
    }
    // "at 22:00 every weekday"
    let before = cursor.skip(at, Class::At);
    for (count, clock) in time::clocks(cursor, at + before, before > 0) {
        let end = at + before + count;
        for (more, base) in bases(cursor, end) {
            if !matches!(base, Base::Every(_)) {
                found.push((before + count + more, with_time(base, Some(clock.time))));
            }
        }
    }
    found
}

fn with_time(base: Base, time: Option<Time>) -> Recurrence {
    match base {
        Base::Every(span) => Recurrence::Every(span),
        Base::Weekly(days, usual) => Recurrence::Weekly { days, time: time.or(usual) },
        Base::Monthly(day) => Recurrence::Monthly { day, time },
    }
}

fn bases(cursor: &Cursor, at: usize) -> Vec<(usize, Base)> {
    let mut found = Vec::new();
    if let Some((count, often)) = cursor.word(at, Class::Often) {
        if let Some(mut days) = Days::digits(often) {
            // "weekly on monday", "daily", "on mondays and fridays"
            let on = cursor.skip(at + count, Class::At);
            let mut end = count;
            while let Some((more, other)) = cursor.word(at + end + cursor.skip(at + end, Class::And), Class::Often)
                && let Some(other) = Days::digits(other)
            {
                end += cursor.skip(at + end, Class::And) + more;
                days = Days(days.0 | other.0);
            }
            found.push((end, Base::Weekly(days, None)));
            if on > 0
                && let Some((more, days)) = day_list(cursor, at + count + on)
            {
                found.push((count + on + more, Base::Weekly(days, None)));
            }
        } else if let Some((_, span)) =
            duration::at(&Cursor { tokens: &crate::token::tokens(often), text: often, ..*cursor }, 0).first()
        {
            found.push((count, Base::Every(*span)));
            let on = cursor.skip(at + count, Class::At);
            if let Some((more, days)) = day_list(cursor, at + count + on) {
                found.push((count + on + more, Base::Weekly(days, None)));
            }
        }
    }
    let every = cursor.skip(at, Class::Every);
    if every > 0 {
        let from = at + every;
        if let Some((count, days)) = day_list(cursor, from) {
            found.push((every + count, Base::Weekly(days, None)));
        }
        if let Some((count, unit)) = cursor.word(from, Class::Span) {
            let one = |seconds| Base::Every(Span { seconds });
            found.extend(match unit {
                "min" => Some((every + count, one(60))),
                "h" => Some((every + count, one(3_600))),
                "d" => Some((every + count, Base::Weekly(Days::ALL, None))),
                "w" => Some((every + count, one(7 * 86_400))),
                _ => None,
            });
            if unit == "w" {
                let on = cursor.skip(from + count, Class::At);
                if let Some((more, days)) = day_list(cursor, from + count + on) {
                    found.push((every + count + on + more, Base::Weekly(days, None)));
                }
            }
        }
        for (count, span) in duration::at(cursor, from) {
            if span.seconds > 0 {
                found.push((every + count, Base::Every(span)));
            }
        }
        if let Some((count, hour)) = cursor.word(from, Class::Part)
            && let Ok(time) = hour.parse()
        {
            found.push((every + count, Base::Weekly(Days::ALL, Some(time))));
        }
    }
    // "monthly on the 1st", "on the 1st of every month"
    let monthly = cursor.skip(at, Class::Monthly);
    if monthly > 0 {
        let on = cursor.skip(at + monthly, Class::At);
        if let Some((count, day)) = month_day(cursor, at + monthly + on) {
            found.push((monthly + on + count, Base::Monthly(day)));
        }
    }
    for on in [0, cursor.skip(at, Class::At), every] {
        if let Some((count, day)) = month_day(cursor, at + on) {
            let monthly = cursor.skip(at + on + count, Class::Monthly);
            if monthly > 0 {
                found.push((on + count + monthly, Base::Monthly(day)));
            }
        }
    }
    found
}

fn month_day(cursor: &Cursor, at: usize) -> Option<(usize, u8)> {
    let article = cursor.skip(at, Class::Article);
    // "le 2 de chaque mois", "tous les 15 du mois"
    let counted = || {
        let named = article > 0 || at > 0 && cursor.skip(at - 1, Class::Every).max(cursor.skip(at - 1, Class::Article)) > 0;
        let named = named || at > 1 && cursor.skip(at - 2, Class::Every) == 2;
        number::count_at(cursor, at + article).into_iter().find(|_| named)
    };
    let (count, day) = time::ordinal(cursor, at + article).or_else(counted)?;
    let day = u8::try_from(day).ok().filter(|day| (1..=31).contains(day))?;
    Some((article + count, day))
}

/// "weekday", "monday and thursday", "monday, wednesday, friday".
fn day_list(cursor: &Cursor, at: usize) -> Option<(usize, Days)> {
    let day = |at: usize| {
        if let Some((count, day)) = cursor.word(at, Class::Day) {
            return Some((count, Days::none().with(day.parse().ok()?)));
        }
        let (count, days) = cursor.word(at, Class::Days)?;
        Some((count, Days::digits(days)?))
    };
    let (mut end, mut days) = day(at)?;
    loop {
        let and = cursor.skip(at + end, Class::And);
        match day(at + end + and) {
            Some((count, more)) => {
                end += and + count;
                days = Days(days.0 | more.0);
            }
            None => return Some((end, days)),
        }
    }
}
