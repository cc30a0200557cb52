//! Names that exist where an utterance is said.

use crate::kind::Of;

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

    /// The bare XMPP addresses of the people who can be spoken of by the first part alone: "bob" for bob@example.org.
    fn people(&self) -> &[String] {
        &[]
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
