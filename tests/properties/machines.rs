//! Which machines are meant, in which state they are, and what is done to them: over whole conversations with the bot.

use super::talk::talk;
use proptest::prelude::*;

/// States of machines, as a world has them.
const STATES: [&str; 4] = ["running", "off", "paused", "crashed"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a machine's state makes of a wish is never more than what was said, and unasked only where it is as harmless.
    #[test]
    fn in_another_state_nothing_worse_is_done_and_nothing_else_unasked(
        states in proptest::collection::vec(proptest::sample::select(STATES.to_vec()), 3),
        verb in proptest::sample::select(vec!["start", "reboot", "shut down", "pause", "resume", "démarre", "relance", "rallume"]),
        of in proptest::sample::select(vec!["web1", "web1 and db1", "all"]),
    ) {
        let machines = [("web1", states[0]), ("db1", states[1]), ("mail", states[2])];
        let of = if of == "all" && !verb.is_ascii() { "tout" } else { of };
        let (done, _) = talk(&machines, &[&format!("{verb} {of}")]).remove(0);
        let allowed: &[&str] = match verb {
            "start" | "démarre" | "rallume" => &["vm.start", "vm.resume"],
            "resume" => &["vm.resume"],
            "pause" => &["vm.pause"],
            "shut down" => &["vm.shutdown"],
            _ => &["vm.reboot"],
        };
        prop_assert!(done.iter().all(|deed| allowed.iter().any(|skill| deed.starts_with(skill))), "{verb} {of}: {done:?}");
        // Several are always asked about, whoever of them fits.
        prop_assert!(done.len() <= 1, "{verb} {of}: {done:?}");
        // And what is agreed to is done to those that were in a state for it, and to nobody else.
        let (done, _) = talk(&machines, &[&format!("{verb} {of}"), "yes"]).remove(1);
        for deed in done {
            let (skill, name) = deed.split_once(' ').expect("two words");
            let state = machines.iter().find(|(known, _)| *known == name).map(|(_, state)| *state);
            let fits = match skill {
                "vm.start" => matches!(state, Some("off" | "crashed")),
                "vm.resume" => state == Some("paused"),
                _ => state == Some("running"),
            };
            prop_assert!(fits, "{verb} {of}: {deed} though it was {state:?}");
        }
    }

    /// Who is left out, or to be left alone, is never touched: neither at once nor after a yes, in whatever words and wherever it is said.
    #[test]
    fn whoever_is_left_out_is_never_touched(
        verb in proptest::sample::select(vec!["reboot", "shut down", "pause"]),
        of in proptest::sample::select(vec!["everything", "all machines", "all of them", "web2", "web1 and web2", "the webs"]),
        out in proptest::sample::select(vec!["web1", "web 1", "the web1 box", "web1 and db1"]),
        clause in proptest::sample::select(vec![
            "{of} except {out}", "{of} bar {out}", "{of} but leave {out} alone", "{of}, don't touch {out}", "{of} and don't touch {out}",
            "{of} but not {out}", "{of}, leave {out} as it is", "{of} w/o {out}",
        ]),
        first in any::<bool>(),
    ) {
        let machines = [("web1", "running"), ("web2", "running"), ("db1", "running"), ("mail", "running")];
        let text = match first {
            true => format!("don't touch {out}, {verb} {of}"),
            false => format!("{verb} {}", clause.replace("{of}", of).replace("{out}", out)),
        };
        for (done, _) in talk(&machines, &[&text, "yes"]) {
            prop_assert!(!done.iter().any(|deed| deed.ends_with(" web1")), "{text}: {done:?}");
            prop_assert!(!out.contains("db1") || !done.iter().any(|deed| deed.ends_with(" db1")), "{text}: {done:?}");
        }
    }

    /// What depends on something is done only while that is so, and never unasked.
    #[test]
    fn a_condition_is_kept_or_nothing_is_done(
        state in proptest::sample::select(STATES.to_vec()),
        said in proptest::sample::select(vec![
            ("is off", "off"), ("is running", "running"), ("is paused", "paused"), ("has crashed", "crashed"), ("is still up", "running"),
            ("has more than 7 disks", ""), ("has less than 4 MiB of memory", ""), ("has a snapshot", ""), ("is bored", ""), ("looks odd", ""),
        ]),
        frame in proptest::sample::select(vec![
            "if db1 {said} reboot web1", "reboot web1 if db1 {said}", "please reboot web1, but only if db1 {said}", "reboot web1 provided db1 {said}",
            "ok and if db1 {said}, could you reboot web1?", "db1, if it {said} reboot web1", "if db1 {said} reboot web1, otherwise leave it alone",
        ]),
    ) {
        let text = frame.replace("{said}", said.0);
        let told = talk(&[("web1", "running"), ("db1", state)], &[&text, "yes"]);
        prop_assert!(told[0].0.is_empty(), "{text}: {:?} unasked", told[0].0);
        prop_assert!(said.1 == state || told[1].0.is_empty(), "{text}: {:?} though db1 was {state}", told[1].0);
    }
}
