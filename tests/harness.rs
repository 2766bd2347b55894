//! Tests of the fixture itself, on Postgres without the extension.

use std::time::Duration;

use tests::artifacts::Artifacts;
use tests::cluster::{Cluster, Options, Shutdown};
use tests::{process, tpch, wait};

#[test]
fn a_cluster_starts_answers_and_survives_each_way_to_stop() {
    let mut cluster = Cluster::start(Options::plain().set("work_mem", "7MB")).expect("starts");
    let value: String =
        cluster.client().expect("connects").query_one("SHOW work_mem", &[]).expect("answers").get(0);
    assert_eq!(value, "7MB");
    for how in [Shutdown::Fast, Shutdown::Immediate, Shutdown::Kill] {
        cluster.restart(how).expect("restarts");
        cluster.client().expect("connects").batch_execute("SELECT 1").expect("answers");
    }
    let log = cluster.log().expect("log can be read");
    assert!(log.contains("database system was not properly shut down"), "{log}");
}

#[test]
fn dropping_a_cluster_leaves_no_process_and_no_file() {
    let cluster = Cluster::start(Options::plain()).expect("starts");
    let (data, directory) = (cluster.data_directory(), cluster.directory().to_owned());
    assert!(!process::working_in(&data).is_empty());
    drop(cluster);
    wait::until("end of the processes", Duration::from_secs(10), || process::working_in(&data).is_empty())
        .expect("ends");
    assert!(!directory.exists());
}

#[test]
fn psql_returns_rows_and_errors() {
    let cluster = Cluster::start(Options::plain()).expect("starts");
    let output = cluster.psql("postgres", &["-At"], "SELECT 1;\nSELECT 1/0;\nSELECT 2;\n").expect("runs");
    assert_eq!(output.stdout, "1\n2\n");
    assert_eq!(output.stderr, "ERROR:  division by zero\n");
}

#[test]
fn tpch_loads_into_heap_tables_and_its_queries_run() {
    let cluster = Cluster::start(Options::plain()).expect("starts");
    let mut client = cluster.client().expect("connects");
    tpch::Data::generate(0.001).expect("generates").copy_into(&mut client).expect("loads");
    for (name, sql) in tpch::queries().expect("queries are there") {
        let rows = client.query(&sql, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        // So few rows leave some of the narrow filters without a match, but not these.
        assert!(!rows.is_empty() || !["q01", "q06", "q13"].contains(&name.as_str()), "{name} is empty");
    }
}

#[test]
fn the_engine_writes_parquet_files_for_everybody() {
    use std::os::unix::fs::PermissionsExt;
    let engine = Artifacts::of_this_program().expect("built by cargo").engine();
    let data = tpch::Data::generate(0.001).expect("generates");
    data.all_parquet(&engine).expect("the engine is built");
    for (table, _) in tpch::TABLES {
        let file = data.directory().join(format!("{table}.parquet"));
        let mode = file.metadata().expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{}", file.display());
    }
}

/// Prints its data directory and waits to be killed. Not a test by itself: the next one
/// runs it in a process of its own.
#[test]
#[ignore = "waits to be killed by killing_the_test_process_ends_its_server"]
fn wait_to_be_killed() {
    let cluster = Cluster::start(Options::plain()).expect("starts");
    println!("data directory: {}", cluster.data_directory().display());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn killing_the_test_process_ends_its_server() {
    use std::io::{BufRead, BufReader};
    let mut child = std::process::Command::new(std::env::current_exe().expect("has a path"))
        .args(["--ignored", "--exact", "wait_to_be_killed", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    // The test runner may have put the test's name in front.
    let data = lines
        .find_map(|line| Some(line.ok()?.split_once("data directory: ")?.1.to_owned()))
        .expect("the child tells its directory");
    let data = std::path::Path::new(&data);
    assert!(!process::working_in(data).is_empty());
    child.kill().expect("killed");
    child.wait().expect("reaped");
    wait::until("end of the server", Duration::from_secs(10), || {
        process::working_in(data).is_empty() && !data.exists()
    })
    .expect("the watchdog ends the server and removes its files");
}
