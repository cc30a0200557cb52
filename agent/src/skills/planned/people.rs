//! Planned: who may do what, the two-person rule, and how somebody is spoken to.

use dialogue::spec::Category::{People, Talk};
use dialogue::spec::Danger::{Authority, Read, Reversible};
use dialogue::spec::{Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ABOUT, MACHINE, for_viewers, planned};

/// The person a right is given to or taken from.
const WHO: Slot = Slot::required("who", Kind::Jid);
/// A person who narrows what is shown.
const BY: Slot = Slot::optional("who", Kind::Jid);
/// A role, without which the right itself was named.
const ROLE: Slot = Slot::optional("role", Kind::Choice(&["viewer", "operator", "admin"]));
/// A request that waits for a second person, by its number.
const REQUEST: Slot = Slot::optional("request", Kind::Name(Of::Tag));

/// Access, approvals, language and notification.
pub(super) static PLANNED: &[Spec] = &[
    planned("access.grant", People, MACHINE, Authority, &[WHO, ROLE, ABOUT, Slot::optional("until", Kind::When)]),
    planned("access.list", People, MACHINE, Read, &[BY, ABOUT]),
    planned("access.revoke", People, MACHINE, Authority, &[WHO, ROLE, ABOUT]),
    planned("approve.give", People, MACHINE, Authority, &[REQUEST, BY, ABOUT]),
    planned("approve.list", People, MACHINE, Read, &[REQUEST, BY]),
    planned("approve.refuse", People, MACHINE, Reversible, &[REQUEST, BY, ABOUT]),
    for_viewers(planned(
        "talk.notify",
        Talk,
        MACHINE,
        Reversible,
        &[ABOUT, Slot::optional("until", Kind::When), Slot::optional("at", Kind::When)],
    )),
];
