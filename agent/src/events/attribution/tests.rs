//! Whose an event is, over single cases and over every order of ops, events and ends.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ops;

fn machine(number: u128) -> MachineId {
    MachineId { hypervisor: "hv1".to_owned(), uuid: uuid::Uuid::from_u128(number) }
}

fn event(of: u128, kind: EventKind, second: u64) -> HostEvent {
    HostEvent {
        hypervisor: "hv1".to_owned(),
        machine: Some((machine(of), format!("web{of}"))),
        kind,
        was: None,
        at: Timestamp::UNIX_EPOCH,
        steady: at(second),
    }
}

fn at(second: u64) -> Duration {
    Duration::from_secs(second)
}

fn alice() -> Cause {
    Cause { actor: "alice".to_owned(), jid: None }
}

fn pause() -> Op {
    ops::Pause { machine: machine(1) }.into()
}

/// alice's op, begun and ended so at once.
fn done(flights: &InFlight, op: &Op, ending: Ending, second: u64) -> Flight {
    let flight = flights.begin(op, alice(), at(second));
    flights.end(flight, ending, at(second));
    flight
}

#[test]
fn a_callback_belongs_to_the_op_that_caused_it_and_to_no_other() {
    let flights = InFlight::default();
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 0)), Whose::Outside, "somebody used virsh");
    done(&flights, &pause(), Ending::Done, 1);
    assert_eq!(flights.whose(&event(1, EventKind::Resumed, 1)), Whose::Outside);
    assert_eq!(flights.whose(&event(2, EventKind::Paused, 1)), Whose::Outside, "another machine");
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 1)), Whose::Told(alice()));
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 1)), Whose::Outside, "the second pause is not alice's");
    done(&flights, &pause(), Ending::Failed, 2);
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 2)), Whose::Outside, "what failed causes nothing");
}

#[test]
fn a_machine_that_an_op_makes_is_known_by_its_name() {
    let flights = InFlight::default();
    let clone = || ops::DefineClone { machine: machine(1), name: "web7".to_owned(), disks: Vec::new(), live: false };
    let flight = flights.begin(&clone().into(), alice(), at(1));
    assert_eq!(flights.whose(&event(8, EventKind::Defined, 1)), Whose::Outside, "somebody else's");
    assert_eq!(flights.whose(&event(7, EventKind::Defined, 1)), Whose::Held);
    assert!(flights.end(flight, Ending::Done, at(2)).is_empty(), "it is told as a clone, and not again");
    assert_eq!(flights.whose(&event(7, EventKind::Defined, 2)), Whose::Outside, "once");
}

#[test]
fn outside_changes_seconds_after_our_own_start_or_revert_are_told() {
    use EventKind::{ForcedOff, Paused, Restored, Resumed, Reverted, ShutDown, Started};
    let flights = InFlight::default();
    done(&flights, &ops::Start { machine: machine(1) }.into(), Ending::Done, 0);
    assert_eq!(flights.whose(&event(1, Started, 0)), Whose::Told(alice()));
    for kind in [Resumed, Paused, ForcedOff, Started, Restored] {
        assert_eq!(flights.whose(&event(1, kind, 1)), Whose::Outside, "{kind:?}");
    }
    let revert = ops::RevertSnapshot { machine: machine(1), name: "clean".to_owned() }.into();
    done(&flights, &revert, Ending::Done, 10);
    assert_eq!(flights.whose(&event(1, Reverted, 10)), Whose::Told(alice()));
    for kind in [Reverted, Started, Paused, Resumed, ForcedOff, ShutDown] {
        assert_eq!(flights.whose(&event(1, kind, 11)), Whose::Outside, "{kind:?}");
    }
    // One that never came is not waited for: it is over with the op.
    done(&flights, &ops::Start { machine: machine(2) }.into(), Ending::Done, 20);
    assert_eq!(flights.whose(&event(2, Started, 24)), Whose::Outside);
}

#[test]
fn an_asked_shutdown_may_take_minutes_and_what_others_do_meanwhile_is_theirs() {
    use EventKind::{ForcedOff, Paused, Resumed, ShutDown, Started};
    let shutdown = ops::Shutdown { machine: machine(1) }.into();
    let flights = InFlight::default();
    done(&flights, &shutdown, Ending::Done, 0);
    for kind in [Paused, Resumed] {
        assert_eq!(flights.whose(&event(1, kind, 60)), Whose::Outside, "{kind:?}");
    }
    assert_eq!(flights.whose(&event(1, ShutDown, 240)), Whose::Theirs(alice()), "the end of a shutdown is told too");
    done(&flights, &shutdown, Ending::Done, 300);
    assert_eq!(flights.whose(&event(1, ForcedOff, 310)), Whose::Outside, "somebody pulled the plug");
    assert_eq!(flights.whose(&event(1, Started, 320)), Whose::Outside);
    assert_eq!(flights.whose(&event(1, ShutDown, 330)), Whose::Outside, "alice asked for an earlier end");
}

#[test]
fn what_fits_while_the_op_is_under_way_waits_for_its_end() {
    for (ending, told) in [(Ending::Done, None), (Ending::Failed, Some(None)), (Ending::Unknown, Some(Some(alice())))] {
        let flights = InFlight::default();
        let flight = flights.begin(&pause(), alice(), at(0));
        assert_eq!(flights.whose(&event(1, EventKind::Paused, 1)), Whose::Held);
        assert_eq!(flights.whose(&event(1, EventKind::Paused, 1)), Whose::Outside);
        let held = flights.end(flight, ending, at(2));
        assert_eq!(held.first().map(|(_, cause)| cause.clone()), told, "{ending:?}");
    }
}

#[test]
fn an_op_of_unknown_outcome_keeps_its_actor_for_minutes() {
    let flights = InFlight::default();
    let flight = done(&flights, &pause(), Ending::Unknown, 0);
    assert!(!flights.was_seen(flight));
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 900)), Whose::Theirs(alice()));
    assert!(flights.was_seen(flight));
    assert!(flights.known(flight, true, at(901)), "everybody has heard of it");
    let flight = done(&flights, &pause(), Ending::Unknown, 1_000);
    assert!(!flights.known(flight, false, at(1_100)));
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 1_101)), Whose::Outside, "it failed after all");
}

#[test]
fn what_was_done_after_an_op_of_unknown_outcome_is_not_taken_for_that() {
    let flights = InFlight::default();
    done(&flights, &pause(), Ending::Unknown, 0);
    let bob = Cause { actor: "bob".to_owned(), jid: None };
    let flight = flights.begin(&pause(), bob.clone(), at(10));
    flights.end(flight, Ending::Done, at(11));
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 11)), Whose::Told(bob));
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 12)), Whose::Theirs(alice()));
}

#[test]
fn an_event_from_before_the_op_is_not_its_own() {
    let flights = InFlight::default();
    done(&flights, &pause(), Ending::Done, 5);
    assert_eq!(flights.whose(&event(1, EventKind::Paused, 4)), Whose::Outside);
}

/// A host with one machine, as far as events go: what each deed does from which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Off,
    Running,
    Paused,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Start,
    Pause,
    Resume,
    ForceOff,
    Shutdown,
    Revert,
}

impl Deed {
    fn op(self) -> Op {
        let machine = machine(1);
        match self {
            Self::Start => ops::Start { machine }.into(),
            Self::Pause => ops::Pause { machine }.into(),
            Self::Resume => ops::Resume { machine }.into(),
            Self::ForceOff => ops::ForceOff { machine }.into(),
            Self::Shutdown => ops::Shutdown { machine }.into(),
            Self::Revert => ops::RevertSnapshot { machine, name: "clean".to_owned() }.into(),
        }
    }

    /// What the host does with it.
    fn on(self, power: Power) -> Option<(Power, EventKind)> {
        match (self, power) {
            (Self::Start, Power::Off) => Some((Power::Running, EventKind::Started)),
            (Self::Pause, Power::Running) => Some((Power::Paused, EventKind::Paused)),
            (Self::Resume, Power::Paused) => Some((Power::Running, EventKind::Resumed)),
            (Self::ForceOff, Power::Running | Power::Paused) => Some((Power::Off, EventKind::ForcedOff)),
            (Self::Shutdown, Power::Running) => Some((Power::Off, EventKind::ShutDown)),
            (Self::Revert, _) => Some((Power::Running, EventKind::Reverted)),
            _ => None,
        }
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    prop::sample::select(vec![Deed::Start, Deed::Pause, Deed::Resume, Deed::ForceOff, Deed::Shutdown, Deed::Revert])
}

/// What others do during it, alice's own deed, what others do after it, and how many events are heard before it has ended.
type Scene = (Vec<Deed>, Option<Deed>, Vec<Deed>, usize);

/// alice's deeds with what others do before, during and after each, and how many events are heard before the op has ended.
fn story() -> impl Strategy<Value = Vec<Scene>> {
    let others = || prop::collection::vec(deed(), 0..3);
    prop::collection::vec((others(), prop::option::of(deed()), others(), 0_usize..6), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the order: each outside event is told once, and no callback of ours is told as somebody else's.
    #[test]
    fn every_outside_event_is_told_once_and_none_of_ours_as_theirs(story in story()) {
        let flights = InFlight::default();
        let (mut power, mut second) = (Power::Off, 0);
        // Kinds of events: of others, and told as of others; of alice's that are to be told, and told as hers.
        let (mut outside, mut told_outside): (Vec<EventKind>, Vec<EventKind>) = Default::default();
        let (mut hers, mut told_hers): (Vec<EventKind>, Vec<EventKind>) = Default::default();
        for (during, own, after, early) in story {
            second += 1;
            // One of each kind at a time: of two alike at the same time nobody could say which is whose.
            let flight = own.map(|deed| (deed, flights.begin(&deed.op(), alice(), at(second))));
            let mut heard: Vec<HostEvent> = Vec::new();
            for deed in during {
                if let Some((next, kind)) = deed.on(power) {
                    power = next;
                    outside.push(kind);
                    heard.push(event(1, kind, second));
                }
            }
            let mut worked = false;
            if let Some(deed) = own && let Some((next, kind)) = deed.on(power) {
                power = next;
                worked = true;
                if matches!(deed, Deed::Shutdown) {
                    hers.push(kind);
                }
                heard.push(event(1, kind, second));
            }
            let late = heard.split_off(early.min(heard.len()));
            let mut hear = |events: Vec<HostEvent>| {
                for event in events {
                    match flights.whose(&event) {
                        Whose::Outside => told_outside.push(event.kind),
                        Whose::Theirs(_) => told_hers.push(event.kind),
                        Whose::Told(_) | Whose::Held => {}
                    }
                }
            };
            hear(heard);
            let released = flight.map(|(_, flight)| {
                let ending = if worked { Ending::Done } else { Ending::Failed };
                flights.end(flight, ending, at(second))
            });
            hear(late);
            for (event, cause) in released.into_iter().flatten() {
                if cause.is_some() { told_hers.push(event.kind) } else { told_outside.push(event.kind) }
            }
            // What others do a moment later is theirs, also while we are still listening for our own.
            for deed in after {
                if let Some((next, kind)) = deed.on(power) {
                    power = next;
                    outside.push(kind);
                    match flights.whose(&event(1, kind, second)) {
                        Whose::Outside => told_outside.push(kind),
                        Whose::Theirs(_) => told_hers.push(kind),
                        Whose::Told(_) | Whose::Held => {}
                    }
                }
            }
        }
        for list in [&mut outside, &mut told_outside, &mut hers, &mut told_hers] {
            list.sort();
        }
        prop_assert_eq!(outside, told_outside);
        prop_assert_eq!(hers, told_hers);
    }
}
