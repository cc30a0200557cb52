//! Whole conversations with a host, and what comes of each turn.

use agent::measure::converse::{Conversation, Turn, World};
use proptest::prop_assert;
use proptest::test_runner::TestCaseError;
use serde_json::json;
use tests::transcript::nlu;

/// What was done, as `skill machine`.
pub type Deeds = Vec<String>;

/// What came of one turn.
#[derive(Debug)]
pub struct Came {
    /// What was done.
    pub done: Deeds,
    /// What was asked: `confirm`, `type`, `slot` or `choose`.
    pub asked: Option<String>,
    /// All that was said.
    pub said: String,
}

/// Talks to a host with these machines; gives what each turn did, and what it asked.
pub fn talk(machines: &[(&str, &str)], turns: &[&str]) -> Vec<(Deeds, Option<String>)> {
    replies(machines, turns).into_iter().map(|came| (came.done, came.asked)).collect()
}

/// What was done and asked, said to one of them.
pub fn talk_to(to: &str, machines: &[(&str, &str)], turns: &[&str]) -> Vec<(Deeds, Option<String>)> {
    came(to, machines, turns).into_iter().map(|came| (came.done, came.asked)).collect()
}

/// Shows a plan, says that, and agrees to whatever is shown then: nothing is done before, and to none of these anything at all.
pub fn are_left_alone(machines: &[(&str, &str)], turns: [&str; 3], spared: &[&str]) -> Result<(), TestCaseError> {
    let [_, said, _] = turns;
    let turns = talk(machines, &turns);
    prop_assert!(turns[1].0.is_empty(), "{said}: {turns:?}");
    let harmed = |name: &&&str| turns[2].0.iter().any(|done| done.ends_with(&format!(" {name}")));
    prop_assert!(!spared.iter().any(|name| harmed(&name)), "{said}: {turns:?}");
    Ok(())
}

/// What came of each turn with a host, with what was said.
pub fn replies(machines: &[(&str, &str)], turns: &[&str]) -> Vec<Came> {
    came("hv1", machines, turns)
}

/// The same to one of them.
pub fn came(to: &str, machines: &[(&str, &str)], turns: &[&str]) -> Vec<Came> {
    let machine = |(name, state): &(&str, &str)| {
        let disk = json!({"target": "vda", "volume": format!("{name}.qcow2"), "size": "1 GiB"});
        json!({"name": name, "state": state, "memory": "1 GiB", "cpus": 1, "disks": [disk]})
    };
    let world = json!({
        "now": "2026-11-28T12:00:00Z",
        "hosts": [{"name": "hv1", "machines": machines.iter().map(machine).collect::<Vec<_>>()}],
        "people": [{"name": "alice", "role": "admin"}],
    });
    let world: World = serde_json::from_value(world).expect("a world");
    let mut conversation = Conversation::begin(nlu(), &world).expect("it begins");
    let said = |text: &&str| {
        let turn: Turn = serde_json::from_value(json!({"to": to, "text": text})).expect("a turn");
        let told = serde_json::to_value(conversation.say(&turn).expect("it is answered")).expect("plain data");
        let done = told["applied"].as_array().into_iter().flatten().flat_map(|done| {
            let skill = done["skill"].as_str().unwrap_or_default().to_owned();
            let machines = done["machines"].as_array().cloned().unwrap_or_default();
            machines.into_iter().map(move |name| format!("{skill} {}", name.as_str().unwrap_or_default()))
        });
        let said = told["replies"].as_array().into_iter().flatten().filter_map(|reply| reply.as_str());
        Came {
            done: done.collect(),
            asked: told["asked"].as_str().map(str::to_owned),
            said: said.collect::<Vec<_>>().join("\n"),
        }
    };
    turns.iter().map(said).collect()
}
