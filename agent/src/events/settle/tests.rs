//! When news is told, by the second.

use jiff::Timestamp;

use super::*;
use crate::events::words;
use crate::host::{EventKind, HostEvent};

fn news(machine: u128, kind: EventKind, millis: u64) -> News {
    let id = MachineId { hypervisor: "hv1".to_owned(), uuid: uuid::Uuid::from_u128(machine) };
    let event = HostEvent {
        hypervisor: "hv1".to_owned(),
        machine: Some((id, format!("vm-{machine}"))),
        kind,
        was: None,
        at: Timestamp::UNIX_EPOCH,
        steady: Duration::from_millis(millis),
    };
    News { phrase: words::phrase(&event, None), event, actor: None }
}

/// Takes all and asks every second; gives the lines with the time of each.
fn play(all: Vec<News>) -> Vec<(u64, Line)> {
    let mut settle = Settle::default();
    let mut lines = Vec::new();
    let mut all = all.into_iter().peekable();
    for second in 0..1_000 {
        let until = Duration::from_secs(second);
        while let Some(news) = all.next_if(|news| news.event.steady < until) {
            let at = news.event.steady.as_secs();
            lines.extend(settle.take(news).map(|news| (at, Line::One(news))));
        }
        lines.extend(settle.due(until).into_iter().map(|line| (second, line)));
    }
    assert!(settle.machines.is_empty() && settle.hosts.is_empty(), "nothing is kept of what is quiet");
    lines
}

#[test]
fn ordinary_news_is_told_at_once() {
    use EventKind::{ForcedOff, Paused, Resumed, Started};
    let all = [(Started, 1_000), (Paused, 4_000), (Resumed, 8_000), (ForcedOff, 30_000)];
    let lines = play(all.iter().map(|&(kind, millis)| news(1, kind, millis)).collect());
    let told: Vec<_> = lines.iter().map(|(at, _)| *at).collect();
    assert_eq!(told, [1, 4, 8, 30]);
    assert!(lines.iter().all(|(_, line)| matches!(line, Line::One(_))));
}

#[test]
fn two_things_in_a_row_are_two_lines_of_which_the_second_waits_a_moment() {
    let lines = play(vec![news(1, EventKind::Paused, 1_000), news(1, EventKind::Resumed, 1_300)]);
    let told: Vec<_> = lines.iter().map(|(at, _)| *at).collect();
    assert_eq!(told, [1, 4]);
    assert!(lines.iter().all(|(_, line)| matches!(line, Line::One(_))));
}

#[test]
fn a_storm_of_pause_and_resume_makes_one_line() {
    let kinds = [EventKind::Paused, EventKind::Resumed];
    let storm = (0..60).map(|number| news(1, kinds[number as usize % 2], 1_000 + number * 150)).collect();
    let lines = play(storm);
    let [(1, Line::One(_)), (_, Line::Storm(all, over))] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(all.len(), 60);
    let phrase = words::storm(all, *over, Some(dialogue::reply::Phrase::common("state_running")));
    assert_eq!(phrase.key, "phrases/storm_in_turn");
    assert!(phrase.vars.contains(&("count".to_owned(), 30_usize.into())), "{phrase:?}");
}

#[test]
fn a_storm_that_never_ends_is_told_of_seldom() {
    let kinds = [EventKind::Paused, EventKind::Resumed];
    // Each by itself would be told at once.
    let lines = play((0..100).map(|number| news(1, kinds[number as usize % 2], 1_000 + number * 3_000)).collect());
    assert!(lines.len() < 15, "{}", lines.len());
    let counted: usize = lines
        .iter()
        .map(|(_, line)| match line {
            Line::One(_) => 1,
            Line::Storm(all, _) => all.len(),
            Line::Burst(burst) => burst.news.len(),
        })
        .sum();
    assert!(counted >= 100, "nothing is left out: {counted}");
}

#[test]
fn five_hundred_machines_defined_and_undefined_make_a_handful_of_lines() {
    let defined = (0..500).map(|number| news(number, EventKind::Defined, 1_000 + number as u64 * 4));
    let undefined = (0..500).map(|number| news(number, EventKind::Undefined, 3_000 + number as u64 * 4));
    let lines = play(defined.chain(undefined).collect());
    assert_eq!(lines.len(), AT_ONCE + 1, "{lines:?}");
    let Some((_, Line::Burst(burst))) = lines.last() else { panic!("{lines:?}") };
    assert_eq!((burst.machines().len(), burst.news.len()), (500, 1_000));
    let one = burst.part(&[burst.machines()[7].clone()]).expect("it is in it");
    assert_eq!(one.news.len(), 2, "who sees one of them hears of that one");
}

#[test]
fn a_few_machines_at_once_are_told_each_for_itself() {
    let lines = play((0..3).map(|number| news(number, EventKind::Started, 1_000)).collect());
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|(at, line)| *at == 1 && matches!(line, Line::One(_))));
}

#[test]
fn a_storm_on_one_machine_holds_up_no_other() {
    let mut all: Vec<News> = (0..40).map(|number| news(1, EventKind::Paused, 1_000 + number * 100)).collect();
    all.push(news(2, EventKind::Crashed, 3_050));
    all.sort_by_key(|news| news.event.steady);
    let lines = play(all);
    assert!(
        lines
            .iter()
            .any(|(at, line)| *at == 3 && matches!(line, Line::One(news) if news.event.kind == EventKind::Crashed))
    );
}
