//! Journeys through the subscription machine, as people live them.

use super::*;

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

/// Steps as short text, so that a test reads like a protocol.
fn text(steps: &[Step]) -> Vec<String> {
    let name = |entity: &Option<String>| entity.clone().unwrap_or_else(|| "desk".to_owned());
    let line = |step: &Step| match step {
        Step::Send { type_, to, entity } => format!("{} → {to}: {type_:?}", name(entity)),
        Step::Show { to, entity } => format!("{} → {to}: as it is", name(entity)),
        Step::ShowAll(person) => format!("all → {person}"),
        Step::Save(c) => format!("save {} {} {}/{:?}", c.person, name(&c.entity), c.sees_us, c.seen),
        Step::Tell(change) => format!("tell {change:?}"),
    };
    steps.iter().map(line).collect()
}

fn ann_with(entities: &[Option<&str>]) -> Subscriptions {
    let contact = |entity: &Option<&str>| Contact {
        person: BareJid::new("ann@example.org").unwrap(),
        entity: entity.map(str::to_owned),
        sees_us: true,
        seen: Seen::Yes,
    };
    Subscriptions::new(entities.iter().map(contact).collect())
}

#[test]
fn adding_a_machine_shows_it_and_removing_it_ends_it_both_ways() {
    let mut all = Subscriptions::default();
    let ann = jid("ann@example.org");
    assert_eq!(
        text(&all.on(&Type::Subscribe, &ann, Some("web1"), true)),
        [
            "web1 → ann@example.org: Subscribed",
            "web1 → ann@example.org: as it is",
            "web1 → ann@example.org: Subscribe",
            "tell Subscribed(BareJid(\"ann@example.org\"), Some(\"web1\"))",
            "save ann@example.org web1 true/Asked",
        ]
    );
    // Asked again (a second device, a lost answer): answered, nothing new.
    assert_eq!(
        text(&all.on(&Type::Subscribe, &ann, Some("web1"), true)),
        ["web1 → ann@example.org: Subscribed", "web1 → ann@example.org: as it is"]
    );
    assert_eq!(text(&all.on(&Type::Subscribed, &ann, Some("web1"), true)), ["save ann@example.org web1 true/Yes"]);
    assert_eq!(
        text(&all.on(&Type::Probe, &jid("ann@example.org"), Some("web1"), true)),
        ["web1 → ann@example.org: as it is"]
    );
    assert_eq!(
        text(&all.on(&Type::Unsubscribe, &ann, Some("web1"), true)),
        [
            "web1 → ann@example.org: Unavailable",
            "web1 → ann@example.org: Unsubscribed",
            "tell Unsubscribed(BareJid(\"ann@example.org\"), Some(\"web1\"))",
            "web1 → ann@example.org: Unsubscribe",
            "save ann@example.org web1 false/No",
        ]
    );
    assert_eq!(all.count(), (0, 0));
}

#[test]
fn who_may_not_see_a_machine_gets_no_presence_even_if_it_was_allowed_once() {
    let mut all = ann_with(&[Some("web1")]);
    let eve = jid("eve@example.org");
    assert_eq!(
        text(&all.on(&Type::Subscribe, &eve, Some("web1"), false)),
        ["web1 → eve@example.org: Unsubscribed", "tell Refused(BareJid(\"eve@example.org\"), Some(\"web1\"))"]
    );
    assert_eq!(text(&all.on(&Type::Probe, &eve, Some("web1"), true)), ["web1 → eve@example.org: Unsubscribed"]);
    assert!(all.on(&Type::Subscribed, &eve, Some("web1"), true).is_empty());
    let steps = text(&all.on(&Type::Probe, &jid("ann@example.org/phone"), Some("web1"), false));
    assert_eq!(steps[0], "web1 → ann@example.org: Unavailable");
    assert!(all.watchers(Some("web1")).is_empty());
}

#[test]
fn after_a_restart_everybody_is_probed_once_and_who_is_there_sees_everything() {
    let mut all = ann_with(&[None, Some("db"), Some("web1")]);
    assert_eq!(text(&all.on_link_up()), ["desk → ann@example.org: Probe"]);
    // Nobody knows yet whether she is there: news must not be lost.
    assert_eq!(all.watchers(Some("db")).len(), 1);
    let phone = jid("ann@example.org/phone");
    assert_eq!(text(&all.on(&Type::None, &phone, None, true)), ["all → ann@example.org"]);
    assert!(all.on(&Type::None, &phone, Some("db"), true).is_empty());
    assert_eq!(all.devices(&phone.to_bare()), std::slice::from_ref(&phone));
    assert_eq!(all.on_stop().len(), 3);
    all.on(&Type::Unavailable, &phone, None, true);
    assert!(all.watchers(Some("db")).is_empty());
    assert_eq!(all.subscribers(Some("db")).len(), 1);
    assert!(all.on_stop().is_empty());
}

#[test]
fn somebody_whom_no_entity_sees_is_told_without_being_asked() {
    let mut all = Subscriptions::default();
    all.on(&Type::Subscribe, &jid("bob@example.org"), Some("web1"), true);
    assert_eq!(text(&all.on_link_up()), ["all → bob@example.org"]);
    assert_eq!(all.watchers(Some("web1")).len(), 1);
}

#[test]
fn offering_a_machine_asks_the_person_until_it_was_accepted() {
    let mut all = Subscriptions::default();
    let ann = jid("ann@example.org");
    assert_eq!(
        text(&all.offer(&ann.to_bare(), Some("web1"))),
        ["web1 → ann@example.org: Subscribe", "save ann@example.org web1 false/Asked"]
    );
    all.on(&Type::Subscribed, &ann, Some("web1"), true);
    assert!(all.offer(&ann.to_bare(), Some("web1")).is_empty());
    // Her client adds it in turn, as clients do.
    let steps = text(&all.on(&Type::Subscribe, &ann, Some("web1"), true));
    assert!(!steps.iter().any(|step| step.ends_with(": Subscribe")), "{steps:?}");
}

#[test]
fn a_person_who_is_there_stays_so_when_an_entity_they_have_not_let_in_hears_otherwise() {
    let mut all = ann_with(&[Some("web1")]);
    let (ann, phone) = (jid("ann@example.org"), jid("ann@example.org/phone"));
    all.on(&Type::None, &phone, Some("web1"), true);
    all.on(&Type::Subscribe, &ann, Some("db1"), true);
    // Prosody says so of everybody whom an entity asks to see and may not yet.
    all.on(&Type::Unavailable, &ann, Some("db1"), true);
    assert_eq!(all.watchers(Some("web1")), [ann.to_bare()]);
    all.on(&Type::Unavailable, &ann, Some("web1"), true);
    assert!(all.watchers(Some("web1")).is_empty());
}
