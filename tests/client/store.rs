//! The file of a local store: copies of it, damage to it, and a disk without room for it.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::artifacts::Artifacts;
use tests::cluster::{Cluster, Options, Shutdown};

use crate::fixture::{NUMBERS, explain, number, own, shared, sqlstate};

/// The store of the database that tests connect to.
fn file(cluster: &Cluster) -> PathBuf {
    let sql = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()";
    let database = number(&mut cluster.client().expect("connects"), sql).expect("an oid");
    cluster.data_directory().join("pg_duckdb").join(database.to_string()).join("store.duckdb")
}

/// What DuckDB alone answers, from a file.
fn duckdb(file: &std::path::Path, sql: &str) -> String {
    let engine = Artifacts::of_this_program().expect("a cargo directory").engine();
    let output = Command::new(engine)
        .args(["run", "--format", "csv", "--database"])
        .arg(file)
        .args(["-c", sql])
        .output()
        .expect("the engine runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A writer keeps two tables equal; the copy has them equal too, with keys and indexes.
#[test]
fn a_backup_is_of_one_moment() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "CREATE TABLE a (i int PRIMARY KEY, g int GENERATED ALWAYS AS (i * 2) STORED) USING duckdb; \
             CREATE TABLE b (i int) USING duckdb; CREATE INDEX ON b (i)",
        )
        .expect("creates");
    let target = cluster.directory().join("copy.duckdb");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut client = cluster.client().expect("connects");
            for i in 0..60 {
                let sql = format!("BEGIN; INSERT INTO a VALUES ({i}); INSERT INTO b VALUES ({i}); COMMIT");
                client.batch_execute(&sql).unwrap_or_else(|error| panic!("{}", explain(&error)));
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(200));
        let sql = format!("SELECT duckdb.backup('{}')", target.display());
        client.batch_execute(&sql).unwrap_or_else(|error| panic!("{}", explain(&error)));
        let again = client.batch_execute(&sql).expect_err("is there");
        assert_eq!(sqlstate(&again), "58P02");
        writer.join().expect("writes");
    });
    let answer = duckdb(
        &target,
        "SELECT (SELECT count(*) FROM a) = (SELECT count(*) FROM b), (SELECT count(*) FROM numbers)",
    );
    assert_eq!(answer.lines().nth(1), Some(format!("true,{NUMBERS}").as_str()), "{answer}");
    let indexes = duckdb(&target, "SELECT count(*) FROM duckdb_indexes()");
    assert_eq!(indexes.lines().nth(1), Some("1"));
    assert!(!target.with_extension("duckdb.part").exists());
}

#[test]
fn a_backup_needs_the_right_to_write_files_and_a_transaction_of_its_own() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE ROLE keeper").expect("creates");
    client.batch_execute("SET ROLE keeper").expect("sets");
    let error = client.batch_execute("SELECT duckdb.backup('/tmp/pg_duckdb_never')").expect_err("no right");
    assert_eq!(sqlstate(&error), "42501");
    client.batch_execute("RESET ROLE").expect("resets");
    let error = client.batch_execute("SELECT duckdb.backup('here')").expect_err("not absolute");
    assert_eq!(sqlstate(&error), "22023");
    client.batch_execute("BEGIN; CREATE TEMP TABLE kept (i int) USING duckdb").expect("creates");
    let error = client.batch_execute("SELECT duckdb.backup('/tmp/pg_duckdb_never')").expect_err("in use");
    assert_eq!(sqlstate(&error), "25001");
    client.batch_execute("ROLLBACK; DROP ROLE keeper").expect("drops");
}

/// Only the tables in the damaged file are out of reach, and the file is left alone.
#[test]
fn a_damaged_store_disables_the_tables_of_its_database_only() {
    let mut cluster = own(Options::with_extension());
    cluster.client().expect("connects").batch_execute("CREATE DATABASE sound").expect("creates");
    let mut sound = cluster.client_of("sound").expect("connects");
    sound
        .batch_execute("CREATE EXTENSION pg_duckdb; CREATE TABLE kept (i int) USING duckdb")
        .expect("creates");
    sound.batch_execute("INSERT INTO kept VALUES (1)").expect("inserts");
    drop(sound);
    let store = file(&cluster);
    cluster.shut_down(Shutdown::Fast).expect("stops");
    let mut damaged = std::fs::OpenOptions::new().write(true).open(&store).expect("opens");
    damaged.seek(SeekFrom::Start(0)).expect("seeks");
    damaged.write_all(&[0x5a; 16384]).expect("scribbles");
    drop(damaged);
    cluster.start_server().expect("starts");
    let mut client = cluster.client().expect("connects");
    for sql in [
        "SELECT count(*) FROM numbers",
        "INSERT INTO numbers VALUES (1)",
        "CREATE TABLE n (i int) USING duckdb",
    ] {
        let error = client.batch_execute(sql).expect_err("is damaged");
        assert_eq!(sqlstate(&error), "58030", "{sql}: {}", explain(&error));
        assert!(explain(&error).contains("store.duckdb"), "{sql}: {}", explain(&error));
    }
    // What needs no store goes on: heap tables, TEMP tables, other databases.
    assert_eq!(number(&mut client, "SELECT count(*) FROM source").expect("answers"), NUMBERS);
    client
        .batch_execute("CREATE TEMP TABLE t (i bigint) USING duckdb; INSERT INTO t VALUES (3)")
        .expect("works");
    assert_eq!(number(&mut client, "SELECT i FROM t").expect("answers"), 3);
    let mut sound = cluster.client_of("sound").expect("connects");
    assert_eq!(number(&mut sound, "SELECT count(*) FROM kept").expect("answers"), 1);
}

/// Puts other bytes into the store while the server is down.
fn put_into(cluster: &mut Cluster, store: &Path, bytes: &[u8]) {
    cluster.shut_down(Shutdown::Fast).expect("stops");
    std::fs::write(store, bytes).expect("writes");
    cluster.start_server().expect("starts");
}

/// The file with another version number in its main header, whose checksum is made to fit.
fn with_version(file: &[u8], version: u64) -> Vec<u8> {
    let checksum = |header: &[u8]| {
        let words = header.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("8 bytes")));
        words.fold(5381, |sum, word| sum ^ word.wrapping_mul(0xbf58_476d_1ce4_e5b9)).to_le_bytes()
    };
    assert_eq!(file[..8], checksum(&file[8..4096]), "DuckDB's main header is not as it was");
    let mut file = file.to_vec();
    file[12..20].copy_from_slice(&version.to_le_bytes());
    let sum = checksum(&file[8..4096]);
    file[..8].copy_from_slice(&sum);
    file
}

/// A file that DuckDB 1.0.0 itself has written is read and changed; one of a format that this DuckDB does
/// not know, newer or older, is refused with what to do, and left as it is.
#[test]
fn a_store_of_another_version_of_duckdb_is_used_or_refused() {
    let mut cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    let table = "CREATE TABLE aged (i int PRIMARY KEY, t text, n numeric(8, 2)) USING duckdb";
    client.batch_execute(table).expect("creates");
    drop(client);
    let store = file(&cluster);
    let packed = Artifacts::source_root().join("tests/client/store_of_duckdb_1_0_0.gz");
    let old = Command::new("gzip").arg("-dc").arg(packed).output().expect("gzip runs").stdout;
    put_into(&mut cluster, &store, &old);

    let mut client = cluster.client().expect("connects");
    let sum = "SELECT sum(i * n)::bigint + count(t) FROM aged";
    assert_eq!(number(&mut client, sum).expect("answers"), 338_350 / 4 + 90 + 1);
    let error = client.batch_execute("INSERT INTO aged VALUES (7)").expect_err("the key is there");
    assert_eq!(sqlstate(&error), "23505", "{}", explain(&error));
    for change in [
        "BEGIN; DELETE FROM aged WHERE i > 1; ALTER TABLE aged ADD COLUMN d date DEFAULT '2024-01-01'; COMMIT",
        "CREATE INDEX ON aged (t)",
        "INSERT INTO aged VALUES (5, 'new', 1)",
    ] {
        client.batch_execute(change).unwrap_or_else(|error| panic!("{change}: {}", explain(&error)));
    }
    drop(client);
    cluster.restart(Shutdown::Fast).expect("restarts");
    let mut client = cluster.client().expect("connects");
    let rows = "SELECT count(*) FROM aged WHERE t IN ('row 1', 'new')";
    assert_eq!(number(&mut client, rows).expect("answers"), 2);
    drop(client);

    cluster.shut_down(Shutdown::Fast).expect("stops");
    let sound = std::fs::read(&store).expect("reads");
    cluster.start_server().expect("starts");
    for version in [1000, 39] {
        let strange = with_version(&sound, version);
        put_into(&mut cluster, &store, &strange);
        let mut client = cluster.client().expect("connects");
        let error = client.batch_execute(rows).expect_err("cannot be read");
        assert_eq!(sqlstate(&error), "58030", "{}", explain(&error));
        let told = explain(&error);
        let said = format!("version number {version}");
        assert!(told.contains(&said) && told.contains("COPY FROM DATABASE"), "{told}");
        drop(client);
        assert!(std::fs::read(&store).expect("reads") == strange, "the file was touched");
    }
    put_into(&mut cluster, &store, &sound);
    assert_eq!(number(&mut cluster.client().expect("connects"), rows).expect("answers"), 2);
}

/// A store on a small file system: an INSERT that does not fit is an error, and what was there
/// stays.
#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE kept USING duckdb AS SELECT i FROM numbers").expect("creates");
    let store = file(&cluster);
    let directory = store.parent().expect("a directory").to_owned();
    drop(client);
    cluster.shut_down(Shutdown::Fast).expect("stops");
    let aside = cluster.directory().join("aside.duckdb");
    std::fs::copy(&store, &aside).expect("copies");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16m,mode=777", "none"])
        .arg(&directory)
        .output();
    if !mounted.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: a full disk needs the right to mount a tmpfs: {mounted:?}");
        return;
    }
    let outcome =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fill(&mut cluster, &aside, &store)));
    drop(cluster.shut_down(Shutdown::Immediate));
    drop(cluster.no_engine(std::time::Duration::from_secs(30)));
    let unmounted = Command::new("umount").arg(&directory).output().expect("runs");
    assert!(unmounted.status.success(), "{}", String::from_utf8_lossy(&unmounted.stderr));
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn fill(cluster: &mut Cluster, aside: &std::path::Path, store: &std::path::Path) {
    std::fs::copy(aside, store).expect("copies");
    let owner = std::fs::metadata(cluster.data_directory()).expect("the data directory");
    std::os::unix::fs::chown(store, Some(std::os::unix::fs::MetadataExt::uid(&owner)), None).expect("chowns");
    cluster.start_server().expect("starts");
    let mut client = cluster.client().expect("connects");
    let big = "INSERT INTO kept SELECT (hashint8(a.i * 20011 + b.i)::bigint << 31) # hashint8(b.i * 7 + a.i) \
         FROM source a, source b WHERE b.i <= 250";
    let error = client.batch_execute(big).expect_err("does not fit");
    assert!(["53100", "58030", "58000"].contains(&sqlstate(&error).as_str()), "{}", explain(&error));
    drop(client);
    crate::fixture::works_again(cluster, "SELECT count(*) FROM kept", NUMBERS);
    let directory = store.parent().expect("a directory");
    let larger = Command::new("mount").args(["-o", "remount,size=64m"]).arg(directory).status();
    assert!(larger.expect("runs").success());
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute("INSERT INTO kept VALUES (-1)")
        .unwrap_or_else(|error| panic!("{}", explain(&error)));
    assert_eq!(number(&mut client, "SELECT count(*) FROM kept").expect("answers"), NUMBERS + 1);
}
