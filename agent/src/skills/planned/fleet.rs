//! Planned: many hosts, jobs, time, and the host's own numbers.

use dialogue::spec::Category::{Fleet, Know, Time};
use dialogue::spec::Danger::{Destructive, Disruptive, Read, Reversible};
use dialogue::spec::{Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ABOUT, FLEET, HOST, M, MACHINE, RESOURCE, for_viewers, planned};

/// A hypervisor, asked for.
const TO_HOST: Slot = Slot::required("host", Kind::Name(Of::Hypervisor));
/// What a schedule does when its time comes.
const ACTION: Slot =
    Slot::optional("action", Kind::Choice(&["start", "stop", "reboot", "pause", "resume", "save", "snapshot"]));

/// The day of a schedule.
const DAY: Kind = Kind::Choice(&[
    "today",
    "tonight",
    "tomorrow",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
]);

/// Fleet, jobs, schedules, alerts, host statistics.
pub(super) static PLANNED: &[Spec] = &[
    for_viewers(planned(
        "alert.add",
        Time,
        MACHINE,
        Reversible,
        &[
            Slot::optional("what", RESOURCE),
            Slot::optional("over", Kind::Percent),
            Slot::optional("lasting", Kind::Duration),
            Slot::optional("pool", Kind::Name(Of::Pool)),
            ABOUT,
        ],
    )),
    planned("alert.list", Time, MACHINE, Read, &[ABOUT]),
    for_viewers(planned(
        "alert.remove",
        Time,
        MACHINE,
        Reversible,
        &[Slot::optional("alert", Kind::Text), Slot::optional("what", RESOURCE), ABOUT],
    )),
    planned(
        "fleet.forecast",
        Fleet,
        FLEET,
        Read,
        &[Slot::optional("what", RESOURCE), Slot::optional("pool", Kind::Name(Of::Pool))],
    ),
    planned(
        "fleet.place",
        Fleet,
        FLEET,
        Read,
        &[
            Slot::required("memory", Kind::Size),
            Slot::optional("disk", Kind::Size),
            Slot::optional("cpus", Kind::Count),
            Slot::optional("count", Kind::Count),
            Slot::optional("os", super::machine::OS),
            ABOUT,
        ],
    ),
    planned("fleet.recover", Fleet, FLEET, Destructive, &[TO_HOST, ABOUT]),
    planned(
        "fleet.usage",
        Fleet,
        FLEET,
        Read,
        &[Slot::required("tag", Kind::Name(Of::Tag)), Slot::optional("period", Kind::Text)],
    ),
    planned(
        "host.drain",
        Fleet,
        FLEET,
        Disruptive,
        &[Slot::optional("host", Kind::Name(Of::Hypervisor)), Slot::optional("when", Kind::When)],
    ),
    planned("host.logs", Know, HOST, Read, &[Slot::default("lines", Kind::Count, "20"), ABOUT]),
    planned(
        "host.stats",
        Know,
        HOST,
        Read,
        &[Slot::optional("what", RESOURCE), Slot::optional("period", Kind::Duration)],
    ),
    // In truth as dangerous as its action; disruptive covers most of them.
    planned(
        "schedule.add",
        Time,
        MACHINE,
        Disruptive,
        &[
            M,
            ACTION,
            Slot::optional("delay", Kind::Duration),
            Slot::optional("day", DAY),
            // A time of the day of `day`; apart, because "now" is a time too and "reboot now" is no schedule.
            Slot::optional("when", Kind::When),
            Slot::optional("recurrence", Kind::Recurrence),
            Slot::optional("text", Kind::Text),
        ],
    ),
    planned("schedule.list", Time, MACHINE, Read, &[ABOUT, Slot::optional("when", Kind::When)]),
    planned(
        "schedule.remove",
        Time,
        MACHINE,
        Disruptive,
        &[Slot::optional("schedule", Kind::Text), Slot::optional("when", Kind::When), ABOUT],
    ),
];
