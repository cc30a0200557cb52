//! Points in time: "in 20 minutes", "tomorrow at 8", "friday", "22:00", "2026-12-24 08:00".
//!
//! What is said is resolved at once, in the time zone of the asker, so that it can be said back in full. A clock time
//! without a day is the next one; a day without a clock time is kept as such, because only the skill knows whether
//! it means its beginning or its end. After a word like "since" both are the last one instead.

use std::fmt;

use jiff::{
    ToSpan, Zoned,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};
use pest::Parser;
use serde::{Deserialize, Serialize};

use crate::{
    duration::{self, Calendar},
    lexicon::Class,
    number::{self, Rule, Shape},
    read::Cursor,
};

/// A point in time, to the second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// When, in the time zone in which it was said.
    pub at: Zoned,
    /// Only a day was said; `at` is its beginning.
    pub day_only: bool,
}

impl fmt::Display for When {
    /// ISO date, time and zone; with the offset where summer time ends and the hour comes twice.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time, zone) = (self.at.date(), self.at.time(), self.at.time_zone());
        write!(f, "{date}")?;
        if !self.day_only {
            write!(f, " {:02}:{:02}", time.hour(), time.minute())?;
            if time.second() != 0 {
                write!(f, ":{:02}", time.second())?;
            }
        }
        let name = zone.iana_name();
        let twice = zone.to_ambiguous_zoned(self.at.datetime()).is_ambiguous();
        if name.is_none() || twice {
            write!(f, " {}", self.at.strftime("%:z"))?;
        }
        match name {
            Some(name) => write!(f, " {name}"),
            None => Ok(()),
        }
    }
}

/// A clock time as said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub time: Time,
    /// "8" may still become 20:00 when "tonight" is said with it; "8:00 am" and "22:00" may not.
    half_open: bool,
}

/// A day as said.
#[derive(Clone, Copy, Debug)]
enum Said {
    Date(Date),
    Weekday(Weekday, /* the one before now */ bool),
    /// "tonight": a day, and the time meant if no other is said.
    Moment(Date, Time),
}

/// Points in time that begin at that token. `open`: where one is expected, a bare length of time is one from now.
pub(crate) fn at(cursor: &Cursor, start: usize, open: bool) -> Vec<(usize, When)> {
    let since = cursor.skip(start, Class::Since);
    let past = since > 0 || start > 0 && cursor.skip(start - 1, Class::Since) == 1;
    let from = start + since;
    let mut found = Vec::new();
    days(cursor, from, past, &mut found);
    written(cursor, from, &mut found);
    // "at 8", "8pm", "at 8 on friday"
    let (at, after_at) = at_word(cursor, from);
    for (count, clock) in clocks(cursor, from + at, after_at) {
        let end = from + at + count;
        if let Some(at) = next(&cursor.cx.now, clock.time, past) {
            found.push((end, at, false));
        }
        let on = cursor.skip(end, Class::At);
        for (count, said) in said_days(cursor, end + on) {
            if let Some(at) = resolve(&cursor.cx.now, said, Some(clock), past) {
                found.push((end + on + count, at, false));
            }
        }
    }
    // After the clock times, as "22h30" is rather one than a length of time.
    relative(cursor, from, open, past, &mut found);
    found.into_iter().map(|(end, at, day_only)| (end - start, When { at, day_only })).collect()
}

/// "at", and whether one was read here or just before: then a bare "8" is a clock time.
fn at_word(cursor: &Cursor, at: usize) -> (usize, bool) {
    let count = cursor.skip(at, Class::At);
    (count, count > 0 || at > 0 && cursor.skip(at - 1, Class::At) == 1)
}

type Ends = Vec<(usize, Zoned, bool)>;

/// "in 20 minutes", "2 hours ago", "now".
fn relative(cursor: &Cursor, from: usize, open: bool, past: bool, found: &mut Ends) {
    let now = &cursor.cx.now;
    let (within, ago) = (cursor.skip(from, Class::In), cursor.skip(from, Class::Ago));
    for (count, length) in duration::calendar_at(cursor, from + within.max(ago)) {
        let end = from + within.max(ago) + count;
        let (later, earlier) = (cursor.skip(end, Class::Later), cursor.skip(end, Class::Ago));
        let back = ago > 0 || earlier > 0;
        if !(open && !past || within > 0 || back || later > 0) {
            continue;
        }
        if let Some(at) = shift(now, length, back) {
            found.push((end + later.max(earlier), at, false));
        }
    }
    // "les 7 derniers jours"
    if let Some((count, length)) = duration::last_at(cursor, from)
        && let Some(at) = shift(now, length, true)
    {
        found.push((from + count, at, false));
    }
    let count = cursor.skip(from, Class::Now);
    if count > 0 {
        found.extend(whole_seconds(now.clone()).map(|at| (from + count, at, false)));
    }
}

fn shift(now: &Zoned, length: Calendar, back: bool) -> Option<Zoned> {
    let sign = |count: u64| i64::try_from(count).ok().map(|count| if back { -count } else { count });
    let span = 0
        .seconds()
        .try_months(sign(length.months)?)
        .and_then(|span| span.try_days(sign(length.days).unwrap_or(0)))
        .and_then(|span| span.try_seconds(sign(length.seconds).unwrap_or(0)))
        .ok()?;
    whole_seconds(now.checked_add(span).ok()?)
}

fn whole_seconds(at: Zoned) -> Option<Zoned> {
    at.with().subsec_nanosecond(0).build().ok()
}

/// "tomorrow", "friday at 8", "tonight", "next week".
fn days(cursor: &Cursor, from: usize, past: bool, found: &mut Ends) {
    let now = &cursor.cx.now;
    let on = cursor.skip(from, Class::At);
    for (count, said) in said_days(cursor, from + on) {
        let end = from + on + count;
        if let Some(at) = resolve(now, said, None, past) {
            found.push((end, at, !matches!(said, Said::Moment(..))));
        }
        let at_count = cursor.skip(end, Class::At);
        for (count, clock) in clocks(cursor, end + at_count, at_count > 0) {
            if let Some(at) = resolve(now, said, Some(clock), past) {
                found.push((end + at_count + count, at, false));
            }
        }
        // "lundi matin à 9 h"
        if let Some((part_count, part)) = cursor.word(end, Class::Part)
            && let Ok(part) = part.parse::<Time>()
        {
            let from = end + part_count;
            let at_count = cursor.skip(from, Class::At);
            for (count, clock) in clocks(cursor, from + at_count, at_count > 0) {
                let date = resolve(now, said, None, past).map(|at| at.date());
                if let Some(at) = date.and_then(|date| resolve(now, Said::Moment(date, part), Some(clock), past)) {
                    found.push((from + at_count + count, at, false));
                }
            }
        }
    }
}

/// Canonical notation: "2026-12-24 08:00 +01:00 Europe/Berlin", also with a "T" and without zone.
fn written(cursor: &Cursor, from: usize, found: &mut Ends) {
    let Some(token) = cursor.token(from) else {
        return;
    };
    let here = cursor.cx.now.time_zone();
    let mut end = from + 1;
    let (moment, day_only) = if let Ok(moment) = token.text.parse::<DateTime>()
        && token.folded.contains('t')
    {
        (moment, false)
    } else if let Ok(date) = token.text.parse::<Date>() {
        match clocks(cursor, end, false).first() {
            Some((count, clock)) => {
                end += count;
                (date.to_datetime(clock.time), false)
            }
            None => (date.to_datetime(Time::midnight()), true),
        }
    } else if let Some((count, date)) = month_day(cursor, from, cursor.cx.now.date())
        && cursor.token(from + count - 1).is_some_and(|year| year.text.len() == 4 && count > 1)
    {
        // "21 novembre 2026 à 8 h Europe/Paris"
        end = from + count;
        let before = cursor.skip(end, Class::At);
        match clocks(cursor, end + before, before > 0).first() {
            Some((count, clock)) => {
                end += before + count;
                (date.to_datetime(clock.time), false)
            }
            None => (date.to_datetime(Time::midnight()), true),
        }
    } else {
        return;
    };
    // "2026-12-24T08:00:00Z" says its own offset.
    let mut offset = token.text.parse::<jiff::Timestamp>().ok().map(|at| (at, "+00:00".to_owned()));
    if offset.is_none()
        && let Some(next) = cursor.token(end).filter(|token| token.text.starts_with(['+', '-']))
        && let Ok(at) = format!("{moment}{}", next.text).parse::<jiff::Timestamp>()
    {
        offset = Some((at, next.text.to_owned()));
        end += 1;
    }
    let mut zone = None;
    if let Some(name) = cursor.token(end).map(|token| token.text)
        && (name.contains('/') || name == "UTC" || here.iana_name() == Some(name))
    {
        zone = if here.iana_name() == Some(name) { Some(here.clone()) } else { TimeZone::get(name).ok() };
        end += usize::from(zone.is_some());
    }
    let at = match (offset, zone) {
        (Some((at, _)), Some(zone)) => at.to_zoned(zone),
        (Some((at, text)), None) => match format!("{moment}{text}[{text}]").parse::<Zoned>() {
            Ok(at) => at,
            Err(_) => at.to_zoned(here.clone()),
        },
        (None, zone) => match moment.to_zoned(zone.unwrap_or_else(|| here.clone())) {
            Ok(at) => at,
            Err(_) => return,
        },
    };
    found.extend(whole_seconds(at).map(|at| (end, at, day_only)));
}

/// The next such clock time after now, or the last one before.
fn next(now: &Zoned, time: Time, past: bool) -> Option<Zoned> {
    let on = |date: Date| date.to_datetime(time).to_zoned(now.time_zone().clone()).ok();
    let today = on(now.date())?;
    match past {
        false if today > *now => Some(today),
        false => on(now.date().tomorrow().ok()?),
        true if today < *now => Some(today),
        true => on(now.date().yesterday().ok()?),
    }
}

fn resolve(now: &Zoned, said: Said, clock: Option<Clock>, past: bool) -> Option<Zoned> {
    let at = |date: Date, time: Time| date.to_datetime(time).to_zoned(now.time_zone().clone()).ok();
    let time = clock.map_or(Time::midnight(), |clock| clock.time);
    match said {
        Said::Date(date) => at(date, time),
        Said::Weekday(day, back) => {
            let today = now.date();
            if let Some(clock) = clock
                && today.weekday() == day
                && let Some(same) = at(today, clock.time)
                && (if back || past { same < *now } else { same > *now })
            {
                return Some(same);
            }
            at(today.nth_weekday(if back || past { -1 } else { 1 }, day).ok()?, time)
        }
        Said::Moment(date, usual) => {
            let Some(clock) = clock else {
                return at(date, usual);
            };
            if usual.hour() >= 12 && clock.half_open && clock.time.hour() < 12 {
                // "tonight at 2" is after midnight, "tonight at 8" before.
                if usual.hour() >= 18 && clock.time.hour() < 5 || clock.time.hour() == 0 {
                    return at(date.tomorrow().ok()?, clock.time);
                }
                return at(date, Time::new(clock.time.hour() + 12, clock.time.minute(), 0, 0).ok()?);
            }
            at(date, clock.time)
        }
    }
}

/// Days that begin at that token.
fn said_days(cursor: &Cursor, at: usize) -> Vec<(usize, Said)> {
    let today = cursor.cx.now.date();
    let mut found = Vec::new();
    let Some(token) = cursor.token(at).filter(|token| !token.quoted) else {
        return found;
    };
    let shifted = |days: &str| today.checked_add(days.parse::<i64>().ok()?.days()).ok();
    if let Some((count, days)) = cursor.word(at, Class::Offset)
        && let Some(date) = shifted(days)
    {
        found.push((count, Said::Date(date)));
    }
    if let Some((count, moment)) = cursor.word(at, Class::Moment)
        && let Some((days, time)) = moment.split_once('@')
        && let (Some(date), Ok(time)) = (shifted(days), time.parse::<Time>())
    {
        found.push((count, Said::Moment(date, time)));
    }
    let (next, last) = (cursor.skip(at, Class::Next), cursor.skip(at, Class::Last));
    let article = cursor.skip(at, Class::Article);
    let before = next.max(last).max(article);
    if let Some((count, day)) = cursor.word(at + before, Class::Day)
        && let Some(day) = day.parse().ok().and_then(|day| Weekday::from_monday_one_offset(day).ok())
    {
        // French says it after: "vendredi dernier".
        let (next_after, last_after) =
            (cursor.skip(at + before + count, Class::Next), cursor.skip(at + before + count, Class::Last));
        found.push((before + count + next_after.max(last_after), Said::Weekday(day, last > 0 || last_after > 0)));
    }
    let unit_after = next.max(article);
    if let Some((count, unit)) = cursor.word(at + unit_after, Class::Span)
        && (next > 0 || cursor.skip(at + unit_after + count, Class::Next) > 0)
    {
        // "la semaine prochaine"
        let count = count + if next > 0 { 0 } else { cursor.skip(at + unit_after + count, Class::Next) };
        let date = match unit {
            "w" => today.nth_weekday(1, Weekday::Monday).ok(),
            "month" => today.first_of_month().checked_add(1.month()).ok(),
            "year" => today.first_of_year().checked_add(1.year()).ok(),
            _ => None,
        };
        found.extend(date.map(|date| (unit_after + count, Said::Date(date))));
    }
    if let Some(date) = date(&token.folded, today) {
        found.push((1, Said::Date(date)));
    }
    found.extend(month_day(cursor, at, today).map(|(count, date)| (count, Said::Date(date))));
    found
}

/// "2026-12-24", "24.12.2026", "24/12": the next one when the year isn't said.
fn date(folded: &str, today: Date) -> Option<Date> {
    let inner = Shape::parse(Rule::date, folded).ok()?.next()?.into_inner().next()?;
    let iso = inner.as_rule() == Rule::iso_date;
    let parts: Vec<i16> = inner.into_inner().filter_map(|part| part.as_str().parse().ok()).collect();
    let (year, month, day) = match parts[..] {
        [year, month, day] if iso => (Some(year), month, day),
        [day, month, year] => (Some(year), month, day),
        [day, month] => (None, month, day),
        _ => return None,
    };
    calendar_date(today, year, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
}

fn calendar_date(today: Date, year: Option<i16>, month: i8, day: i8) -> Option<Date> {
    if let Some(year) = year {
        return Date::new(year, month, day).ok();
    }
    let this = Date::new(today.year(), month, day).ok();
    match this {
        Some(date) if date >= today => Some(date),
        _ => Date::new(today.year() + 1, month, day).ok().or(this),
    }
}

/// "24 december", "december 24th", "the 24th of december 2026", "the 24th".
fn month_day(cursor: &Cursor, at: usize, today: Date) -> Option<(usize, Date)> {
    let day_at = |at: usize| -> Option<(usize, i8, bool)> {
        let article = cursor.skip(at, Class::Article);
        let (count, day, ordinal) = match ordinal(cursor, at + article) {
            Some((count, day)) => (count, day, true),
            None => {
                let (count, day) = number::count_at(cursor, at + article).into_iter().next()?;
                (count, day, false)
            }
        };
        let day = i8::try_from(day).ok().filter(|day| (1..=31).contains(day))?;
        Some((article + count, day, ordinal && article > 0))
    };
    let month_at = |at: usize| {
        let (count, month) = cursor.word(at, Class::Month)?;
        Some((count, month.parse::<i8>().ok()?))
    };
    let year_at = |at: usize| {
        let token = cursor.token(at).filter(|token| token.text.len() == 4 && !token.quoted)?;
        token.text.parse::<i16>().ok().filter(|year| (1970..=9999).contains(year))
    };
    let (count, month, day) = if let Some((count, month)) = month_at(at) {
        let (more, day, _) = day_at(at + count)?;
        (count + more, month, day)
    } else {
        let (count, day, alone) = day_at(at)?;
        let of = cursor.skip(at + count, Class::Article);
        match month_at(at + count + of) {
            Some((more, month)) => (count + of + more, month, day),
            None if alone => {
                // "the 24th": the next one.
                let month = if day >= today.day() { today } else { today.checked_add(1.month()).ok()? };
                return Some((count, Date::new(month.year(), month.month(), day).ok()?));
            }
            None => return None,
        }
    };
    let year = year_at(at + count);
    Some((count + usize::from(year.is_some()), calendar_date(today, year, month, day)?))
}

/// "1st", "second": a number in order; "last" is not one here.
pub(crate) fn ordinal(cursor: &Cursor, at: usize) -> Option<(usize, u64)> {
    if let Some((count, number)) = cursor.word(at, Class::Ordinal) {
        return number.parse().ok().map(|number| (count, number));
    }
    let token = cursor.token(at).filter(|token| !token.quoted)?;
    if !token.folded.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut parts = Shape::parse(Rule::ordinal, &token.folded).ok()?.next()?.into_inner();
    let number = parts.next()?.as_str().parse().ok()?;
    let end = parts.next()?.as_str();
    cursor.cx.lexicon.is(end, Class::Ordinal).then_some((1, number))
}

/// What may follow a full hour: "30", "et demie", "moins le quart"; number of tokens, hour and minute.
fn past_the_hour(cursor: &Cursor, at: usize, hour: i8) -> impl Iterator<Item = (usize, i8, i8)> {
    let minutes = cursor.token(at).filter(|token| token.text.len() == 2 && !token.quoted).and_then(|token| {
        let unit = [Class::Span, Class::Unit, Class::Percent, Class::Clock]
            .iter()
            .any(|class| cursor.skip(at + 1, *class) > 0);
        token.text.parse::<i8>().ok().filter(|minutes| (0..60).contains(minutes) && !unit)
    });
    let part = |class| {
        let (count, part) = cursor.word(at, class)?;
        let (above, below) = part.split_once('/')?;
        Some((count, 60 * above.parse::<i8>().ok()? / below.parse::<i8>().ok().filter(|below| *below > 0)?))
    };
    let plus = part(Class::Plus).map(|(count, minutes)| (count, hour, minutes));
    let minus = part(Class::Minus).map(|(count, minutes)| (count, (hour + 23) % 24, 60 - minutes));
    minutes.map(|minutes| (1, hour, minutes)).into_iter().chain(plus).chain(minus)
}

/// Clock times that begin at that token, longest first; `bare`: "8" is one.
pub(crate) fn clocks(cursor: &Cursor, at: usize, bare: bool) -> Vec<(usize, Clock)> {
    let mut found = Vec::new();
    let Some(token) = cursor.token(at).filter(|token| !token.quoted) else {
        return found;
    };
    let clock = |hour: i8, minute: i8, second: i8, half_open: bool| {
        let (hour, minute) = if hour == 24 && minute == 0 { (0, 0) } else { (hour, minute) };
        Time::new(hour, minute, second, 0).ok().map(|time| Clock { time, half_open })
    };
    let afternoon = |hour: i8, half: &str| match half.starts_with('p') {
        _ if !(1..=12).contains(&hour) => hour,
        true => hour % 12 + 12,
        false => hour % 12,
    };
    let mut read = None;
    if let Some(pair) = Shape::parse(Rule::clock, &token.folded).ok().and_then(|mut pairs| pairs.next()) {
        let mut parts = [0i8; 3];
        let mut half = None;
        for part in pair.into_inner() {
            let number = || part.as_str().parse().unwrap_or(i8::MAX);
            match part.as_rule() {
                Rule::hour => parts[0] = number(),
                Rule::minute => parts[1] = number(),
                Rule::second => parts[2] = number(),
                Rule::half => half = Some(part.as_str()),
                _ => {}
            }
        }
        // "8.30" alone is a number, and "24.12" a date.
        if bare || half.is_some() || !token.folded.contains('.') {
            read = Some((1, parts, half.is_some()));
            if let Some(half) = half {
                parts[0] = afternoon(parts[0], half);
                read = Some((1, parts, true));
            }
        }
    } else if let Some((count, hour)) = number::count_at(cursor, at).into_iter().find(|(_, hour)| *hour <= 24) {
        let hour = i8::try_from(hour).unwrap_or(0);
        let said = cursor.skip(at + count, Class::Clock) + cursor.skip(at + count, Class::Half);
        let part = cursor.skip(at + count, Class::Part);
        if bare || said > 0 || part > 0 {
            read = Some((count, [hour, 0, 0], false));
        }
    }
    if let Some((mut count, [hour, minute, second], closed)) = read {
        let worded = cursor.skip(at + count, Class::Clock);
        count += worded;
        let open = !closed && hour <= 12 && hour > 0 && !token.folded.starts_with('0');
        let mut variants = vec![(count, hour, minute)];
        if minute == 0 && (worded > 0 || token.folded.ends_with(char::is_alphabetic)) {
            variants.extend(
                past_the_hour(cursor, at + count, hour).map(|(more, hour, minute)| (count + more, hour, minute)),
            );
        }
        for (mut count, mut hour, minute) in variants {
            let mut half_open = open;
            if half_open && let Some((more, half)) = cursor.word(at + count, Class::Half) {
                hour = afternoon(hour, half);
                half_open = false;
                count += more;
            }
            found.extend(clock(hour, minute, second, half_open).map(|clock| (count, clock)));
            if half_open
                && let Some((more, part)) = cursor.word(at + count, Class::Part)
                && let Some(part) = part.parse::<Time>().ok()
            {
                let hour = if part.hour() >= 12 && hour < 12 { hour + 12 } else { hour };
                found.extend(clock(hour, minute, second, false).map(|clock| (count + more, clock)));
            }
        }
    }
    if let Some((count, part)) = cursor.word(at, Class::Part)
        && let Ok(time) = part.parse::<Time>()
    {
        found.push((count, Clock { time, half_open: false }));
        // "midi et demi"
        let more = past_the_hour(cursor, at + count, time.hour());
        let more = more.filter_map(|(more, hour, minute)| Some((count + more, clock(hour, minute, 0, false)?)));
        found.extend(more.collect::<Vec<_>>());
    }
    found.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    found
}
