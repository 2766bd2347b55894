//! Where cargo put the extension library and the engine.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::Result;

/// The built files of one profile.
#[derive(Debug, Clone)]
pub struct Artifacts {
    directory: PathBuf,
}

impl Artifacts {
    /// Those built beside the running program (`target/<profile>`): whoever runs a dev
    /// test gets the dev extension, whoever runs a release bench the release one.
    ///
    /// # Errors
    /// If the program does not lie in a cargo target directory.
    pub fn of_this_program() -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut directory = program.parent().ok_or("program without a directory")?;
        if directory.ends_with("deps") {
            directory = directory.parent().ok_or("deps without a parent")?;
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// Name of the profile's directory: `debug`, `release`.
    #[must_use]
    pub fn profile(&self) -> String {
        self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Root of the source tree this program runs in, or else was built from: clones that share a
    /// target directory run each other's programs, and one of them may be gone.
    #[must_use]
    pub fn source_root() -> &'static Path {
        static ROOT: OnceLock<PathBuf> = OnceLock::new();
        ROOT.get_or_init(|| {
            let start = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
            let start = start.or_else(|| std::env::current_dir().ok()).unwrap_or_default();
            let root = start.ancestors().find(|directory| directory.join("pg_duckdb.control").exists());
            let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
            root.or(built_from).expect("the tests package lies in the workspace root").to_owned()
        })
    }

    /// The extension library.
    #[must_use]
    pub fn extension(&self) -> PathBuf {
        self.directory.join("libpg_duckdb.so")
    }

    /// The engine program.
    #[must_use]
    pub fn engine(&self) -> PathBuf {
        self.directory.join("pg_duckdb_engine")
    }

    /// DuckDB's library, from `DUCKDB_LIB_DIR` or the cache `scripts/setup` fills.
    ///
    /// # Errors
    /// If it is in neither place.
    pub fn libduckdb() -> Result<PathBuf> {
        let directory = match std::env::var_os("DUCKDB_LIB_DIR") {
            Some(given) => PathBuf::from(given),
            None => {
                let home = std::env::var_os("HOME").ok_or("neither DUCKDB_LIB_DIR nor HOME is set")?;
                Path::new(&home).join(".cache/pg_duckdb/duckdb-1.5.5")
            }
        };
        let library = directory.join("libduckdb.so");
        if library.is_file() {
            Ok(library)
        } else {
            Err(format!("{} is missing; run scripts/setup", library.display()).into())
        }
    }
}
