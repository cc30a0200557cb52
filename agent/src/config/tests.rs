//! What a configuration may hold, and that secrets stay secret. All that may be wrong is shown by the program itself (tests/e2e/settings.rs).

use super::*;

fn error(text: &str) -> String {
    Config::parse(Path::new("atoll.toml"), text).expect_err("this is wrong").to_string()
}

#[test]
fn the_defaults_are_a_configuration_and_are_overlaid_key_by_key() {
    let config = Config::parse(Path::new("atoll.toml"), "[xmpp]\ndomain = \"vms.example.org\"\n").expect("valid");
    assert_eq!((config.xmpp.domain.as_str(), config.xmpp.servers.len()), ("vms.example.org", 1));
}

#[test]
fn what_is_wrong_is_named_with_file_line_and_key() {
    let unknown = error("language = \"en\"\n\n[xmpp]\ndomian = \"x\"\n");
    assert!(unknown.starts_with("atoll.toml, line 4: `domian`: unknown field"), "{unknown}");
    let kind = error("[policy]\nask_disruptive = 7\n");
    assert!(kind.starts_with("atoll.toml, line 2: `ask_disruptive`: "), "{kind}");
    let role = error("[[access]]\nwho = \"a@b\"\nrole = \"king\"\n");
    assert!(role.starts_with("atoll.toml, line 3: `role`: "), "{role}");
    let twice = error(
        "[[hypervisor]]\nname = \"hv1\"\nuri = \"test:///default\"\n[[hypervisor]]\nname = \"HV1\"\nuri = \"x\"\n",
    );
    assert!(twice.contains("line 5") && twice.contains("two hypervisors are called HV1"), "{twice}");
    let never = error("[misses]\nkeep_days = 0\n");
    assert!(never.starts_with("atoll.toml, line 2: `keep_days`: "), "{never}");
    let open = error("[http]\nlisten = \"0.0.0.0:80\"\n");
    assert!(open.starts_with("atoll.toml, line 2: `listen`: without TLS"), "{open}");
}

#[test]
fn all_that_is_wrong_is_named_at_once_from_top_to_bottom() {
    let said = error("language = \"tlh\"\n[[room]]\naddress = \"nowhere\"\n[store]\npath = \"here\"\n");
    let lines: Vec<&str> = said.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(lines, ["atoll.toml, line 1", "atoll.toml, line 3", "atoll.toml, line 5"], "{said}");
}

#[test]
fn rooms_are_believed_where_the_configuration_says_so_and_never_where_people_live() {
    let text = "[rooms]\ntrusted = [\"rooms.example.org\"]\n\
        [[room]]\naddress = \"ops@chat.example.org\"\n\
        [[room]]\naddress = \"all@public.example.net\"\ntrusted = false\n\
        [[room]]\naddress = \"ops@public.example.net\"\n\
        [[access]]\nwho = \"alice@example.org\"\nrole = \"admin\"\n\
        [[access]]\nwho = \"@example.com\"\nrole = \"viewer\"\n";
    let domains = Config::parse(Path::new("atoll.toml"), text).expect("valid").domains();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (services, homes) = (set(&["rooms.example.org", "chat.example.org"]), set(&["example.org", "example.com"]));
    assert_eq!(domains, Domains { services, homes });
    let home = "[[access]]\nwho = \"alice@Example.org\"\nrole = \"admin\"\n";
    let service = error(&format!("{home}[rooms]\ntrusted = [\"EXAMPLE.org\"]\n"));
    assert!(service.starts_with("atoll.toml, line 5: `trusted`: people of [[access]] live at"), "{service}");
    let room = error(&format!("{home}[[room]]\naddress = \"bob@example.org\"\n"));
    assert!(room.starts_with("atoll.toml, line 5: `address`: people of [[access]] live at"), "{room}");
    let no_domain = error("[rooms]\ntrusted = [\"ops@rooms.example.org\"]\n");
    assert!(no_domain.contains("line 2: `trusted`") && no_domain.contains("no domain"), "{no_domain}");
}

#[test]
fn a_secret_never_prints_not_even_a_wrong_one() {
    let config = Config::parse(Path::new("atoll.toml"), "[xmpp]\nsecret = \"hunter2\"\n").expect("valid");
    assert!(!format!("{config:?}").contains("hunter2"));
    for wrong in [
        "[xmpp]\nsecret = hunter2\n",
        "[xmpp]\nsecret: hunter2\n",
        "[xmpp]\nsecret = \"hunter2\n",
        "[xmpp]\nsecret = [\"hunter2\"]\n",
        "[xmpp]\nsecret = \" hunter2\"\n",
        "[xmpp]\nsecret = \"hunter2\" x\n",
        "[xmpp]\nsecret = 2718281828\n",
    ] {
        let said = error(wrong);
        assert!(!said.contains("hunter2") && !said.contains("2718281828"), "{said}");
        assert!(said.starts_with("atoll.toml, line 2: `secret`: "), "{said}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_reader_and_each_fault_is_in_the_text(text in "([a-z_]{1,9}|\\[{1,2}(xmpp|room|store)\\]{1,2}|=|\"|'|#|\n| |[0-9]{1,3}|é){0,40}") {
        if let Err(ConfigError::Wrong(faults)) = Config::parse_to(Path::new("atoll.toml"), &text, Purpose::Run) {
            for fault in faults {
                proptest::prop_assert!(fault.line >= 1 && fault.line <= text.lines().count().max(1) + 1, "{}", fault);
            }
        }
    }
}
