//! Names that exist where an utterance is said.

use std::collections::HashMap;

use crate::kind::Of;
use crate::token::fold;

/// Names that exist where the utterance is said. They bias the reading, and are never mended into something else.
pub trait Known {
    /// All names of that kind, in the order in which they should be shown.
    fn names(&self, of: Of) -> Vec<String>;

    /// The canonical spelling of `name`, if it exists: the exact one wins, else the one that differs only in case.
    fn has(&self, of: Of, name: &str) -> Option<String> {
        let names = self.names(of);
        if names.iter().any(|known| known == name) {
            return Some(name.to_owned());
        }
        let folded = name.to_lowercase();
        names.into_iter().find(|known| known.to_lowercase() == folded)
    }

    /// The one name that sounds like this: "web2" for what was dictated as "web two" or written "Web-2", which both [`squeeze`] to the same. `None`
    /// when there is none, or more than one.
    fn sounds(&self, of: Of, squeezed: &str) -> Option<String> {
        Sounds::of(self.names(of)).get(squeezed)
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

/// Names by how they sound.
#[derive(Clone, Debug, Default)]
pub struct Sounds(HashMap<String, Option<String>>);

impl Sounds {
    /// Of these names; those that sound alike are none of them.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        let mut sounds: HashMap<String, Option<String>> = HashMap::new();
        for name in names {
            let known = sounds.entry(squeeze(&name)).or_insert_with(|| Some(name.clone()));
            if known.as_ref().is_some_and(|known| *known != name) {
                *known = None;
            }
        }
        Self(sounds)
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
    fn names(&self, _: Of) -> Vec<String> {
        Vec::new()
    }
}

/// A plain list of names, for tests and for tools without a host.
impl Known for Vec<(Of, String)> {
    fn names(&self, of: Of) -> Vec<String> {
        self.iter().filter(|(kind, _)| *kind == of).map(|(_, name)| name.clone()).collect()
    }
}
