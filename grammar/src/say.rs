//! Values in the words of a language, as people read them.
//!
//! `Display` of a value is its notation: the same in every language, and what is stored and compared. [`Value::said`]
//! is for people; its words are the `say` entries of the lexicon, and the parser reads again what it prints.

use jiff::civil::Time;

use crate::{
    lexicon::Lexicon,
    selector::LAST,
    value::{Bytes, Days, Recurrence, Selector, SizeChange, Span, Value, When},
};

impl Value {
    /// The value in the words of that language; what the parser of the same kind reads again as the same value.
    ///
    /// ```
    /// use grammar::{lexicon::Lexicon, value::{Bytes, Value}};
    /// let french = Lexicon::parse("decimal: virgule\nsay unit TiB: Tio").unwrap();
    /// let size = Value::Size(Bytes::gib(1536));
    /// assert_eq!(size.said(&french), "1,5 Tio");
    /// assert_eq!(size.to_string(), "1.5 TiB");
    /// ```
    pub fn said(&self, words: &Lexicon) -> String {
        match self {
            Value::Machines(selector) => selector.said(words),
            Value::Size(bytes) => bytes.said(words),
            Value::SizeChange(change) => change.said(words),
            Value::Duration(span) => span.said(words),
            Value::When(when) => when.said(words),
            Value::Recurrence(recurrence) => recurrence.said(words),
            Value::Choice(value) => words.say(&format!("choice {value}")).unwrap_or(value).to_owned(),
            Value::Name(_) | Value::Count(_) | Value::Percent(_) => self.to_string(),
            Value::Jid(_) | Value::Address(_) | Value::Text(_) => self.to_string(),
        }
    }
}

impl Bytes {
    /// "1.5 TiB", "1,5 Tio".
    pub fn said(self, words: &Lexicon) -> String {
        let notation = self.to_string();
        let (number, unit) = notation.split_once(' ').unwrap_or((&notation, "B"));
        let number = if words.decimal_comma() { number.replace('.', ",") } else { number.to_owned() };
        format!("{number} {}", words.say(&format!("unit {unit}")).unwrap_or(unit))
    }
}

impl SizeChange {
    /// "+10 GiB", "+10 Gio".
    pub fn said(self, words: &Lexicon) -> String {
        match self {
            SizeChange::To(size) => size.said(words),
            SizeChange::Add(size) => format!("+{}", size.said(words)),
            SizeChange::Sub(size) => format!("-{}", size.said(words)),
            SizeChange::Percent(_) | SizeChange::Times(_) => self.to_string(),
        }
    }
}

impl Span {
    /// "2 d 4 h", "2 j 4 h".
    pub fn said(self, words: &Lexicon) -> String {
        let notation = self.to_string();
        let said = notation.split(' ').map(|part| words.say(&format!("span {part}")).unwrap_or(part));
        said.collect::<Vec<_>>().join(" ")
    }
}

impl When {
    /// Day, clock time and time zone.
    pub fn said(&self, words: &Lexicon) -> String {
        let notation = self.to_string();
        let Some(template) = words.say("date") else {
            return notation;
        };
        let date = self.at.date();
        let month = words.say(&format!("month {}", date.month())).unwrap_or_default();
        let day = ordinal(words, date.day().unsigned_abs());
        let date = fill(template, &[("day", &day), ("month", month), ("year", &date.year().to_string())]);
        // What follows date and clock time in the notation: offset and zone.
        let zone: Vec<&str> = notation.split(' ').skip(if self.day_only { 1 } else { 2 }).collect();
        let said = if self.day_only { date } else { at(words, &date, self.at.time()) };
        [vec![said.as_str()], zone].concat().join(" ")
    }
}

impl Days {
    /// "every weekday", "tous les lundis et jeudis".
    fn said(self, words: &Lexicon) -> String {
        let digits: String = self.iter().map(|day| char::from(b'0' + day)).collect();
        if let Some(set) = words.say(&format!("days {digits}")) {
            return set.to_owned();
        }
        let names: Vec<String> =
            self.iter().map(|day| words.say(&format!("day {day}")).unwrap_or_default().to_owned()).collect();
        fill(words.say("weekly").unwrap_or("{days}"), &[("days", &list(words, &names))])
    }
}

impl Recurrence {
    /// "every weekday at 22:00", "tous les jours ouvrés à 22 h".
    pub fn said(self, words: &Lexicon) -> String {
        let (said, time) = match self {
            Recurrence::Every(span) => {
                let notation = span.to_string();
                if let Some(whole) = words.say(&format!("every {notation}")) {
                    return whole.to_owned();
                }
                let unit = notation.split(' ').nth(1).unwrap_or("s");
                let template = words.say(&format!("every {unit}")).or(words.say("every")).unwrap_or("{span}");
                // A day is "every day": as a length it is 24 hours.
                let span = if span.seconds == 86_400 {
                    format!("24 {}", words.say("span h").unwrap_or("h"))
                } else {
                    span.said(words)
                };
                return fill(template, &[("span", &span)]);
            }
            Recurrence::Weekly { days, time } => (days.said(words), time),
            Recurrence::Monthly { day, time } => {
                (fill(words.say("monthly").unwrap_or("{day}"), &[("day", &ordinal(words, day))]), time)
            }
        };
        time.map_or(said.clone(), |time| {
            let clock = clock(words, time);
            fill(words.say("at").unwrap_or("{what} {clock}"), &[("what", &said), ("clock", &clock)])
        })
    }
}

impl Selector {
    /// "all machines that are off", "toutes les machines éteintes".
    pub fn said(&self, words: &Lexicon) -> String {
        let say = |key: &str| words.say(key).unwrap_or_default();
        match self {
            Selector::Names(names) => self::names(words, names),
            Selector::It => say("it").to_owned(),
            Selector::Myself => say("myself").to_owned(),
            Selector::Same => say("same").to_owned(),
            Selector::All => say("all").to_owned(),
            Selector::Others(None) => say("others").to_owned(),
            Selector::Others(Some(count)) => fill(say("others counted"), &[("count", &count.to_string())]),
            Selector::Nth(numbers) => {
                let one = |number: &usize| match *number {
                    LAST => say("last").to_owned(),
                    number => fill(say("number"), &[("number", &number.to_string())]),
                };
                list(words, &numbers.iter().map(one).collect::<Vec<_>>())
            }
            Selector::Where { state, tag, os, prefix, host, except } => {
                let mut parts = vec![say("all").to_owned()];
                parts.extend(state.map(|state| say(&format!("state {state}")).to_owned()));
                parts.extend(tag.as_ref().map(|tag| fill(say("tagged"), &[("tag", &quoted(words, tag))])));
                parts.extend(os.as_ref().map(|os| fill(say("os"), &[("os", os)])));
                parts.extend(prefix.as_ref().map(|prefix| fill(say("prefix"), &[("prefix", prefix)])));
                parts.extend(host.as_ref().map(|host| fill(say("host"), &[("host", &quoted(words, host))])));
                if !except.is_empty() {
                    parts.push(fill(say("except"), &[("names", &names(words, except))]));
                }
                parts.join(" ")
            }
        }
    }
}

/// Names, those quoted that would not be read as one.
fn names(words: &Lexicon, names: &[String]) -> String {
    let one = |name: &String| {
        let plain = name.starts_with(char::is_alphabetic)
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            && name.ends_with(char::is_alphanumeric);
        let word = words.tokens(name).iter().any(|token| words.contains(&token.folded));
        if plain && !word { name.clone() } else { quoted(words, name) }
    };
    list(words, &names.iter().map(one).collect::<Vec<_>>())
}

fn quoted(words: &Lexicon, name: &str) -> String {
    fill(words.say("quoted").unwrap_or("\"{name}\""), &[("name", name)])
}

/// "a, b and c".
fn list(words: &Lexicon, items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => match words.say("and") {
            Some(and) => format!("{} {and} {last}", before.join(", ")),
            None => items.join(", "),
        },
    }
}

/// "1st", "1er": the day of a month.
fn ordinal(words: &Lexicon, day: u8) -> String {
    let template = words.say(&format!("nth {day}")).or(words.say("nth")).unwrap_or("{number}");
    fill(template, &[("number", &day.to_string())])
}

fn at(words: &Lexicon, date: &str, time: Time) -> String {
    fill(words.say("moment").unwrap_or("{date} {clock}"), &[("date", date), ("clock", &clock(words, time))])
}

/// "22:00", "22 h"; with seconds in digits.
fn clock(words: &Lexicon, time: Time) -> String {
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    if second != 0 {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    let template = if minute == 0 { words.say("clock hour").or(words.say("clock")) } else { words.say("clock") };
    let (hours, minutes) = (format!("{hour:02}"), format!("{minute:02}"));
    fill(template.unwrap_or("{hh}:{mm}"), &[("hh", &hours), ("h", &hour.to_string()), ("mm", &minutes)])
}

/// A template with its places filled.
fn fill(template: &str, places: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((place, behind)) = after.split_once('}') else {
            break;
        };
        text.push_str(before);
        text.push_str(places.iter().find(|(name, _)| *name == place).map_or("", |(_, value)| *value));
        rest = behind;
    }
    text + rest
}
