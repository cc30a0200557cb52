//! The component link against a raw scripted server and a real Prosody.

mod servers;

use std::time::{Duration, Instant};

use agent::channels::xmpp::connect::Down;
use agent::channels::xmpp::link::{Incoming, Link};
use agent::channels::xmpp::outbox::{Lane, Outbox};
use agent::channels::xmpp::settings::{LinkConfig, Secret, Tls, Trust};
use jid::BareJid;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use servers::fake::Fake;
use servers::odd::odd_stanza;
use servers::prosody::Prosody;
use servers::tls::TlsFront;
use tokio::sync::mpsc::Receiver;
use xmpp_parsers::message::{Lang, Message};
use xmpp_parsers::presence::Presence;
use xmpp_parsers::stanza::Stanza;

fn config(servers: Vec<String>) -> LinkConfig {
    let domain = BareJid::new("vms.localhost").expect("an address");
    let mut config = LinkConfig::new(servers, domain, Secret::new("secret"));
    config.ping_every = Duration::from_millis(300);
    config.dead_after = Duration::from_millis(700);
    config.pause_min = Duration::from_millis(20);
    config.pause_max = Duration::from_millis(100);
    config.pause_refused = Duration::from_millis(200);
    config
}

async fn next(incoming: &mut Receiver<Incoming>) -> Incoming {
    tokio::time::timeout(Duration::from_secs(30), incoming.recv()).await.expect("in time").expect("the link runs")
}

async fn up(incoming: &mut Receiver<Incoming>) -> (Option<Duration>, String) {
    loop {
        if let Incoming::Up { resumed_after, server } = next(incoming).await {
            return (resumed_after, server);
        }
    }
}

async fn body(incoming: &mut Receiver<Incoming>) -> String {
    loop {
        match next(incoming).await {
            Incoming::Stanza(stanza) => {
                if let Stanza::Message(message) = *stanza {
                    let body = message.bodies.into_values().next();
                    return body.unwrap_or_default();
                }
            }
            Incoming::Down { why } => panic!("lost the link: {why}"),
            _ => {}
        }
    }
}

fn say(outbox: &Outbox, lane: Lane, to: &str, text: &str) {
    let mut message = Message::chat(Some(to.parse().expect("an address")));
    message.from = Some("web1@vms.localhost".parse().expect("an address"));
    message.bodies.insert(Lang::new(), text.to_owned());
    outbox.send(lane, message).expect("it is connected");
}

fn nested(bytes: usize) -> String {
    let levels = bytes / 7;
    format!(
        "<message from='eve@localhost/x' to='web1@vms.localhost' id='deep'>{}{}</message>",
        "<a>".repeat(levels),
        "</a>".repeat(levels)
    )
}

#[tokio::test]
async fn hostile_stanzas_are_answered_or_dropped_and_the_stream_goes_on() {
    let fake = Fake::new().await;
    let (_outbox, mut incoming) = Link::start(config(vec![fake.address()]));
    let mut session = fake.welcome().await;
    up(&mut incoming).await;
    for kilobytes in [28, 140, 210] {
        session.send(&nested(kilobytes * 1024)).await;
        let reply = session.expect("</message>").await;
        assert!(reply.contains("policy-violation") && reply.contains("id='deep'"), "{reply}");
    }
    let long = "x".repeat(100_000);
    let from = "from='eve@localhost/x' to='web1@vms.localhost'";
    for (stanza, answer) in [
        (format!("<message {from} id='1'><x a='{long}'/></message>"), "policy-violation"),
        (format!("<iq {from} type='get' id='2'/>"), "bad-request"),
        (format!("<iq {from} type='get'><ping xmlns='urn:xmpp:ping'/></iq>"), "bad-request"),
        (format!("<iq {from} type='bogus' id='3'><q xmlns='x'/></iq>"), "bad-request"),
        (format!("<message {from} type='bogus' id='4'><body>x</body></message>"), "bad-request"),
    ] {
        session.send(&stanza).await;
        let reply = session.expect("</error>").await;
        assert!(reply.contains(answer), "{stanza:.80} was answered {reply}");
    }
    // No answer may be given to these, and a presence still tells who is there.
    session.send(&format!("<presence {from}><show>bogus</show></presence>")).await;
    session.send(&format!("<presence {from} type='subscribe'><priority>300</priority></presence>")).await;
    session.send(&format!("<iq {from} type='result'/>")).await;
    session.send("<message from='@@' to='web1@vms.localhost'/>").await;
    session.send("<other xmlns='urn:example'><a/></other>").await;
    session.send(&format!("<message {from}><body>still here</body></message>")).await;
    let mut presences = 0;
    loop {
        let Incoming::Stanza(stanza) = next(&mut incoming).await else {
            panic!("the link was lost");
        };
        match *stanza {
            Stanza::Presence(presence) => {
                assert!(presence.show.is_none());
                presences += 1;
            }
            Stanza::Message(message) => {
                assert_eq!(message.bodies[""], "still here");
                break;
            }
            Stanza::Iq(iq) => panic!("{iq:?}"),
        }
    }
    assert_eq!(presences, 2);
}

#[tokio::test]
async fn no_well_formed_stanza_however_odd_ends_the_stream() {
    let fake = Fake::new().await;
    let (_outbox, mut incoming) = Link::start(config(vec![fake.address()]));
    let mut session = fake.welcome().await;
    up(&mut incoming).await;
    let mut runner = TestRunner::deterministic();
    let stanzas = odd_stanza();
    for round in 0..60 {
        let mut sent = String::new();
        for _ in 0..20 {
            let stanza = stanzas.new_tree(&mut runner).expect("nothing is rejected");
            sent += &stanza.current();
        }
        session.send(&sent).await;
        let last = format!("<message from='a@localhost/x' to='web1@vms.localhost'><body>end {round}</body></message>");
        session.send(&last).await;
        while body(&mut incoming).await != format!("end {round}") {}
    }
}

#[tokio::test]
async fn a_stanza_in_single_bytes_arrives_even_if_it_takes_longer_than_the_silence_allowed() {
    let fake = Fake::new().await;
    let mut config = config(vec![fake.address()]);
    config.ping_every = Duration::from_millis(100);
    config.dead_after = Duration::from_millis(250);
    let (_outbox, mut incoming) = Link::start(config);
    let mut session = fake.welcome().await;
    up(&mut incoming).await;
    let begin = Instant::now();
    let text = "<message from='a@localhost/x' to='web1@vms.localhost'><body>";
    session.drip(text).await;
    let mut letters = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    while begin.elapsed() < Duration::from_millis(900) {
        tick.tick().await;
        session.drip("é").await;
        letters += 1;
    }
    session.drip("</body></message>").await;
    assert_eq!(body(&mut incoming).await, "é".repeat(letters));
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_and_what_matters_is_sent_once_more() {
    let fake = Fake::new().await;
    let (outbox, mut incoming) = Link::start(config(vec![fake.address()]));
    let mut silent = fake.welcome().await;
    up(&mut incoming).await;
    say(&outbox, Lane::Important, "ann@localhost", "web1 crashed");
    say(&outbox, Lane::Answer, "ann@localhost", "small talk");
    silent.expect("small talk").await;
    let begin = Instant::now();
    // The session is held, read and never answered.
    let Incoming::Down { why } = next(&mut incoming).await else {
        panic!("not noticed");
    };
    assert!(matches!(why, Down::Silent), "{why}");
    assert!(begin.elapsed() < Duration::from_secs(3));
    let mut session = fake.welcome().await;
    let (away, _) = up(&mut incoming).await;
    assert!(away.is_some());
    session.expect("web1 crashed").await;
    say(&outbox, Lane::Answer, "ann@localhost", "end");
    let between = session.expect(">end<").await;
    assert!(!between.contains("web1 crashed") && !between.contains("small talk"), "{between}");
}

#[tokio::test]
async fn a_reset_in_mid_stanza_runs_nothing_and_the_next_server_is_tried() {
    let first = Fake::new().await;
    let second = Fake::new().await;
    let servers = vec![first.address(), second.address()];
    let (_outbox, mut incoming) = Link::start(config(servers.clone()));
    let mut session = first.welcome().await;
    assert_eq!(up(&mut incoming).await.1, servers[0]);
    session.send("<message from='a@localhost/x' to='web1@vms.localhost'><body>shut down").await;
    session.reset();
    let mut session = second.welcome().await;
    match next(&mut incoming).await {
        Incoming::Down { why: Down::Io(_) } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(up(&mut incoming).await.1, servers[1]);
    session.send("<message from='a@localhost/x' to='web1@vms.localhost'><body>status</body></message>").await;
    assert_eq!(body(&mut incoming).await, "status");
}

#[tokio::test]
async fn no_secret_goes_to_a_distant_server_in_clear_text() {
    // A documentation address (RFC 5737): nothing is ever sent to it.
    let config = config(vec!["192.0.2.1:5347".to_owned()]);
    assert!(!format!("{config:?}").contains("secret\""));
    let (_outbox, mut incoming) = Link::start(config);
    match next(&mut incoming).await {
        Incoming::Down { why } => assert!(matches!(why, Down::Insecure { .. }), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_secret_is_said_and_the_right_one_gets_through_to_a_real_server() {
    let server = Prosody::start().expect("prosody is installed");
    let address = format!("127.0.0.1:{}", server.component_port);
    let mut wrong = config(vec![address.clone()]);
    wrong.secret = Secret::new("guess");
    let (_wrong, mut refused) = Link::start(wrong);
    match next(&mut refused).await {
        Incoming::Down { why } => assert!(matches!(why, Down::Refused), "{why}"),
        other => panic!("{other:?}"),
    }
    let (outbox, mut incoming) = Link::start(config(vec![address]));
    up(&mut incoming).await;
    // From one of our own addresses to another, through the server and back.
    say(&outbox, Lane::Important, "db@vms.localhost/x", "hello & <welcome>");
    assert_eq!(body(&mut incoming).await, "hello & <welcome>");
    outbox.close(Duration::from_secs(5)).await;
    while let Some(item) = incoming.recv().await {
        assert!(!matches!(item, Incoming::Down { .. }), "{item:?}");
    }
}

#[tokio::test]
async fn silence_of_a_healthy_server_is_no_reason_to_leave_it_and_its_restart_is_survived() {
    let server = Prosody::start().expect("prosody is installed");
    let (client_port, component_port) = (server.client_port, server.component_port);
    let address = format!("127.0.0.1:{component_port}");
    let (outbox, mut incoming) = Link::start(config(vec![address]));
    up(&mut incoming).await;
    // Many times the silence that a dead server would be allowed.
    let quiet = tokio::time::timeout(Duration::from_secs(4), incoming.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    server.kill();
    let Incoming::Down { .. } = next(&mut incoming).await else {
        panic!("the loss was not noticed");
    };
    say(&outbox, Lane::Important, "db@vms.localhost/x", "said while away");
    let lost = Presence::available();
    assert!(outbox.send(Lane::Answer, lost).is_err());
    let _server = Prosody::start_on(client_port, component_port).expect("prosody is installed");
    assert!(up(&mut incoming).await.0.is_some());
    assert_eq!(body(&mut incoming).await, "said while away");
}

#[tokio::test]
async fn tls_is_spoken_to_a_pinned_or_certified_server_and_to_no_other() {
    let fake = Fake::new().await;
    let tls = TlsFront::new(&fake).await;
    let with = |trust: Trust| {
        let mut config = config(vec![tls.address()]);
        let name = Some("xmpp.test".to_owned());
        config.tls = Some(Tls { name, trust });
        config
    };
    let other = Trust::Pinned([7; 32]);
    let (_outbox, mut incoming) = Link::start(with(other));
    match next(&mut incoming).await {
        Incoming::Down { why: Down::Io(_) } => {}
        other => panic!("{other:?}"),
    }
    drop(incoming);
    for trust in [Trust::Pinned(tls.fingerprint), Trust::Ca(tls.certificate.clone())] {
        let (outbox, mut incoming) = Link::start(with(trust));
        let mut session = fake.welcome().await;
        up(&mut incoming).await;
        say(&outbox, Lane::Answer, "ann@localhost", "through TLS");
        session.expect("through TLS").await;
    }
    let mut wrong_name = with(Trust::Ca(tls.certificate.clone()));
    wrong_name.tls.as_mut().expect("just set").name = Some("else.test".to_owned());
    let (_outbox, mut incoming) = Link::start(wrong_name);
    match next(&mut incoming).await {
        Incoming::Down { why: Down::Io(_) } => {}
        other => panic!("{other:?}"),
    }
}
