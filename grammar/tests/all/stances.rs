//! Who asks for something, and who only talks about it: the veto that keeps machines running.

use grammar::frame::{Stance, Stance::*, frame};

use crate::{check, cx};

/// The stance of the only part; panics with all parts when there are more.
fn stance(text: &str) -> Stance {
    let frame = frame(text, &cx());
    assert_eq!(frame.parts.len(), 1, "{text:?}: {frame:?}");
    frame.parts[0].stance
}

#[test]
fn requests_are_taken_for_requests_however_polite() {
    let requests = [
        "reboot",
        "stop",
        "shut down",
        "shutdown web1",
        "restart it",
        "please reboot",
        "reboot please",
        "pls restart",
        "can you reboot?",
        "could you please stop web1",
        "could you please stop web1?",
        "would you please restart",
        "will you reboot web1 for me?",
        "can you please shut down web1 tonight at 8?",
        "I need you to restart",
        "i want you to stop web1 now",
        "i'd like you to reboot",
        "please do shut down web1",
        "do reboot",
        "I want web1 off",
        "i need web1 restarted",
        "i'd like web1 stopped please",
        "get web1 restarted",
        "would you mind rebooting",
        "would you mind rebooting web1?",
        "do you mind restarting?",
        "why don't you reboot",
        "why dont you reboot?",
        "go ahead and reboot",
        "feel free to restart web1",
        "hey, please reboot",
        "Hey, please reboot.",
        "hello web1, please stop",
        "ok reboot",
        "ok, now reboot",
        "so, restart then",
        "let's reboot web1",
        "just stop it",
        "now reboot",
        "stop web1, please",
        "stop it!",
        "kindly reboot",
        "plz stop web1 thx",
        "would you be so kind as to reboot?",
        "is it possible for you to restart web1?",
        "I'd appreciate it if you could reboot",
        "it would be nice if you could stop web1",
        "you can reboot now",
        "you may stop now",
        "don't forget to reboot",
        "make sure you stop web1",
        "could you restart web1 if you don't mind",
        "reboot when you can",
        "please stop web1 if possible",
        "never let anyone delete you",
        "don't start with the host",
        "tell me when disk is over 90 %",
        "let me know when the clone is done",
        "don't disturb me until 8",
        "tell web1 to reboot",
        "let bob start and stop web1 until friday",
        "stop all vms except db",
        "delete the stopped vms",
        "start all stopped machines",
        "list stopped vms",
        "are you running?",
        "what is your ip?",
        "how are you?",
        "how much memory do you have?",
        "which are off?",
        "status",
        "running?",
        "history",
        "your ip?",
        "screenshot",
        "free memory?",
        "create a snapshot called x",
        "boot order",
        "shut down at 22:00",
        "pause for 5 minutes",
        "create a Debian machine with 2 GB and a 20 GB disk called web3",
        "can you create a new drive?",
        "i need another 20 gig drive",
        "i want to create a new disk",
        "i would like to restart web1",
        "can i have a console?",
        "destroy snapshot old",
        "clone yourself as web4",
        "undo that",
        "rename yourself to web2",
        "tag yourself prod",
        "keep 7 daily snapshots",
        "power off",
        "turn web1 off",
        "bring web1 up",
        "kill it",
        "pull the plug",
        "no, stop web1",
        "be quiet until 8",
        "move to hv2",
        "help snapshots",
        "who are you?",
        "web1 reboot",
        "web1 shutdown",
        "no thanks",
        "what",
        "20 gigs",
        "yes",
        "thank you",
        "hello",
        "db off please",
    ];
    check(&requests.map(|text| (text, Request)), stance);
}

#[test]
fn negations_stop_nothing() {
    let negated = [
        "don't stop db",
        "dont stop db",
        "don’t stop db",
        "do not reboot",
        "please don't stop db",
        "please do not reboot web1!",
        "never reboot web1",
        "never ever stop db",
        "no need to restart",
        "there's no need to reboot",
        "there is no need to stop web1",
        "not now",
        "you shouldn't stop it",
        "you should not stop it",
        "you must not reboot",
        "you mustn't reboot",
        "you can't stop db",
        "you are not allowed to stop db",
        "I don't want you to reboot",
        "i do not want web1 stopped",
        "I'd rather not reboot",
        "can you not reboot",
        "could you please not stop db?",
        "stop rebooting",
        "avoid rebooting web1",
        "hold off on rebooting",
        "hold off rebooting",
        "leave web1 running",
        "leave db alone",
        "keep web1 running",
        "keep it up",
        "reboot web1, not now",
        "no reboot please",
        "no restart today",
        "nobody should stop db",
        "no one may delete web1",
        "web1 must never be stopped",
        "stop web1 from rebooting",
        "you need not restart",
        "don't you dare stop it!",
        "hey, don't reboot",
        "ok but don't stop db",
        "we don't need to reboot",
        "do not under any circumstances delete web1",
        "not yet",
        "web1 won't start",
    ];
    let table = negated.map(|text| (text, true));
    check(&table, |text| matches!(stance(text), Negated | Hypothetical));
    check(&[("don't stop db", Negated), ("please don't reboot", Negated), ("no need to restart", Negated)], stance);
}

#[test]
fn how_to_questions_do_nothing() {
    let questions = [
        "how do I reboot?",
        "how do i reboot",
        "how can i stop web1",
        "how to restart",
        "how would I delete a snapshot?",
        "how should i shut you down",
        "how do you reboot a vm?",
        "how does a reset work",
        "what happens if I reboot you?",
        "what happens when i stop web1",
        "what would happen if I stopped db?",
        "can I reboot you?",
        "can i stop web1",
        "may I shut down db?",
        "could I restart web1?",
        "can we delete the snapshot?",
        "am i allowed to reboot web1?",
        "do I have to reboot?",
        "is it safe to reboot?",
        "is it ok to stop db?",
        "is it possible to pause web1?",
        "what does reboot do?",
        "what's the command to stop a vm",
        "what is the best way to shut down?",
        "tell me how to reboot",
        "can you tell me how to reboot?",
        "show me how to delete a disk",
        "explain how to stop web1",
        "i don't know how to reboot",
        "can web1 be rebooted?",
        "can you be rebooted?",
        "where can I delete snapshots",
        "when should i reboot",
        "is rebooting safe?",
        "does rebooting help?",
        "would a reboot help?",
        "any idea how to stop web1?",
        "i'd like to know how to stop web1",
        "do i need to reboot?",
        "why should I reboot?",
    ];
    check(&questions.map(|text| (text, false)), |text| stance(text) == Request);
    check(
        &[("how do I reboot?", HowTo), ("what happens if I reboot you?", HowTo), ("can I stop web1?", HowTo)],
        stance,
    );
}

#[test]
fn reports_and_questions_about_the_past_do_nothing() {
    let reports = [
        "I rebooted web1 yesterday",
        "i just rebooted web1",
        "I've restarted it",
        "ive restarted it",
        "we stopped db last night",
        "bob stopped db",
        "bob shut down db",
        "Bob shutdown db yesterday",
        "bob has just stopped db",
        "someone rebooted web1",
        "somebody shut down web1",
        "it was restarted",
        "it has been rebooted",
        "web1 was rebooted",
        "web1 has been stopped",
        "web1 got restarted by bob",
        "web1 rebooted",
        "web1 is rebooting",
        "web1 keeps rebooting",
        "web1 shut down by itself",
        "the machine was stopped",
        "the admin killed it",
        "did you restart?",
        "did you reboot web1",
        "have you rebooted?",
        "has web1 been restarted?",
        "was it rebooted?",
        "were you stopped?",
        "who stopped you",
        "who stopped you last night?",
        "who rebooted web1?",
        "why did you shut down",
        "why did you stop?",
        "when did you reboot?",
        "when was web1 rebooted",
        "what stopped you?",
        "why was db stopped",
        "why are you rebooting?",
        "are you rebooting?",
        "is web1 restarting?",
        "stopped?",
        "restarted web1",
        "rebooting web1",
        "parking?",
        "i am rebooting web1 right now",
        "i'm stopping db",
        "i will reboot web1 tomorrow",
        "i'll stop db later",
        "we're going to restart web1",
        "they reboot it every night",
        "we reboot on sundays",
        "do you reboot every night?",
        "does web1 restart with the host?",
        "when will you reboot?",
        "how often do you reboot?",
        "i already stopped it",
        "you rebooted yesterday",
        "you were restarted",
        "bob is rebooting web1",
        "bob reboots web1 every day",
        "alice and bob stopped db",
        "why didn't you reboot?",
        "you didn't reboot",
        "who can stop you?",
        "how did you restart",
        "after the reboot web1 was slow since bob stopped db",
        "the reboot of web1 failed",
        "the last reboot took long",
        "the vm rebooted twice",
        "everybody stopped working",
        "how come you rebooted",
    ];
    check(&reports.map(|text| (text, false)), |text| stance(text) == Request);
    check(
        &[
            ("I rebooted web1 yesterday", Report),
            ("bob shut down db", Report),
            ("did you restart?", Report),
            ("who stopped you", Report),
            ("was it rebooted?", Report),
            ("why did you shut down", Report),
        ],
        stance,
    );
}

#[test]
fn considerations_do_nothing() {
    let considered = [
        "should I reboot?",
        "should we restart?",
        "shall I stop web1?",
        "should web1 be stopped",
        "what if we stopped db?",
        "what if i reboot",
        "if I reboot web1, what happens",
        "if you stop db then web1 dies",
        "would it help to reboot?",
        "would it restart",
        "maybe reboot web1",
        "perhaps we should reboot",
        "i think you should reboot",
        "i might reboot it",
        "we could restart web1",
        "i'm thinking of rebooting",
        "i'm thinking about stopping db",
        "let me reboot web1",
        "don't you want to reboot?",
        "do you want to reboot?",
        "would you like to restart?",
        "how about a reboot?",
        "how about rebooting",
        "what about stopping db",
        "reboot web1 if the load is high",
        "stop web1 unless it is busy",
        "if web1 is off then start it",
        "when you are done, reboot",
        "suppose I stop db",
        "i guess we reboot",
        "i'd reboot it",
        "we should restart db",
        "why not reboot",
        "would you recommend rebooting?",
        "couldn't you stop web1",
        "want me to reboot?",
        "i wonder whether to reboot",
    ];
    check(&considered.map(|text| (text, false)), |text| stance(text) == Request);
    check(
        &[
            ("should we restart?", Hypothetical),
            ("what if i reboot", HowTo),
            ("don't you want to reboot?", Hypothetical),
            ("maybe reboot web1", Hypothetical),
        ],
        stance,
    );
}

/// Rows that were not in view when the rules were written, and were wrong at first.
#[test]
fn verbs_as_nouns_and_doubts_do_nothing() {
    let rows = [
        "reboot failed",
        "reboot is needed",
        "shutdown took forever",
        "restart was ok",
        "stop was a mistake",
        "stop means shut down, right?",
        "need to reboot?",
        "unable to stop web1",
        "failed to reboot",
        "shut down already?",
        "bob says stop",
        "web1 went down",
        "web1 is going down",
        "reboot?",
        "reboot or restart?",
        "reboot? why",
        "wanna reboot?",
        "ready to reboot?",
        "about to reboot web1",
        "gonna reboot web1",
        "better not reboot web1",
        "rather not stop db",
        "stop web1?",
        "going to stop db",
    ];
    check(&rows.map(|text| (text, false)), |text| frame(text, &cx()).parts[0].stance == Request);
    let requests =
        ["please stop web1?", "could you stop web1?", "restart web1 for me?", "reboot it then", "stop it already!"];
    check(&requests.map(|text| (text, Request)), stance);
}

#[test]
fn what_others_do_or_should_do_is_no_request() {
    let others = [
        "tell bob to reboot",
        "tell bob to restart it",
        "ask alice to stop db",
        "ask the admin to reboot web1",
        "can you tell bob to stop db?",
        "please ask bob to restart it",
        "bob should reboot web1",
        "someone should restart it",
        "somebody needs to stop db",
        "you should ask bob to reboot",
        "you should restart it",
        "you could reboot web1",
        "you might want to restart",
        "users can reboot web1",
        "bob, stop db",
        "bob can you reboot web1",
        "can someone reboot web1?",
        "could somebody please restart db",
        "alice wants to reboot web1",
        "bob is going to stop db",
        "he must restart it",
        "they should reboot",
        "web1 should be restarted",
        "it needs to be rebooted",
        "the vm needs a reboot",
        "remind me to reboot web1 tomorrow",
        "have bob restart it",
        "i told bob to reboot it",
        "you have to stop web1 before you can delete it",
        "you can reboot web1 by typing reboot",
        "you'd better restart",
    ];
    check(&others.map(|text| (text, false)), |text| stance(text) == Request);
    check(
        &[
            ("tell bob to reboot", AboutOthers),
            ("someone should restart it", AboutOthers),
            ("you should ask bob to reboot", AboutOthers),
        ],
        stance,
    );
}

#[test]
fn polite_words_are_taken_off() {
    check(
        &[
            ("could you please stop web1?", "stop web1"),
            ("Hey, please reboot", "reboot"),
            ("hello, can you create a new drive?", "create a new drive"),
            ("would you mind rebooting web1 for me?", "reboot web1"),
            ("i need web1 restarted", "restart web1"),
            ("I want web1 off", "I want web1 off"),
            ("why don't you reboot", "reboot"),
            ("please do shut down web1, thanks", "shut down web1"),
            ("i would like to take a snapshot please", "take a snapshot"),
            ("can i have a console?", "a console"),
            ("no, stop web1", "stop web1"),
            ("how do I reboot?", "how do I reboot"),
            ("don't stop db", "don't stop db"),
            ("thanks", "thanks"),
            ("hello", "hello"),
            ("please", "please"),
            ("create a disk called \"please\"", "create a disk called \"please\""),
        ],
        |text| frame(text, &cx()).parts[0].text.clone().leak() as &str,
    );
}

#[test]
fn somebody_is_addressed_only_when_it_is_clear() {
    check(
        &[
            ("web1: restart", (Some("web1"), "restart")),
            ("WEB1, please restart", (Some("web1"), "restart")),
            ("@hv1 list", (Some("hv1"), "list")),
            ("@bob restart it", (Some("bob"), "restart it")),
            ("bob: restart it", (Some("bob"), "restart it")),
            ("hey web1, restart", (Some("web1"), "restart")),
            ("hello @web1 restart", (Some("web1"), "restart")),
            ("restart, web1", (Some("web1"), "restart")),
            ("please restart @web1", (Some("web1"), "restart")),
            ("stop: reboot", (Some("stop"), "reboot")),
            ("pause: now", (None, "pause: now")),
            ("web1 restart", (None, "web1 restart")),
            ("restart web1", (None, "restart web1")),
            ("stop web2, web1", (None, "stop web2, web1")),
            ("stop, please", (None, "stop")),
            ("my old vm: start", (Some("my old vm"), "start")),
            ("delete-me: stop", (Some("delete-me"), "stop")),
            ("yes, go ahead", (None, "go ahead")),
            ("yes: reboot", (Some("yes"), "reboot")),
        ],
        |text| {
            let frame = frame(text, &cx());
            (frame.addressee.map(|name| name.leak() as &str), frame.parts[0].text.clone().leak() as &str)
        },
    );
}

#[test]
fn several_requests_in_one_utterance_are_parts() {
    check(
        &[
            ("snapshot yourself, then reboot", vec!["snapshot yourself", "reboot"]),
            ("snapshot yourself and then reboot", vec!["snapshot yourself", "reboot"]),
            ("stop web1 and start web2", vec!["stop web1", "start web2"]),
            ("stop web1 and web2", vec!["stop web1 and web2"]),
            ("let bob start and stop web1", vec!["let bob start and stop web1"]),
            ("take a snapshot; reboot", vec!["take a snapshot", "reboot"]),
            ("Reboot. Thanks!", vec!["Reboot"]),
            ("20 gigs, call it data. No, make that 30.", vec!["20 gigs, call it data", "make that 30"]),
            ("reboot at 8 a.m. tomorrow", vec!["reboot at 8 a.m. tomorrow"]),
            ("Hello, how are you?", vec!["how are you"]),
            ("please stop web1 and please start web2", vec!["stop web1", "start web2"]),
            ("create a disk called \"one; two. Three\"", vec!["create a disk called \"one; two. Three\""]),
            ("create a disk of 1.5 TB", vec!["create a disk of 1.5 TB"]),
            ("reboot! don't stop db", vec!["reboot", "don't stop db"]),
        ],
        |text| frame(text, &cx()).parts.into_iter().map(|part| part.text.leak() as &str).collect(),
    );
    let frame = frame("hello! can you reboot? thanks a lot", &cx());
    assert!(frame.greeting && frame.thanks);
    assert!(frame.parts[0].polite && !frame.parts[0].question);
}

#[test]
fn questions_are_marked() {
    let question = |text: &str| frame(text, &cx()).parts[0].question;
    check(
        &[
            ("what is your ip", true),
            ("running?", true),
            ("can you reboot?", false),
            ("reboot", false),
            ("don't you want to reboot?", true),
            ("why don't you reboot", false),
            ("how are you", true),
        ],
        question,
    );
}

#[test]
fn a_wish_beside_what_is_told_is_seen_and_remains_no_request() {
    let wish = |text: &str| {
        let frame = frame(text, &cx());
        let [part] = frame.parts.as_slice() else { panic!("{text:?}: {frame:?}") };
        assert_ne!(part.stance, Request, "{text}");
        part.wish
    };
    check(
        &[
            ("I don't need you any more today, power down please", true),
            ("you're swapping, take 2 GB more memory", true),
            ("it's frozen solid, please reset it", true),
            ("release web1, don't manage it any more", true),
            ("the updates are installed, web1 needs a restart", true),
            ("web1 needs two more cpus", true),
            ("no more automatic snapshots for web1", true),
            ("power off now without waiting for the system", true),
            ("I approve bob's request", true),
            ("can web1 be restarted?", true),
            ("would be nice to have web1 on hv2", true),
            ("don't stop web1", false),
            ("don't stop web1, we are in the middle of a demo", false),
            ("bob, reboot web1", false),
            ("if it hangs, reboot it", false),
            ("I rebooted web1 yesterday, thanks", false),
            ("web1 is up again, thanks", false),
            ("how do I reboot web1?", false),
            ("bob should reboot web1", false),
            ("should I reboot web1?", false),
            ("never reboot web1", false),
        ],
        wish,
    );
}
