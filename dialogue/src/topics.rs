//! What each skill is about, in the words that the corpus has for it: how "help disks" and "how can I give you more memory?"
//! find their skills. Nothing here knows a word of any language, nor takes ids for words.
//!
//! A word says the more the fewer skills have it; words that questions to help are made of ("how", "do", "I") say little.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use grammar::corpus::SkillText;
use grammar::pattern::Pattern;
use grammar::token::{fold, tokens};

use crate::session::{Session, Trouble};
use crate::spec::Spec;

/// The skill that explains the others.
pub const HELP: &str = "talk.help";
/// The reason in a trace of what was only asked about.
pub const HOW_TO: &str = "how_to";

/// How much a word says of a skill, by where it stands.
const IN_TITLE: f32 = 3.0;
const IN_FIRST_COMMAND: f32 = 2.0;
const IN_HEADING: f32 = 1.5;
const IN_COMMAND: f32 = 1.0;
/// A word that all phrasings of a skill have; the others in proportion.
const IN_PHRASINGS: f32 = 3.0;
/// How much less the words of questions to help say.
const HELPING: f32 = 0.25;
/// From here on a word is one that matters in a question.
const MATTERS: f32 = 1.0;

/// What "help" may look back on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Talk<'s> {
    /// What was said.
    pub said: &'s str,
    /// The language it was read as.
    pub heard: &'s str,
    /// The skill that somebody asks how to use.
    pub how_to: Option<&'s str>,
    /// The skill about which a question is open.
    pub asked: Option<&'s str>,
    /// What went wrong last.
    pub trouble: Option<&'s Trouble>,
}

impl<'s> Talk<'s> {
    /// As a session shows it while a plan is made.
    pub fn of(session: &'s Session) -> Self {
        Self {
            said: &session.trace.text,
            heard: if session.heard.is_empty() { &session.language } else { &session.heard },
            how_to: session.trace.how_to.as_deref(),
            asked: session.asked_about(),
            trouble: session.trouble.as_ref(),
        }
    }
}

/// The words of all skills of one language.
#[derive(Debug, Default)]
pub struct Topics {
    skills: BTreeMap<&'static str, HashMap<String, f32>>,
    /// In how many skills a word stands.
    spread: HashMap<String, usize>,
    helping: BTreeSet<String>,
    /// Words of the commands of each skill.
    commands: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Topics {
    /// From the corpus sections of a language.
    pub(crate) fn new(specs: &[&'static Spec], sections: &BTreeMap<String, SkillText>) -> Self {
        let help = sections.get(HELP);
        let heading = |spec: &Spec| {
            let replies = help.map(|help| &help.replies);
            replies.and_then(|replies| replies.get(&format!("heading_{}", spec.category.key())))
        };
        let mut topics = Self::default();
        for spec in specs.iter().filter(|spec| spec.id != HELP) {
            let Some(section) = sections.get(spec.id) else { continue };
            let mut weights: HashMap<String, f32> = HashMap::new();
            let mut add = |parts: HashMap<String, f32>| {
                for (word, weight) in parts {
                    *weights.entry(word).or_default() += weight;
                }
            };
            add(shared(section.title.as_deref().unwrap_or_default(), IN_TITLE));
            add(shared(heading(spec).map_or("", |heading| &heading.value), IN_HEADING));
            let mut commands: HashMap<String, f32> = HashMap::new();
            for (at, line) in section.patterns.iter().enumerate() {
                let Ok(pattern) = Pattern::parse(&line.value) else { continue };
                let own = topics.commands.entry(spec.id).or_default();
                own.extend(spelled(&without_slots(&pattern.example())));
                let weight = if at == 0 { IN_FIRST_COMMAND } else { IN_COMMAND };
                for (word, weight) in shared(&without_slots(&pattern.example()), weight) {
                    let known = commands.entry(word).or_default();
                    *known = known.max(weight);
                }
            }
            add(commands);
            let mut phrasings: HashMap<String, f32> = HashMap::new();
            for example in &section.examples {
                for word in words(&example.text).into_iter().collect::<BTreeSet<_>>() {
                    *phrasings.entry(word).or_default() += IN_PHRASINGS / section.examples.len() as f32;
                }
            }
            add(phrasings);
            for word in weights.keys() {
                *topics.spread.entry(word.clone()).or_default() += 1;
            }
            topics.skills.insert(spec.id, weights);
        }
        let patterns = help.map(|help| help.patterns.as_slice()).unwrap_or_default();
        topics.helping = patterns.iter().flat_map(|line| words(&without_slots(&line.value))).collect();
        topics
    }

    /// How well a text fits a skill; 0 when not at all.
    pub fn score(&self, text: &str, skill: &str) -> f32 {
        let Some(weights) = self.skills.get(skill) else { return 0.0 };
        words(text).iter().map(|word| self.says(word) * weight(weights, word)).sum()
    }

    /// The skill whose words all of a question is made of, as far as they matter; the best if there are several.
    pub fn covering(&self, text: &str) -> Option<&'static str> {
        let matter = self.matter(text);
        if matter.is_empty() {
            return None;
        }
        let covering = self.skills.iter().filter(|(_, weights)| matter.iter().all(|word| weight(weights, word) > 0.0));
        let scored = covering.map(|(id, _)| (self.score(text, id), *id));
        scored.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, id)| id)
    }

    /// Words of the commands of a skill, for "did you mean".
    pub fn words_of(&self, skill: &str) -> impl Iterator<Item = &str> {
        self.commands.get(skill).into_iter().flatten().map(String::as_str)
    }

    /// What a text is about: its words that matter.
    pub fn matter(&self, text: &str) -> Vec<String> {
        words(text).into_iter().filter(|word| self.says(word) >= MATTERS).collect()
    }

    /// How much a word says: much when few skills have it.
    fn says(&self, word: &str) -> f32 {
        let spread = self.spread.iter().filter(|(known, _)| alike(known, word)).map(|(_, count)| *count).max();
        let rare = ((self.skills.len() as f32 + 1.0) / (spread.unwrap_or(0) as f32 + 0.5)).ln();
        rare.max(0.0) * if self.helping.contains(word) { HELPING } else { 1.0 }
    }
}

/// The words of a text as they are written, accents and all.
fn spelled(text: &str) -> Vec<String> {
    let tokens = tokens(text).into_iter().map(|token| token.text.to_lowercase());
    tokens.filter(|word| word.chars().count() >= 2).collect()
}

/// The words of a title or command: each says the less the more there are.
fn shared(text: &str, weight: f32) -> HashMap<String, f32> {
    let words = words(text);
    let each = weight / (words.len() as f32).sqrt();
    words.into_iter().map(|word| (word, each)).collect()
}

/// How much a word says of the skill with these.
fn weight(weights: &HashMap<String, f32>, word: &str) -> f32 {
    weights.iter().filter(|(known, _)| alike(known, word)).map(|(_, weight)| *weight).fold(0.0, f32::max)
}

/// The words of a text, folded; single letters and digits say nothing.
pub fn words(text: &str) -> Vec<String> {
    let tokens = tokens(text)
        .into_iter()
        .flat_map(|token| token.folded.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>());
    tokens.filter(|word| word.chars().count() >= 2 && word.chars().any(char::is_alphabetic)).collect()
}

fn without_slots(pattern: &str) -> String {
    let pieces = pattern.split('<').enumerate();
    pieces
        .map(|(at, piece)| if at == 0 { piece } else { piece.split_once('>').map_or("", |(_, rest)| rest) })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether two words are forms of one: "snapshots" and "snapshot", "pausing" and "pause", but not "restart" and "restore".
pub fn alike(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let common = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let left = [one.len() - common, other.len() - common];
    left == [0, 0] || (common >= 4 && left[0].min(left[1]) <= 1 && left[0].max(left[1]) <= 3)
}

/// Whether two topics are the same but for the form of their words, order and small words aside.
pub fn same(one: &str, other: &str) -> bool {
    let (one, other) = (words(&fold(one)), words(&fold(other)));
    !one.is_empty() && one.len() == other.len() && one.iter().all(|word| other.iter().any(|known| alike(known, word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_are_alike_and_others_are_not() {
        for (one, other) in [("snapshots", "snapshot"), ("pausing", "pause"), ("disk", "disks"), ("web", "web")] {
            assert!(alike(one, other), "{one} {other}");
        }
        for (one, other) in [("restart", "restore"), ("vm", "vms"), ("start", "stop"), ("", "a")] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn words_are_folded_and_slots_are_none() {
        assert_eq!(words("Éteins-moi \"ma VM\", à 5 h"), ["eteins", "moi", "ma", "vm"]);
        assert_eq!(words(&without_slots("pause <machine> (for|during) <duration>")), ["pause", "for", "during"]);
    }
}
