//! Running into a limit is an error that says which setting to raise.

use tests::cluster::Options;

use crate::fixture::own;

/// Needs far more memory than the tests allow: ten million different groups.
const HUNGRY: &str = "SELECT count(*) FROM (SELECT a.i * 1000000 + b.i AS k, count(*) AS n \
     FROM numbers a, numbers b WHERE b.i <= 500 GROUP BY 1 HAVING count(*) > 0) AS g WHERE g.n = 1";

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

#[test]
fn too_little_memory_names_its_setting() {
    // No room to spill, so that memory is what runs out.
    let options = Options::with_extension().set("duckdb.memory_limit", "100MB");
    names_the_setting(options.set("duckdb.max_temp_directory_size", "0MB"), "duckdb.memory_limit");
}

#[test]
fn a_full_spill_directory_names_its_setting() {
    let options = Options::with_extension().set("duckdb.memory_limit", "100MB");
    names_the_setting(
        options.set("duckdb.max_temp_directory_size", "20MB"),
        "duckdb.max_temp_directory_size",
    );
}

#[test]
fn spilling_within_the_limits_works() {
    let cluster = own(Options::with_extension().set("duckdb.memory_limit", "300MB"));
    let mut client = cluster.client().expect("connects");
    let sql = HUNGRY.replace("<= 500", "<= 200");
    assert_eq!(crate::fixture::number(&mut client, &sql).expect("answers"), 4_000_000);
}
