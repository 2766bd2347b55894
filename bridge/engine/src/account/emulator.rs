//! The emulator: a directory in place of MotherDuck, for development and tests.
//!
//! `accounts/<account>/<database>.duckdb` are the databases, `tokens.toml` says who may see
//! them ([`super::tokens`]). An account that may write has one instance for all its tokens,
//! since DuckDB opens a file once; a read-scaling token has an instance of its own with
//! replicas ([`super::replica`]), and so have shares of other accounts' databases.

use super::replica::Replicas;
use super::statement::{self, DatabaseStatement};
use super::tokens::{Access, Conditions, State, Tokens};
use super::{Backing, Instance, SERVICE_DEFAULT_DATABASE, Service, lock};
use crate::duckdb::{Connection, DuckError};
use crate::log;
use crate::settings::Settings;
use bridge_ipc::message::OpenAccount;
use bridge_types::names::{quote_identifier, quote_literal};
use bridge_types::{EngineError, SqlState};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, SystemTime};

/// Extension of a database's file.
const FILE_EXTENSION: &str = "duckdb";

/// Longest name of a database: thrice that, and an extension, is the longest name of a file.
const MAX_NAME_BYTES: usize = 80;

/// What MotherDuck's function of this name tells of each database: a version that changes with
/// its catalog (never with its rows). A macro of the connection, because names in the account's
/// databases are the user's.
const METADATA_MACRO: &str = "
CREATE OR REPLACE TEMP MACRO __md_local_databases_metadata() AS TABLE
SELECT d.database_name AS alias,
       md5(concat_ws(' ', c.columns, c.version, s.version, v.version, t.version)) AS server_catalog_version
FROM duckdb_databases() AS d
LEFT JOIN (SELECT database_name, count(*) AS columns,
                  bit_xor(hash(schema_name, table_name, column_name, column_index, data_type, is_nullable,
                               column_default, comment)) AS version
           FROM duckdb_columns() GROUP BY ALL) AS c USING (database_name)
LEFT JOIN (SELECT database_name, bit_xor(hash(schema_name)) AS version
           FROM duckdb_schemas() WHERE NOT internal GROUP BY ALL) AS s USING (database_name)
LEFT JOIN (SELECT database_name, bit_xor(hash(schema_name, view_name, sql, comment)) AS version
           FROM duckdb_views() WHERE NOT internal GROUP BY ALL) AS v USING (database_name)
LEFT JOIN (SELECT database_name, bit_xor(hash(schema_name, table_name, comment)) AS version
           FROM duckdb_tables() WHERE NOT internal GROUP BY ALL) AS t USING (database_name)
WHERE NOT d.internal AND d.database_name <> 'memory' AND NOT starts_with(d.database_name, '__md_')";

/// The service.
pub(crate) struct Emulator {
    shared: Arc<Shared>,
}

/// What all accounts of the emulator use.
struct Shared {
    directory: PathBuf,
    settings: Settings,
    /// The file as last read, and when it was changed before that.
    tokens: Mutex<Option<(SystemTime, Arc<Tokens>)>>,
    primaries: Mutex<HashMap<String, Weak<Primary>>>,
}

impl Emulator {
    /// An emulator on `directory`.
    pub(crate) fn new(directory: PathBuf, settings: Settings) -> Self {
        log::info(&format!("MotherDuck is emulated in \"{}\"", directory.display()));
        Self {
            shared: Arc::new(Shared {
                directory,
                settings,
                tokens: Mutex::default(),
                primaries: Mutex::default(),
            }),
        }
    }
}

impl Service for Emulator {
    fn key(&self, request: &OpenAccount) -> Result<String, EngineError> {
        let OpenAccount { token, session_hint, .. } = request;
        let tokens = self.shared.tokens()?;
        let found = tokens.find(token)?;
        Ok(match found.access {
            Access::ReadWrite => format!("read_write\0{}", found.account),
            Access::ReadScaling => format!("read_scaling\0{token}\0{session_hint}"),
        })
    }

    fn open(&self, request: &OpenAccount) -> Result<Box<dyn Backing>, EngineError> {
        let token = &request.token;
        let tokens = self.shared.tokens()?;
        std::thread::sleep(Duration::from_millis(tokens.service.delay_ms));
        if tokens.service.state != State::Up {
            return Err(EngineError::new(
                SqlState::CANNOT_ESTABLISH_CONNECTION,
                "could not reach MotherDuck",
            )
            .with_detail("The emulator says that the service is unreachable."));
        }
        let found = tokens.find(token)?;
        let primary = self.shared.primary(&found.account)?;
        let account = Open {
            account: found.account.clone(),
            own: match found.access {
                Access::ReadWrite => None,
                Access::ReadScaling => Some(Instance::open(&self.shared.settings)?),
            },
            token: token.to_owned(),
            replicas: Replicas::new(&self.shared.directory.join("replicas"))?,
            primary,
            shared: Arc::clone(&self.shared),
        };
        account.refresh()?;
        Ok(Box::new(account))
    }
}

impl Shared {
    /// `tokens.toml` as it is now.
    fn tokens(&self) -> Result<Arc<Tokens>, EngineError> {
        let path = self.directory.join("tokens.toml");
        let changed = std::fs::metadata(&path).and_then(|file| file.modified()).ok();
        let mut cached = lock(&self.tokens);
        if let (Some(changed), Some((seen, tokens))) = (changed, &*cached)
            && changed == *seen
        {
            return Ok(Arc::clone(tokens));
        }
        let tokens = Arc::new(Tokens::read(&path)?);
        *cached = changed.map(|changed| (changed, Arc::clone(&tokens)));
        Ok(tokens)
    }

    /// The instance that has the account's files open.
    fn primary(&self, account: &str) -> Result<Arc<Primary>, EngineError> {
        let mut primaries = lock(&self.primaries);
        if let Some(primary) = primaries.get(account).and_then(Weak::upgrade) {
            return Ok(primary);
        }
        let primary =
            Arc::new(Primary::open(&self.directory.join("accounts").join(account), &self.settings)?);
        primaries.insert(account.to_owned(), Arc::downgrade(&primary));
        Ok(primary)
    }
}

/// The one instance that writes an account's files.
pub(super) struct Primary {
    instance: Instance,
    directory: PathBuf,
    /// Attached databases, and when the directory was changed before they were read.
    attached: Mutex<(Option<SystemTime>, BTreeSet<String>)>,
}

impl Primary {
    fn open(directory: &Path, settings: &Settings) -> Result<Self, EngineError> {
        std::fs::create_dir_all(directory).map_err(|error| cannot_write(directory, &error))?;
        let primary = Self {
            instance: Instance::open(settings)?,
            directory: directory.to_owned(),
            attached: Mutex::default(),
        };
        primary.look()?;
        // As the service does for an account that has no database of this name.
        if !lock(&primary.attached).1.contains(SERVICE_DEFAULT_DATABASE) {
            primary.attach(SERVICE_DEFAULT_DATABASE)?;
        }
        Ok(primary)
    }

    /// The file of a database.
    pub(super) fn file(&self, database: &str) -> PathBuf {
        self.directory.join(format!("{}.{FILE_EXTENSION}", to_file_stem(database)))
    }

    /// Runs statements on the instance.
    pub(super) fn run(&self, sql: &str) -> Result<(), EngineError> {
        self.instance.run(sql)
    }

    /// Names of the databases.
    fn databases(&self) -> Vec<String> {
        lock(&self.attached).1.iter().cloned().collect()
    }

    fn attach(&self, database: &str) -> Result<(), EngineError> {
        let file = self.file(database);
        self.run(&format!(
            "ATTACH IF NOT EXISTS {} AS {}",
            quote_literal(&file.to_string_lossy()),
            quote_identifier(database)
        ))?;
        lock(&self.attached).1.insert(database.to_owned());
        Ok(())
    }

    fn detach(&self, database: &str) -> Result<(), EngineError> {
        self.run(&format!("DETACH DATABASE IF EXISTS {}", quote_identifier(database)))?;
        lock(&self.attached).1.remove(database);
        Ok(())
    }

    /// Attaches files that have come and detaches those that have gone.
    fn look(&self) -> Result<(), EngineError> {
        let changed = std::fs::metadata(&self.directory).and_then(|directory| directory.modified());
        let changed = changed.map_err(|error| cannot_write(&self.directory, &error))?;
        if lock(&self.attached).0 == Some(changed) {
            return Ok(());
        }
        let entries =
            std::fs::read_dir(&self.directory).map_err(|error| cannot_write(&self.directory, &error))?;
        let found: BTreeSet<String> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let named = path.extension().is_some_and(|extension| extension == FILE_EXTENSION);
                named.then(|| from_file_stem(path.file_stem()?.to_str()?)).flatten()
            })
            .collect();
        let known: BTreeSet<String> = self.databases().into_iter().collect();
        for database in found.difference(&known) {
            self.attach(database)?;
        }
        for database in known.difference(&found) {
            self.detach(database)?;
        }
        lock(&self.attached).0 = Some(changed);
        Ok(())
    }

    fn create(&self, database: &str, if_not_exists: bool) -> Result<u64, EngineError> {
        if database.is_empty()
            || database.len() > MAX_NAME_BYTES
            || database.contains('\0')
            || database.starts_with("__md_")
        {
            return Err(EngineError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("\"{database}\" cannot be the name of a database"),
            ));
        }
        if lock(&self.attached).1.contains(database) {
            return if if_not_exists {
                Ok(0)
            } else {
                Err(EngineError::new(
                    SqlState::DUPLICATE_DATABASE,
                    format!("MotherDuck database \"{database}\" already exists"),
                ))
            };
        }
        self.attach(database).map(|()| 0)
    }

    fn remove(&self, database: &str, if_exists: bool) -> Result<u64, EngineError> {
        if !lock(&self.attached).1.contains(database) {
            return if if_exists { Ok(0) } else { Err(no_database(database)) };
        }
        self.detach(database)?;
        let file = self.file(database);
        std::fs::remove_file(&file).map_err(|error| cannot_write(&file, &error))?;
        let mut log = file.into_os_string();
        log.push(".wal");
        // There is one only if the database was not written down.
        drop(std::fs::remove_file(log));
        Ok(0)
    }
}

/// An account as a token sees it.
struct Open {
    account: String,
    token: String,
    /// The instance of a read-scaling token. Dropped before the primary.
    own: Option<Instance>,
    replicas: Replicas,
    primary: Arc<Primary>,
    shared: Arc<Shared>,
}

impl Open {
    /// Databases of others (or all, for a read-scaling token): as named here, whose, as named there.
    fn wanted_replicas(&self, tokens: &Tokens) -> Result<Vec<(String, Arc<Primary>, String)>, EngineError> {
        let mut wanted = Vec::new();
        if self.own.is_some() {
            self.primary.look()?;
            for database in self.primary.databases() {
                wanted.push((database.clone(), Arc::clone(&self.primary), database));
            }
        }
        for (name, share) in &tokens.shares {
            if share.with.contains(&self.account) {
                let owner = self.shared.primary(&share.account)?;
                wanted.push((name.clone(), owner, share.database.clone()));
            }
        }
        Ok(wanted)
    }

    /// Brings the replicas up to date.
    fn refresh(&self) -> Result<(), EngineError> {
        let tokens = self.shared.tokens()?;
        self.replicas.refresh(self.instance(), &self.wanted_replicas(&tokens)?)
    }
}

impl Backing for Open {
    fn instance(&self) -> &Instance {
        self.own.as_ref().unwrap_or(&self.primary.instance)
    }

    fn check(&self) -> Result<(), EngineError> {
        let tokens = self.shared.tokens()?;
        if tokens.service.state == State::Drops {
            return Err(EngineError::new(
                SqlState::CONNECTION_FAILURE,
                "the connection to MotherDuck was lost",
            ));
        }
        if self.own.is_some() {
            tokens.find(&self.token)?;
        } else {
            // Several tokens share this instance.
            let mut rights = tokens.tokens.values();
            if !rights.any(|right| right.account == self.account && right.access == Access::ReadWrite) {
                tokens.find(&self.token)?;
            }
            self.primary.look()?;
        }
        Ok(())
    }

    fn run(&self, sql: &str) -> Option<Result<u64, EngineError>> {
        let statement = statement::parse(sql)?;
        Some(match statement {
            DatabaseStatement::Refresh { name } => match name {
                Some(name) if !self.replicas.contains(&name) && !self.primary.databases().contains(&name) => {
                    Err(no_database(&name))
                }
                _ => self.refresh().map(|()| 0),
            },
            _ if self.own.is_some() => Err(EngineError::new(
                SqlState::READ_ONLY_TRANSACTION,
                "cannot change databases with a read-scaling token",
            )),
            DatabaseStatement::Create { name, if_not_exists } => self.primary.create(&name, if_not_exists),
            DatabaseStatement::Drop { name, if_exists } => self.primary.remove(&name, if_exists),
        })
    }

    fn prepare_connection(&self, connection: &Connection) -> Result<(), DuckError> {
        connection.query(METADATA_MACRO).map(drop)
    }

    fn maintain(&self) {
        let Ok(tokens) = self.shared.tokens() else { return };
        let Conditions { state, replica_interval_ms, .. } = tokens.service;
        let age = Duration::from_millis(replica_interval_ms);
        if state == State::Up
            && self.replicas.older_than(age)
            && let Err(error) = self.refresh()
        {
            log::warning(&format!("could not refresh the replicas of an account: {error}"));
        }
    }
}

/// A database's name as a file's: ASCII other than letters, digits, `_`, `-` and blanks as `%`
/// and two hexadecimal digits (DuckDB gives some of it a meaning in paths).
fn to_file_stem(database: &str) -> String {
    let mut stem = String::with_capacity(database.len());
    for c in database.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | ' ') {
            stem.push_str(&format!("%{:02x}", u32::from(c)));
        } else {
            stem.push(c);
        }
    }
    stem
}

/// The reverse; `None` for a file that is not ours.
fn from_file_stem(stem: &str) -> Option<String> {
    let mut parts = stem.split('%');
    let mut database = parts.next()?.to_owned();
    for part in parts {
        let code = u8::from_str_radix(part.get(..2)?, 16).ok().filter(u8::is_ascii)?;
        database.push(char::from(code));
        database.push_str(&part[2..]);
    }
    (to_file_stem(&database) == stem).then_some(database)
}

fn no_database(name: &str) -> EngineError {
    EngineError::new(SqlState::UNDEFINED_DATABASE, format!("MotherDuck database \"{name}\" does not exist"))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> EngineError {
    EngineError::new(SqlState::IO_ERROR, format!("could not use \"{}\": {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{from_file_stem, to_file_stem};

    #[test]
    fn every_name_has_a_file_and_back() {
        for name in ["my_db", "Wer kauft \u{1f986}?", "a/b", "100%", "..", "x.duckdb", "\"q\""] {
            let stem = to_file_stem(name);
            assert!(!stem.contains(['/', '?', '.', '"']), "{stem}");
            assert_eq!(from_file_stem(&stem).as_deref(), Some(name));
        }
        for foreign in ["a%", "a%zz", "a.b", "%41"] {
            assert_eq!(from_file_stem(foreign), None, "{foreign}");
        }
    }
}
