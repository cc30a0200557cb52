//! What follows a name at the beginning of something said in a room: a wish, or talk about whom it names.

use grammar::frame::{Part, Stance, frame};
use grammar::lexicon::Class;

use crate::machine::{Around, Machine, Turn};
use crate::policy::Path;
use crate::session::{Call, Session};
use crate::slots::unknown_names;

impl Machine {
    /// Whether all of a text is commands and questions to the letter, in any language, about nothing that isn't there: "restart", "status?",
    /// but not "is slow today".
    pub fn is_wish(&self, text: &str, around: &Around<'_>) -> bool {
        self.book().languages().any(|language| {
            let words = self.book().words(language);
            let session = Session::default();
            let turn = Turn::new(self.book(), words, words, session, around);
            let parts = frame(text, &turn.context()).parts;
            !parts.is_empty() && parts.iter().all(|part| turn.is_plain_wish(part))
        })
    }
}

impl Turn<'_> {
    fn is_plain_wish(&self, part: &Part) -> bool {
        let cx = self.context();
        // "web1 is down" tells, "web1 is down?" asks.
        let tells = cx.lexicon.longest(&cx.tokens(&part.raw), Class::Question).is_some() && !part.raw.contains('?');
        let clear = |call: &Call| {
            self.spec(call)
                .is_some_and(|spec| spec.fits(self.around.scope) && unknown_names(spec, call, self.around.known) == 0)
        };
        let readings = self.commands(&part.text);
        let commands =
            !readings.is_empty() && readings.iter().all(|(call, path)| *path == Path::Command && clear(call));
        let asks =
            part.stance == Stance::Request || part.question && readings.iter().all(|(call, _)| !self.may_change(call));
        commands && asks && !tells
    }
}
