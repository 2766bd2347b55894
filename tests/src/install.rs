//! A private copy of Postgres with our extension in it.
//!
//! Postgres finds its directories relative to its own program file if they lie to each
//! other as they were configured, so a copy of `bin`, `lib` and `share` below another
//! prefix is a complete installation. It must be a copy: through a symbolic link the
//! program would find its old place.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};

use crate::account::state_directory;
use crate::artifacts::Artifacts;
use crate::{Result, account};

/// An installed private tree.
#[derive(Debug, Clone)]
pub struct Tree {
    bindir: PathBuf,
    sharedir: PathBuf,
    pkglibdir: PathBuf,
}

impl Tree {
    /// Creates or refreshes the tree of a profile from the system's Postgres and, when
    /// `artifacts` is given, the extension. Servers may be running on it: every file is
    /// replaced by a rename.
    ///
    /// # Errors
    /// If something is not built or not installed, or can't be copied.
    pub fn install(artifacts: Option<&Artifacts>) -> Result<Self> {
        let profile = artifacts.map_or_else(|| "plain".to_owned(), Artifacts::profile);
        let root = state_directory()?.join(format!("tree-{profile}"));
        fs::create_dir_all(&root)?;
        let lock = File::create(root.join(".lock"))?;
        flock(&lock, FlockOperation::LockExclusive)?;

        let system = SystemPostgres::ask()?;
        let tree = Self {
            bindir: system.relocate(&system.bindir, &root)?,
            sharedir: system.relocate(&system.sharedir, &root)?,
            pkglibdir: system.relocate(&system.pkglibdir, &root)?,
        };
        copy_tree(&system.bindir, &tree.bindir)?;
        copy_tree(&system.sharedir, &tree.sharedir)?;
        copy_tree(&system.pkglibdir, &tree.pkglibdir)?;
        if let Some(artifacts) = artifacts {
            tree.install_extension(artifacts)?;
        }
        Ok(tree)
    }

    /// A program of Postgres.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bindir.join(name)
    }

    /// The engine as installed for the server.
    #[must_use]
    pub fn engine(&self) -> PathBuf {
        self.pkglibdir.join("pg_duckdb/pg_duckdb_engine")
    }

    /// What `postgres --version` says, as a name for things that depend on it.
    ///
    /// # Errors
    /// If it can't be run.
    pub fn version(&self) -> Result<String> {
        let output = Command::new(self.program("postgres")).arg("--version").output()?;
        let text = String::from_utf8(output.stdout)?;
        Ok(text.split_whitespace().nth(2).ok_or("postgres --version says nothing")?.to_owned())
    }

    fn install_extension(&self, artifacts: &Artifacts) -> Result<()> {
        let source = Artifacts::source_root();
        let extensions = self.sharedir.join("extension");
        let engine_directory = self.pkglibdir.join("pg_duckdb");
        fs::create_dir_all(&engine_directory)?;
        copy_file(&artifacts.extension(), &self.pkglibdir.join("pg_duckdb.so"))?;
        copy_file(&artifacts.engine(), &self.engine())?;
        copy_file(&Artifacts::libduckdb()?, &engine_directory.join("libduckdb.so"))?;
        copy_file(&source.join("pg_duckdb.control"), &extensions.join("pg_duckdb.control"))?;
        for entry in fs::read_dir(source.join("sql"))? {
            let path = entry?.path();
            if path.extension() == Some(OsStr::new("sql")) {
                copy_file(&path, &extensions.join(path.file_name().ok_or("sql file without a name")?))?;
            }
        }
        Ok(())
    }
}

/// Directories of the installed Postgres, as `pg_config` tells them.
struct SystemPostgres {
    bindir: PathBuf,
    sharedir: PathBuf,
    pkglibdir: PathBuf,
}

impl SystemPostgres {
    fn ask() -> Result<Self> {
        let pg_config =
            std::env::var_os("PGRX_PG_CONFIG_PATH").unwrap_or_else(|| OsStr::new("pg_config").to_owned());
        let mut command = Command::new(&pg_config);
        account::clean_environment(&mut command);
        let output = command.args(["--bindir", "--sharedir", "--pkglibdir"]).output()?;
        if !output.status.success() {
            return Err(format!("{} failed", pg_config.display()).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let mut lines = text.lines().map(PathBuf::from);
        let mut next = || lines.next().ok_or("pg_config printed too few lines");
        Ok(Self { bindir: next()?, sharedir: next()?, pkglibdir: next()? })
    }

    /// `path` with the longest prefix all three directories share replaced by `root`.
    fn relocate(&self, path: &Path, root: &Path) -> Result<PathBuf> {
        let common = self
            .bindir
            .components()
            .zip(self.sharedir.components())
            .zip(self.pkglibdir.components())
            .take_while(|((a, b), c)| a == b && b == c)
            .map(|((component, _), _)| component)
            .collect::<Vec<Component<'_>>>();
        let prefix: PathBuf = common.iter().collect();
        Ok(root.join(path.strip_prefix(prefix)?))
    }
}

/// Copies what is missing or changed below `from`; symbolic links become what they name.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().ok_or("directory entry without a name")?);
        // A dangling link (Debian has some for packages that are not installed) is no loss.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() { copy_tree(&path, &target)? } else { copy_file(&path, &target)? }
    }
    Ok(())
}

/// Copies one file by a rename, unless the target already has its size and time.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let source = fs::metadata(from).map_err(|error| format!("{}: {error}", from.display()))?;
    if let Ok(target) = fs::metadata(to)
        && target.len() == source.len()
        && target.modified()? == source.modified()?
    {
        return Ok(());
    }
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    fs::copy(from, &unfinished)?;
    let mode = if source.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(mode))?;
    File::options().write(true).open(&unfinished)?.set_modified(source.modified()?)?;
    fs::rename(&unfinished, to)?;
    Ok(())
}
