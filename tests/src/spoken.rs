//! The names that a corpus speaks of, and whose commands take a text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dialogue::book::{Book, Words};
use dialogue::session::Call;
use dialogue::slots;
use grammar::kind::Of;
use grammar::known::Known;
use grammar::read::Context;
use grammar::value::Value;
use jiff::Zoned;

/// Whatever is marked as a machine in a phrasing of the language, and some names of each other kind.
pub struct Spoken(BTreeSet<String>);

impl Known for Spoken {
    fn names(&self, of: Of) -> Arc<[String]> {
        let names: Vec<String> = match of {
            Of::Machine => self.0.iter().cloned().collect(),
            Of::Hypervisor => (1..10).map(|number| format!("hv{number}")).collect(),
            Of::Snapshot => vec!["before-upgrade".to_owned()],
            Of::Disk => vec!["vda".to_owned(), "vdb".to_owned()],
            Of::Pool | Of::Network => vec!["default".to_owned()],
            _ => Vec::new(),
        };
        names.into()
    }

    fn has(&self, of: Of, name: &str) -> Option<String> {
        if of == Of::Machine {
            self.0.get(name).cloned()
        } else {
            self.names(of).iter().find(|known| *known == name).cloned()
        }
    }

    /// Names are written in a corpus as they are.
    fn sounds(&self, _: Of, _: &str) -> Option<String> {
        None
    }

    fn has_piece(&self, _: Of, _: &str) -> bool {
        false
    }
}

impl Spoken {
    /// Of one language's corpus.
    pub fn of(words: &Words) -> Self {
        let marked = |slots: &[&'static str]| {
            let names = slots.iter().flat_map(|slot| words.marked(slot)).filter(|name| !name.contains(['*', ' ']));
            names.map(str::to_owned).collect::<BTreeSet<String>>()
        };
        // A machine called like a pool or a network is another matter, and asked about.
        Self(marked(&["machine"]).difference(&marked(&["pool", "network"])).cloned().collect())
    }
}

/// A moment for values that need one.
///
/// # Panics
/// Never: it is a constant.
pub fn noon() -> Zoned {
    "2026-11-21T12:00:00+00:00[UTC]".parse().expect("a constant time")
}

/// Skills whose command patterns consume the whole text, unmended; of readings that differ in what exists, those that name what does.
pub fn commanded(book: &Book, words: &Words, known: &dyn Known, text: &str) -> BTreeSet<&'static str> {
    let cx = Context { lexicon: &words.lexicon, known, now: noon() };
    let readings: Vec<_> =
        words.patterns.matches(text, &cx).into_iter().filter(|reading| reading.mended.is_empty()).collect();
    let unknown = |tag: usize, values: &BTreeMap<String, Value>| {
        let spec = book.specs()[tag];
        slots::unknown_names(spec, &Call { skill: spec.id.to_owned(), args: values.clone() }, known)
    };
    let least = readings.iter().map(|reading| unknown(reading.tag, &reading.values)).min().unwrap_or(0);
    readings
        .iter()
        .filter(|reading| unknown(reading.tag, &reading.values) == least)
        .map(|reading| book.specs()[reading.tag].id)
        .collect()
}
