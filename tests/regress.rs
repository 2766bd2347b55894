//! SQL files and the output a person has checked.
//!
//! Runs each `tests/pg_regress/sql/<name>.sql` through psql in a database of its own, one
//! after the other (roles and the engine's settings are shared), and compares what psql
//! prints with `expected/<name>.out`, or, where versions of Postgres print other things, with the
//! `expected/<name>_<major version>.out` of the latest version that is not after the server's.
//! Arguments choose files by a part of their name; `UPDATE_EXPECTED=1` writes the expected files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use tests::Result;
use tests::artifacts::Artifacts;
use tests::cluster::{Cluster, Options};

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("regress: {failed} failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("regress: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the number of files whose output differs.
fn run() -> Result<usize> {
    let directory = Artifacts::source_root().join("tests/pg_regress");
    let files = chosen_files(&directory.join("sql"))?;
    if files.is_empty() {
        return Ok(0);
    }
    let update = std::env::var_os("UPDATE_EXPECTED").is_some_and(|value| value == "1");
    let cluster = Cluster::start(Options::with_extension().set("max_prepared_transactions", "2"))?;
    let version: i32 =
        cluster.client()?.query_one("SHOW server_version_num", &[])?.get::<_, &str>(0).parse()?;
    let results = directory.join("results");
    fs::create_dir_all(&results)?;

    let mut failed = 0;
    for file in files {
        let start = Instant::now();
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let output = run_file(&cluster, &name, &fs::read_to_string(&file)?)?;
        let expected_file = expected_file(&directory.join("expected"), &name, version / 10000);
        let result_file = results.join(format!("{name}.out"));
        fs::write(&result_file, &output)?;
        let verdict = if update {
            fs::write(&expected_file, &output)?;
            "updated"
        } else if fs::read_to_string(&expected_file).is_ok_and(|expected| expected == output) {
            "ok"
        } else {
            failed += 1;
            "FAILED"
        };
        println!("regress {name} ... {verdict} ({} ms)", start.elapsed().as_millis());
        if verdict == "FAILED" {
            print_difference(&expected_file, &result_file)?;
        }
    }
    Ok(failed)
}

/// What a server of major version `version` is expected to print.
fn expected_file(directory: &Path, name: &str, version: i32) -> PathBuf {
    let of_version = (15..=version).rev().map(|version| directory.join(format!("{name}_{version}.out")));
    of_version.into_iter().find(|file| file.exists()).unwrap_or_else(|| directory.join(format!("{name}.out")))
}

/// The SQL files in order of name, those only that an argument names a part of, if there
/// are arguments (options, which cargo hands to every test program, aside).
fn chosen_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
        if wanted && path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What psql prints for `script`, statements and errors included. Two words of the script
/// stand for something, and are printed as themselves: `:directory` is an empty directory the
/// server may write to, `:run_duckdb` a command that runs its argument in a DuckDB without Postgres (for
/// files that Postgres cannot write).
fn run_file(cluster: &Cluster, name: &str, script: &str) -> Result<String> {
    let database = format!("regress_{name}");
    let mut client = cluster.client()?;
    client.batch_execute(&format!("CREATE DATABASE {database}"))?;
    cluster.client_of(&database)?.batch_execute("CREATE EXTENSION pg_duckdb")?;
    let directory = cluster.directory().join(format!("files_{name}"));
    fs::create_dir(&directory)?;
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777))?;
    let place = directory.to_string_lossy().into_owned();
    let duckdb = format!(
        "{} run --database :memory: --temp-directory {place}/duckdb_tmp -c",
        cluster.tree().engine().to_string_lossy()
    );
    // psql writes to both; a shared standard output keeps errors at their place.
    let arguments = ["-a", "-q", "-v", "ON_ERROR_STOP=0"];
    let output = cluster.psql_merged(
        &database,
        &arguments,
        &script.replace(":run_duckdb", &duckdb).replace(":directory", &place),
    )?;
    client.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)"))?;
    Ok(output.replace(&duckdb, ":run_duckdb").replace(&place, ":directory"))
}

fn print_difference(expected: &Path, result: &Path) -> Result<()> {
    let expected = if expected.exists() { expected } else { Path::new("/dev/null") };
    let output = Command::new("diff").arg("-u").arg(expected).arg(result).output()?;
    println!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
