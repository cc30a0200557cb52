//! Figures, their goals, and how they are printed.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// How this binary and the agent beside it were built.
const PROFILE: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

/// One measured figure.
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// It is to be at most this.
    goal: Option<f64>,
}

/// All figures of a run.
pub struct Report {
    figures: Vec<Figure>,
    load: String,
}

impl Report {
    /// An empty one; notes how busy the machine is with other things.
    pub fn new() -> Self {
        Self { figures: Vec::new(), load: load() }
    }

    /// Adds a figure that only informs.
    pub fn note(&mut self, name: &'static str, value: f64, unit: &'static str) {
        self.figures.push(Figure { name, value, unit, goal: None });
    }

    /// Adds a figure that is to be at most `goal`.
    pub fn judge(&mut self, name: &'static str, value: f64, unit: &'static str, goal: f64) {
        self.figures.push(Figure { name, value, unit, goal: Some(goal) });
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let figures = self.figures.iter().map(|Figure { name, value, unit, goal }| {
            json!({ "name": name, "value": value, "unit": unit, "goal": goal, "met": goal.map(|goal| *value <= goal) })
        });
        json!({ "figures": figures.collect::<Vec<_>>(), "profile": PROFILE, "load_before": self.load, "load_after": load() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Figure { name, value, unit, goal } in &self.figures {
            write!(f, "{name:58} {value:9.2} {unit:6}")?;
            match goal {
                Some(goal) => writeln!(f, "  goal ≤ {goal:<6} {}", if value <= goal { "met" } else { "MISSED" })?,
                None => writeln!(f)?,
            }
        }
        writeln!(f, "profile: {PROFILE}, load average before: {}, after: {}", self.load, load())
    }
}

/// The load averages of 1, 5 and 15 minutes.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Durations of one kind.
#[derive(Default)]
pub struct Sample(Vec<Duration>);

impl Sample {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The duration that a part (0 to 1) of all stays below, in milliseconds; 0 of none.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
        sorted.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }
}
