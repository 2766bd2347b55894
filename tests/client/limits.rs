//! Running into a limit is an error that says which setting to raise.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tests::cluster::Options;

use crate::fixture::{BROAD, NUMBERS, number, own};

/// Needs some gigabytes of memory or disk: forty million different groups.
const HUNGRY: &str = "SELECT count(*) FROM (SELECT a.i * 1000000 + b.i AS k, count(*) AS n, max(b.i::text) AS m \
     FROM numbers a, numbers b WHERE b.i <= 2000 GROUP BY 1 HAVING count(*) > 0) AS g WHERE g.n = 1";

fn names_the_setting(options: Options, setting: &str) {
    let cluster = own(options);
    let mut client = cluster.client().expect("connects");
    let error = client.batch_execute(HUNGRY).expect_err("exceeds the limit");
    let error = error.as_db_error().expect("an error of the server").clone();
    let text = format!("{} {} {}", error.message(), error.detail().unwrap_or(""), error.hint().unwrap_or(""));
    assert!(text.contains(setting), "{error:?}");
    assert_eq!(&error.code().code()[..2], "53", "insufficient resources: {error:?}");
    client.batch_execute("SELECT count(*) FROM numbers").expect("the session goes on");
}

/// Even with all the disk it wants: what one operator must have in memory at once is too much.
#[test]
fn too_little_memory_names_its_setting() {
    names_the_setting(Options::with_extension().set("duckdb.memory_limit", "80MB"), "duckdb.memory_limit");
}

#[test]
fn a_full_spill_directory_names_its_setting() {
    let options = Options::with_extension().set("duckdb.memory_limit", "250MB");
    names_the_setting(
        options.set("duckdb.max_temp_directory_size", "20MB"),
        "duckdb.max_temp_directory_size",
    );
}

/// Rows of cursors that are put aside are bounded by the same setting.
#[test]
fn a_cursor_put_aside_that_is_too_large_names_the_setting() {
    let options = Options::with_extension().set("duckdb.max_temp_directory_size", "20MB");
    let cluster = own(options);
    let mut client = cluster.client().expect("connects");
    client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {BROAD}; MOVE 5 c")).expect("streams");
    let count = number(&mut client, "SELECT count(*) FROM numbers").expect("the new statement works");
    assert_eq!(count, NUMBERS);
    // What was sent before may still come; the rest is an error, never a shorter result.
    let error = client.batch_execute("MOVE ALL FROM c").expect_err("the rows are too many to keep");
    let error = error.as_db_error().expect("an error of the server").clone();
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("duckdb.max_temp_directory_size"), "{error:?}");
    client.batch_execute("ROLLBACK").expect("rolls back");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("the session goes on"), NUMBERS);
}

#[test]
fn spilling_within_the_limits_works() {
    let cluster = own(Options::with_extension().set("duckdb.memory_limit", "250MB"));
    let mut client = cluster.client().expect("connects");
    let spilled = std::sync::atomic::AtomicI64::new(0);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut watcher = cluster.client().expect("connects");
            while !done.load(Ordering::Relaxed) {
                let bytes =
                    number(&mut watcher, "SELECT temp_bytes FROM duckdb.engine_status()").expect("status");
                spilled.fetch_max(bytes, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let groups = number(&mut client, HUNGRY);
        done.store(true, Ordering::Relaxed);
        assert_eq!(groups.expect("answers"), 40_000_000);
    });
    let spilled = spilled.into_inner();
    assert!(spilled > 100 << 20, "only {} MiB were spilled: no test", spilled >> 20);
}
