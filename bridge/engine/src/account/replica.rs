//! Read-only copies of databases, as old as their last refresh: what read-scaling tokens and
//! shares see.

use super::emulator::Primary;
use super::{Instance, lock};
use bridge_types::names::{quote_identifier, quote_literal};
use bridge_types::{EngineError, SqlState};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// Name under which a copy is written; hidden from the account by its prefix.
const COPY: &str = "__md_replica";

/// Numbers the directories of this process.
static NEXT_DIRECTORY: AtomicU64 = AtomicU64::new(1);

/// Length and time of a file and of its log: what changes when a transaction commits.
type Fingerprint = [Option<(u64, SystemTime)>; 2];

/// The replicas of one account.
pub(super) struct Replicas {
    directory: PathBuf,
    state: Mutex<State>,
}

struct State {
    replicas: BTreeMap<String, Replica>,
    refreshed: Instant,
    next_file: u64,
}

struct Replica {
    file: PathBuf,
    of: Fingerprint,
}

impl Replicas {
    /// None yet; their files will lie below `directory`.
    pub(super) fn new(directory: &Path) -> Result<Self, EngineError> {
        let number = NEXT_DIRECTORY.fetch_add(1, Ordering::Relaxed);
        let directory = directory.join(format!("{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| {
            EngineError::new(
                SqlState::IO_ERROR,
                format!("could not create directory \"{}\": {error}", directory.display()),
            )
        })?;
        let state = State { replicas: BTreeMap::new(), refreshed: Instant::now(), next_file: 1 };
        Ok(Self { directory, state: Mutex::new(state) })
    }

    /// True if there is a replica of that name.
    pub(super) fn contains(&self, name: &str) -> bool {
        lock(&self.state).replicas.contains_key(name)
    }

    /// True if the last refresh was longer ago.
    pub(super) fn older_than(&self, age: Duration) -> bool {
        lock(&self.state).refreshed.elapsed() >= age
    }

    /// Copies what has changed into `instance`, and takes away what is not wanted any more.
    /// Statements that run go on with what they have opened.
    pub(super) fn refresh(
        &self,
        instance: &Instance,
        wanted: &[(String, Arc<Primary>, String)],
    ) -> Result<(), EngineError> {
        let mut state = lock(&self.state);
        let gone: Vec<String> = state
            .replicas
            .keys()
            .filter(|name| wanted.iter().all(|(wanted, ..)| wanted != *name))
            .cloned()
            .collect();
        for name in gone {
            instance.run(&format!("DETACH DATABASE IF EXISTS {}", quote_identifier(&name)))?;
            if let Some(replica) = state.replicas.remove(&name) {
                drop(std::fs::remove_file(replica.file));
            }
        }
        for (name, primary, database) in wanted {
            let of = fingerprint(&primary.file(database));
            if state.replicas.get(name).is_some_and(|replica| replica.of == of) {
                continue;
            }
            let file = self.directory.join(format!("{}.duckdb", state.next_file));
            state.next_file += 1;
            let literal = quote_literal(&file.to_string_lossy());
            let source = quote_identifier(database);
            primary.run(&format!("ATTACH {literal} AS {COPY}"))?;
            let copied = primary.run(&format!("COPY FROM DATABASE {source} TO {COPY}"));
            primary.run(&format!("DETACH {COPY}"))?;
            copied?;
            let name_sql = quote_identifier(name);
            instance.run(&format!("ATTACH OR REPLACE {literal} AS {name_sql} (READ_ONLY)"))?;
            if let Some(old) = state.replicas.insert(name.clone(), Replica { file, of }) {
                // Statements that still read it hold the file open.
                drop(std::fs::remove_file(old.file));
            }
        }
        state.refreshed = Instant::now();
        Ok(())
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

fn fingerprint(file: &Path) -> Fingerprint {
    let mut log = file.as_os_str().to_owned();
    log.push(".wal");
    [file, Path::new(&log)].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    })
}
