//! Names that exist where an utterance is said.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::kind::Of;
use crate::token::fold;

/// Names that exist where the utterance is said. They bias the reading, and are never mended into something else.
pub trait Known {
    /// All names of that kind, in the order in which they should be shown.
    fn names(&self, of: Of) -> Arc<[String]>;

    /// The canonical spelling of `name`, if it exists: the exact one wins, else the one that differs only in case.
    fn has(&self, of: Of, name: &str) -> Option<String> {
        let names = self.names(of);
        if names.iter().any(|known| known == name) {
            return Some(name.to_owned());
        }
        let folded = name.to_lowercase();
        names.iter().find(|known| known.to_lowercase() == folded).cloned()
    }

    /// The one name that sounds like this: "web2" for what was dictated as "web two" or written "Web-2", which both [`squeeze`] to the same. `None`
    /// when there is none, or more than one.
    fn sounds(&self, of: Of, squeezed: &str) -> Option<String> {
        Sounds::of(self.names(of).iter()).get(squeezed)
    }

    /// Whether that is how people say a piece of a name or title for the whole: "node 3" of k8s-node-3, "marie" of "Marie's desk". [`squeeze`]d.
    fn has_piece(&self, of: Of, squeezed: &str) -> bool {
        Sounds::of(self.names(of).iter()).has_piece(squeezed)
    }

    /// The one name of which that is a piece and not the whole, [`squeeze`]d: "runner" of gitlab-runner. `None` when it is so of several.
    fn with_piece(&self, of: Of, squeezed: &str) -> Option<String> {
        Parts::of(&self.names(of)).with_piece(squeezed).cloned()
    }

    /// The names of which that is a word, whatever number follows it: "proxy" of edge-proxy and proxy2-old.
    fn with_word(&self, of: Of, word: &str) -> Vec<String> {
        Parts::of(&self.names(of)).with_word(word).cloned().collect()
    }

    /// Whether several names begin so.
    fn many_begin(&self, of: Of, beginning: &str) -> bool {
        Parts::of(&self.names(of)).many_begin(beginning)
    }

    /// Names by which machines of one name are told apart; that name alone where there is one.
    fn told_apart(&self, name: &str) -> Vec<String> {
        vec![name.to_owned()]
    }

    /// The bare XMPP addresses of the people who can be spoken of by the first part alone: "bob" for bob@example.org.
    fn people(&self) -> &[String] {
        &[]
    }
}

/// A name as it sounds: without case, accents, blanks and punctuation.
///
/// ```
/// assert_eq!(grammar::known::squeeze("Web-2"), grammar::known::squeeze("web 2"));
/// ```
pub fn squeeze(name: &str) -> String {
    fold(name).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether what was said is a piece of a name, or of a title, as people say it for the whole: some of its words, side by side.
///
/// ```
/// use grammar::known::is_piece;
/// assert!(is_piece("node 3", "k8s-node-3") && is_piece("Master", "pg-master") && !is_piece("nod", "k8s-node-3"));
/// ```
pub fn is_piece(said: &str, name: &str) -> bool {
    let said = squeeze(said);
    !said.is_empty() && pieces(name).any(|piece| piece == said)
}

/// The words of a folded name, as far as letters and digits make one.
fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// All pieces of a name, as they sound.
fn pieces(name: &str) -> impl Iterator<Item = String> {
    let folded = fold(name);
    let words: Vec<&str> = words(&folded).collect();
    let words = if words.len() > MOST_WORDS { Vec::new() } else { words };
    let runs = (0..words.len()).flat_map(|start| (start + 1..words.len() + 1).map(move |end| start..end));
    runs.map(|run| words[run].concat()).collect::<Vec<_>>().into_iter()
}

/// Names of more words have no pieces.
const MOST_WORDS: usize = 8;

/// Names by how they sound, and what pieces of them do.
#[derive(Clone, Debug, Default)]
pub struct Sounds(HashMap<String, Option<String>>, HashSet<String>);

impl Sounds {
    /// Of these names; those that sound alike are none of them.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n String>) -> Self {
        let mut sounds: HashMap<String, Option<String>> = HashMap::new();
        let mut parts = HashSet::new();
        for name in names {
            parts.extend(pieces(name));
            let known = sounds.entry(squeeze(name)).or_insert_with(|| Some(name.clone()));
            if known.as_ref().is_some_and(|known| known != name) {
                *known = None;
            }
        }
        Self(sounds, parts)
    }

    /// Whether a piece of one sounds so.
    pub fn has_piece(&self, squeezed: &str) -> bool {
        self.1.contains(squeezed)
    }

    /// The one that sounds so.
    pub fn get(&self, squeezed: &str) -> Option<String> {
        self.0.get(squeezed)?.clone()
    }
}

/// Names by what they are made of, so that of thousands those that fit are found at once.
#[derive(Clone, Debug)]
pub struct Parts {
    names: Arc<[String]>,
    /// By a piece that is not the whole: the only one that has it.
    pieces: HashMap<String, Option<u32>>,
    /// By a word, without the number at its end.
    words: HashMap<String, Vec<u32>>,
    /// Folded, in order.
    folded: Vec<String>,
}

impl Parts {
    /// Of these names.
    pub fn of(names: &Arc<[String]>) -> Self {
        let (mut by_piece, mut by_word) = (HashMap::new(), HashMap::<String, Vec<u32>>::new());
        let mut all = Vec::with_capacity(names.len());
        for (place, name) in (0..).zip(names.iter()) {
            let (folded, whole) = (fold(name), squeeze(name));
            for piece in pieces(name).filter(|piece| *piece != whole) {
                let only = by_piece.entry(piece).or_insert(Some(place));
                *only = only.filter(|only| *only == place);
            }
            for word in words(&folded) {
                let named = by_word.entry(word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()).or_default();
                if named.last() != Some(&place) {
                    named.push(place);
                }
            }
            all.push(folded);
        }
        all.sort_unstable();
        Self { names: Arc::clone(names), pieces: by_piece, words: by_word, folded: all }
    }

    /// The only one of which that is a piece and not the whole.
    pub fn with_piece(&self, squeezed: &str) -> Option<&String> {
        let place = (*self.pieces.get(squeezed)?)?;
        self.names.get(usize::try_from(place).ok()?)
    }

    /// Those of which that is a word, whatever number follows it.
    pub fn with_word(&self, word: &str) -> impl Iterator<Item = &String> {
        let places = self.words.get(word).into_iter().flatten();
        places.filter_map(|place| self.names.get(usize::try_from(*place).ok()?))
    }

    /// Whether several begin so.
    pub fn many_begin(&self, beginning: &str) -> bool {
        let from = self.folded.partition_point(|name| name.as_str() < beginning);
        self.folded[from..].iter().take(2).filter(|name| name.starts_with(beginning)).count() == 2
    }
}

/// Nothing is known: every name is taken as it is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Known for Nothing {
    fn names(&self, _: Of) -> Arc<[String]> {
        Arc::default()
    }
}

/// A plain list of names, for tests and for tools without a host.
impl Known for Vec<(Of, String)> {
    fn names(&self, of: Of) -> Arc<[String]> {
        self.iter().filter(|(kind, _)| *kind == of).map(|(_, name)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_what_they_are_made_of() {
        let names = ["Gitlab-Runner", "edge-proxy", "k8s-node-1", "k8s-node-12", "proxy2-old", "web1"];
        let names: Arc<[String]> = names.map(str::to_owned).into();
        let parts = Parts::of(&names);
        assert_eq!(parts.with_piece("runner"), Some(&names[0]));
        assert_eq!(parts.with_piece("node12"), Some(&names[3]));
        assert_eq!(parts.with_piece("node"), None, "of two");
        assert_eq!(parts.with_piece("web1"), None, "the whole is no piece");
        assert_eq!(parts.with_word("proxy").collect::<Vec<_>>(), [&names[1], &names[4]]);
        assert_eq!(parts.with_word("web").collect::<Vec<_>>(), [&names[5]]);
        assert_eq!(parts.with_word("old2").count(), 0);
        assert!(parts.many_begin("k8s") && parts.many_begin("k8s-node-1"));
        assert!(!parts.many_begin("git") && !parts.many_begin("z"));
    }
}
