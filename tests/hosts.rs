//! One suite for all hosts: the same cases over the fake, libvirt's in-process test driver, and real QEMU guests under a
//! private session libvirtd. It keeps the fake honest, and shows what the bridge does when libvirt dies, hangs and returns.
//!
//! Each case is a test of its own, named `<host>::<case>`; those of a real daemon take a guest's boot each.

use libtest_mimic::{Arguments, Trial};

#[path = "hosts/cases.rs"]
mod cases;
#[path = "hosts/moves.rs"]
mod moves;
#[path = "hosts/subject.rs"]
mod subject;
#[path = "hosts/trouble.rs"]
mod trouble;
#[path = "hosts/uses.rs"]
mod uses;

use subject::{Kind, Subject};

type Case = (&'static str, fn(&mut Subject) -> anyhow::Result<()>);

const EVERYWHERE: [Case; 7] = [
    ("power_and_its_events", cases::power),
    ("what_is_saved_goes_on_from_there", cases::saving),
    ("snapshots_are_taken_reverted_and_deleted", cases::snapshots),
    ("volumes_and_disks_come_and_go", cases::disks),
    ("a_disk_goes_to_another_pool_and_back", cases::moving),
    ("a_machine_is_cloned_and_stays_as_it_is", cases::cloning),
    ("what_is_not_there_is_said_to_be_missing", cases::missing),
];

fn main() {
    let mut trials = Vec::new();
    for (host, kind) in [("fake", Kind::Fake), ("test_driver", Kind::TestDriver), ("qemu", Kind::Qemu)] {
        for (name, case) in EVERYWHERE {
            trials.push(Trial::test(format!("{host}::{name}"), move || {
                let mut subject = Subject::start(kind).map_err(|error| format!("{error:?}"))?;
                case(&mut subject).map_err(|error| format!("{error:?}").into())
            }));
        }
    }
    for (name, case) in trouble::CASES.into_iter().chain(uses::CASES).chain(moves::CASES) {
        trials.push(Trial::test(name, move || case().map_err(|error| format!("{error:?}").into())));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
