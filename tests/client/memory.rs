//! Many connections share one engine, and cost little each.

use std::sync::Barrier;

use tests::cluster::Options;
use tests::process;

use crate::fixture::{NUMBERS, number, own};

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
    let mut clients: Vec<_> = (0..20).map(|_| cluster.client().expect("connects")).collect();
    for client in &mut clients {
        client.batch_execute("SELECT i FROM numbers").expect("answers");
    }
    let engine = cluster.engine_pid().expect("runs");
    let segments = std::fs::read_to_string(format!("/proc/{engine}/maps")).expect("alive");
    // A pool may keep some; not one each.
    let mapped = segments.lines().filter(|line| line.contains("memfd:")).count();
    assert!(mapped <= 8, "{mapped} segments are mapped with no query running");
}
