//! Planned: a machine's life, what it knows of itself, and its inside.

use dialogue::spec::Category::{Guest, Know, Make, Power};
use dialogue::spec::Danger::{Authority, Destructive, Disruptive, Read, Reversible};
use dialogue::spec::{Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{EFFECT, HOST, M, MACHINE, RESOURCE, SWITCH, allocating, planned};

/// Systems a machine can be made with.
pub(super) const OS: Kind = Kind::Choice(&[
    "debian", "ubuntu", "fedora", "alpine", "arch", "centos", "rocky", "alma", "opensuse", "freebsd", "openbsd",
    "windows",
]);
/// A tag.
const TAG: Slot = Slot::required("tag", Kind::NewName(Of::Tag));
/// A name to be given to a machine.
const NAME: Slot = Slot::required("name", Kind::NewName(Of::Machine));
/// A feed of machine images, by address or name.
const FEED: Kind = Kind::Text;
/// A domain of the host that need not be managed.
const DOMAIN: Slot = Slot::required("machine", Kind::Machines);

/// Machines and appliances.
pub(super) static PLANNED: &[Spec] = &[
    allocating(planned(
        "appliance.install",
        Make,
        HOST,
        Reversible,
        &[Slot::required("appliance", Kind::Name(Of::Iso)), Slot::optional("name", Kind::NewName(Of::Machine))],
    )),
    planned("appliance.list", Make, HOST, Read, &[Slot::optional("name", Kind::Name(Of::Iso))]),
    planned("appliance.publish", Make, MACHINE, Reversible, &[M, Slot::optional("feed", FEED)]),
    planned("appliance.subscribe", Make, HOST, Reversible, &[Slot::required("feed", FEED)]),
    planned("console.close", Guest, MACHINE, Disruptive, &[M]),
    planned(
        "console.open",
        Guest,
        MACHINE,
        Reversible,
        &[M, Slot::optional("kind", Kind::Choice(&["graphical", "serial"]))],
    ),
    planned("console.tail", Guest, MACHINE, Read, &[M, Slot::default("lines", Kind::Count, "20")]),
    planned("cpu.set", Make, MACHINE, Disruptive, &[M, Slot::required("count", Kind::Count), EFFECT]),
    planned("guest.exec", Guest, MACHINE, Disruptive, &[M, Slot::required("command", Kind::Text)]),
    planned("guest.info", Know, MACHINE, Read, &[M]),
    planned("memory.set", Make, MACHINE, Disruptive, &[M, Slot::required("size", Kind::SizeChange), EFFECT]),
    planned("vm.adopt", Make, HOST, Authority, &[DOMAIN]),
    planned("vm.autostart", Power, MACHINE, Reversible, &[M, Slot::default("state", SWITCH, "on")]),
    planned(
        "vm.boot",
        Make,
        MACHINE,
        Disruptive,
        &[M, Slot::optional("device", Kind::Choice(&["disk", "cdrom", "network"]))],
    ),
    allocating(planned(
        "vm.create",
        Make,
        HOST,
        Reversible,
        &[
            NAME,
            Slot::required("os", OS),
            Slot::required("memory", Kind::Size),
            Slot::required("disk", Kind::Size),
            Slot::optional("cpus", Kind::Count),
            Slot::optional("count", Kind::Count),
            Slot::optional("image", Kind::Name(Of::Iso)),
        ],
    )),
    planned("vm.define", Make, MACHINE, Disruptive, &[M, Slot::optional("xml", Kind::Text)]),
    planned("vm.delete", Make, MACHINE, Destructive, &[M, Slot::optional("disks", Kind::Choice(&["keep", "delete"]))]),
    planned("vm.describe", Make, MACHINE, Reversible, &[M, Slot::required("text", Kind::Text)]),
    allocating(planned(
        "vm.export",
        Make,
        MACHINE,
        Reversible,
        &[M, Slot::optional("format", Kind::Choice(&["ova", "ovf", "archive"]))],
    )),
    allocating(planned(
        "vm.import",
        Make,
        HOST,
        Reversible,
        &[Slot::required("source", Kind::Text), Slot::optional("name", Kind::NewName(Of::Machine))],
    )),
    planned("vm.ip", Know, MACHINE, Read, &[M]),
    planned("vm.oom", Make, MACHINE, Disruptive, &[M, Slot::default("state", SWITCH, "on")]),
    planned("vm.park", Make, MACHINE, Disruptive, &[M]),
    planned("vm.protect", Make, MACHINE, Reversible, &[M]),
    planned("vm.release", Make, MACHINE, Authority, &[M]),
    planned("vm.rename", Make, MACHINE, Reversible, &[M, NAME]),
    planned("vm.screenshot", Know, MACHINE, Read, &[M]),
    planned("vm.sendkey", Power, MACHINE, Disruptive, &[M, Slot::required("keys", Kind::Text)]),
    planned(
        "vm.stats",
        Know,
        MACHINE,
        Read,
        &[M, Slot::optional("what", RESOURCE), Slot::optional("period", Kind::Duration)],
    ),
    planned("vm.tag", Make, MACHINE, Reversible, &[M, TAG]),
    planned("vm.template", Make, MACHINE, Disruptive, &[M]),
    planned("vm.unpark", Make, MACHINE, Reversible, &[M]),
    planned("vm.unprotect", Make, MACHINE, Authority, &[M]),
    planned("vm.untag", Make, MACHINE, Reversible, &[M, TAG]),
    planned("vm.xml", Know, MACHINE, Read, &[M]),
];
