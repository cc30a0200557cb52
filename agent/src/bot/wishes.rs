//! Whether something said in a room without a mark ("web1 restart") is for whom it names first.

use dialogue::machine::Around;
use jiff::Zoned;

use super::Bot;
use crate::addresses::Entity;

impl Bot {
    /// Whether what follows a name is a command or a clear question to it, and no talk about it.
    pub(crate) fn is_wish(&self, entity: &Entity, text: &str, now: &Zoned) -> bool {
        let place = self.place(entity);
        let known = self.known_at(&place);
        let around = Around {
            now,
            known: &known,
            scope: place.scope,
            entity: &place.name,
            room: true,
            asker: "",
            ask_disruptive: self.caution.ask_disruptive,
        };
        self.machine.is_wish(text, &around)
    }
}
