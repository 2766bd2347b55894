//! Many connections share one engine, and cost little each.

use std::sync::Barrier;
use std::time::Duration;

use tests::cluster::Options;
use tests::{process, wait};

use crate::fixture::{BROAD, NUMBERS, number, own};

const CONNECTIONS: usize = 50;
/// Anonymous memory by which a backend may grow while it queries.
const GROWTH: u64 = 10 << 20;

#[test]
fn fifty_connections_share_one_engine_and_stay_small() {
    let cluster = own(Options::with_extension());
    let barrier = Barrier::new(CONNECTIONS);
    let growth: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = cluster.client().expect("connects");
                    let pid = number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers");
                    let pid = u32::try_from(pid).expect("a pid");
                    let before = process::memory(pid).expect("alive").anonymous;
                    barrier.wait();
                    let sql = "SELECT i, i * 2 AS d, i::text AS t FROM numbers ORDER BY i";
                    let rows = client.query(sql, &[]).expect("answers");
                    assert_eq!(i64::try_from(rows.len()).expect("fits"), NUMBERS);
                    barrier.wait();
                    process::memory(pid).expect("alive").anonymous.saturating_sub(before)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(cluster.engine_processes().len(), 1);
    let most = growth.iter().max().copied().unwrap_or_default();
    assert!(most <= GROWTH, "a backend grew by {} KiB", most >> 10);
}

/// Shared segments belong to running queries. A thousand idle connections cost none.
#[test]
fn segments_are_given_back_when_their_query_ends() {
    let cluster = own(Options::with_extension());
    let engine = cluster.engine_pid().expect("runs");
    let mut clients: Vec<_> = (0..20).map(|_| cluster.client().expect("connects")).collect();
    let mut backends = Vec::new();
    for client in &mut clients {
        let pid = number(client, "SELECT pg_backend_pid()::bigint").expect("answers");
        backends.push(u32::try_from(pid).expect("a pid"));
        // A result, and a feed beside it.
        client.batch_execute("SELECT n.i FROM numbers n JOIN source s ON n.i = s.i").expect("answers");
        client
            .batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {BROAD}; MOVE 100000 c"))
            .expect("streams");
    }
    let mapped = |pids: &[u32]| -> usize {
        pids.iter().map(|pid| process::shared_segments(*pid).expect("alive")).sum()
    };
    assert!(mapped(&backends) >= 20, "{} segments in use by 20 streams: no test", mapped(&backends));
    assert!(mapped(&[engine]) >= 20, "{} segments in use by 20 streams: no test", mapped(&[engine]));
    for client in &mut clients {
        client.batch_execute("COMMIT").expect("ends");
    }
    assert_eq!(mapped(&backends), 0, "of the backends");
    wait::until("unmapped segments", Duration::from_secs(30), || mapped(&[engine]) == 0)
        .expect("all go back");
}

/// A result of any size passes through rings of fixed size.
#[test]
fn memory_does_not_grow_with_the_result() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    let backend = number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers");
    let pids = [u32::try_from(backend).expect("a pid"), cluster.engine_pid().expect("runs")];
    let resident = || pids.map(|pid| process::memory(pid).expect("alive").resident);
    number(&mut client, "SELECT count(*) FROM numbers").expect("warms up");
    let before = resident();
    client
        .batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR SELECT x, y, 'row ' || x FROM ({BROAD}) AS b"))
        .expect("declares");
    // Sixteen million rows of some 40 bytes.
    for _ in 0..16 {
        client.batch_execute("MOVE 1000000 c").expect("moves");
        for (now, before) in resident().into_iter().zip(before) {
            let growth = now.saturating_sub(before);
            assert!(growth < 64 << 20, "grew by {} MiB", growth >> 20);
        }
    }
    client.batch_execute("COMMIT").expect("ends");
}
