//! However Postgres ends, no engine stays behind.

use std::time::Duration;

use tests::cluster::{Cluster, Options, Shutdown};
use tests::wait;

use crate::fixture::{BROAD, NUMBERS, own, works_again};

/// Until the engine has noticed that its Postgres is gone.
const NOTICED: Duration = Duration::from_secs(30);

fn leaves_no_engine(how: Shutdown) {
    let mut cluster = own(Options::with_extension().durable());
    // One session streams and one is idle.
    let mut client = cluster.client().expect("connects");
    client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {BROAD}; MOVE 100000 c")).expect("streams");
    let mut idle = cluster.client().expect("connects");
    idle.batch_execute("SELECT count(*) FROM numbers").expect("answers");
    assert_eq!(cluster.engine_processes().len(), 1);
    cluster.shut_down(how).expect("ends");
    cluster.no_engine(NOTICED).expect("the engine ends with its Postgres");
    cluster.start_server().expect("starts again");
    works_again(&cluster, "SELECT count(*) FROM numbers", NUMBERS);
}

#[test]
fn fast_shutdown_leaves_no_engine() {
    leaves_no_engine(Shutdown::Fast);
}

#[test]
fn immediate_shutdown_leaves_no_engine() {
    leaves_no_engine(Shutdown::Immediate);
}

#[test]
fn a_killed_postmaster_leaves_no_engine() {
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {BROAD}; MOVE 100000 c")).expect("streams");
    cluster.shut_down(Shutdown::Kill).expect("is gone");
    cluster.no_engine(NOTICED).expect("the engine ends with its Postgres");
    // The idle backend ends when its client does, or when it next looks at the postmaster.
    drop(client);
    wait::until("end of the backends", NOTICED, || {
        tests::process::working_in(&cluster.data_directory()).is_empty()
    })
    .expect("all end");
    cluster.start_server().expect("starts again");
    works_again(&cluster, "SELECT count(*) FROM numbers", NUMBERS);
}

/// The same with an engine that has never had a session.
#[test]
fn an_unused_engine_ends_too() {
    for how in [Shutdown::Fast, Shutdown::Immediate, Shutdown::Kill] {
        let mut cluster = Cluster::start(Options::with_extension()).expect("starts");
        wait::until("start of the engine", NOTICED, || cluster.engine_processes().len() == 1)
            .expect("starts");
        cluster.shut_down(how).expect("ends");
        cluster.no_engine(NOTICED).unwrap_or_else(|error| panic!("{how:?}: {error}"));
    }
}
