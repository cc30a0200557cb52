//! What holds: the facts of a journal folded, the newest of each key. What was taken back is not in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::line::Entry;

/// All facts that hold, by their sort and key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(BTreeMap<String, BTreeMap<String, Holding>>);

/// A fact that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    /// What it says; never `null`.
    pub value: Value,
    /// When it came to be so.
    pub since: Timestamp,
}

impl Table {
    /// The facts of a sort, by key.
    pub fn of(&self, sort: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.0.get(sort).into_iter().flatten().map(|(key, holding)| (key.as_str(), &holding.value))
    }

    /// All of them: sort, key, and what holds.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &Holding)> {
        self.0.iter().flat_map(|(sort, of)| of.iter().map(|(key, holding)| (sort.as_str(), key.as_str(), holding)))
    }

    /// Whether nothing holds.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A fact came to be so, or with `null` is so no more. Gives what held before, `null` if nothing did.
    pub fn set(&mut self, since: Timestamp, sort: &str, key: &str, value: Value) -> Value {
        let before = if value.is_null() {
            let Some(of) = self.0.get_mut(sort) else { return Value::Null };
            let before = of.remove(key);
            if of.is_empty() {
                self.0.remove(sort);
            }
            before
        } else {
            self.0.entry(sort.to_owned()).or_default().insert(key.to_owned(), Holding { value, since })
        };
        before.map_or(Value::Null, |holding| holding.value)
    }

    /// Takes in what a line of that time says, if it is a fact.
    pub fn take(&mut self, at: Timestamp, entry: &Entry) {
        if let Entry::Fact { sort, key, value, since, .. } = entry {
            self.set(since.unwrap_or(at), sort, key, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_of_each_key_holds_and_what_was_taken_back_does_not() {
        let mut table = Table::default();
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(table.set(at, "language", "ann", json!("en")), Value::Null);
        assert_eq!(table.set(at, "language", "ann", json!("fr")), json!("en"));
        assert_eq!(table.set(at, "room", "ann", json!(1)), Value::Null, "the same key of another sort is another");
        assert_eq!(table.of("language").collect::<Vec<_>>(), [("ann", &json!("fr"))]);
        assert_eq!(table.set(at, "language", "ann", Value::Null), json!("fr"));
        assert_eq!(table.set(at, "language", "bob", Value::Null), Value::Null);
        assert_eq!(table.all().map(|(sort, ..)| sort).collect::<Vec<_>>(), ["room"]);
        table.set(at, "room", "ann", Value::Null);
        assert!(table.is_empty());
    }
}
