//! Names that exist where an utterance is said.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::kind::Of;
use crate::token::fold;

/// Names that exist where the utterance is said. They bias the reading, and are never mended into something else.
pub trait Known {
    /// All names of that kind, in the order in which they should be shown.
    fn names(&self, of: Of) -> Rc<[String]>;

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

/// All pieces of a name, as they sound.
fn pieces(name: &str) -> impl Iterator<Item = String> {
    let folded = fold(name);
    let words: Vec<String> =
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
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

/// Nothing is known: every name is taken as it is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Known for Nothing {
    fn names(&self, _: Of) -> Rc<[String]> {
        Rc::default()
    }
}

/// A plain list of names, for tests and for tools without a host.
impl Known for Vec<(Of, String)> {
    fn names(&self, of: Of) -> Rc<[String]> {
        self.iter().filter(|(kind, _)| *kind == of).map(|(_, name)| name.clone()).collect()
    }
}
