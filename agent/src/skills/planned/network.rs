//! Planned: networks, network cards, and those of the host.

use dialogue::spec::Category::Network;
use dialogue::spec::Danger::{Destructive, Disruptive, Read, Reversible};
use dialogue::spec::{Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{HOST, M, MACHINE, planned};

/// An existing network.
const NETWORK: Slot = Slot::required("network", Kind::Name(Of::Network));

/// Networks and cards.
pub(super) static PLANNED: &[Spec] = &[
    planned("host.nics", Network, HOST, Read, &[]),
    planned(
        "net.create",
        Network,
        HOST,
        Reversible,
        &[
            Slot::required("name", Kind::NewName(Of::Network)),
            Slot::required("type", Kind::Choice(&["nat", "isolated", "bridge", "routed"])),
            Slot::optional("address", Kind::Address),
        ],
    ),
    planned("net.delete", Network, HOST, Destructive, &[NETWORK]),
    planned("net.info", Network, HOST, Read, &[NETWORK]),
    // Asked at a machine, "which networks are there?" is where it could be connected to.
    planned("net.list", Network, MACHINE, Read, &[]),
    planned("net.start", Network, HOST, Reversible, &[NETWORK]),
    planned("net.stop", Network, HOST, Disruptive, &[NETWORK]),
    planned("nic.attach", Network, MACHINE, Reversible, &[M, NETWORK, Slot::optional("address", Kind::Address)]),
    planned(
        "nic.detach",
        Network,
        MACHINE,
        Disruptive,
        &[M, Slot::optional("network", Kind::Name(Of::Network)), Slot::optional("nic", Kind::Address)],
    ),
    planned("nic.link", Network, MACHINE, Disruptive, &[M, Slot::optional("state", Kind::Choice(&["up", "down"]))]),
    planned("nic.list", Network, MACHINE, Read, &[M]),
];
