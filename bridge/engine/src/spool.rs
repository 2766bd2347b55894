//! Encoded batches of a parked portal: in memory up to a bound, beyond it in an unlinked file.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes kept in memory before a spool goes to disk; small beside one stream's read-ahead.
pub(crate) const MEMORY_BYTES: usize = 64 << 20;

/// Numbers spool files within this process.
static NEXT_FILE: AtomicU64 = AtomicU64::new(0);

enum Entry {
    Memory(Vec<u8>),
    File { at: u64, len: usize },
}

/// A queue of batches.
pub(crate) struct Spool {
    directory: PathBuf,
    memory_limit: usize,
    file_limit: u64,
    memory: usize,
    file: Option<File>,
    file_end: u64,
    entries: VecDeque<(Entry, u64)>,
}

impl Spool {
    /// An empty spool that keeps `memory_limit` bytes in memory and up to `file_limit` in a
    /// file in `directory`.
    pub(crate) fn new(directory: PathBuf, memory_limit: usize, file_limit: u64) -> Self {
        Self {
            directory,
            memory_limit,
            file_limit,
            memory: 0,
            file: None,
            file_end: 0,
            entries: VecDeque::new(),
        }
    }

    /// Appends a batch of `rows` rows.
    pub(crate) fn push(&mut self, batch: Vec<u8>, rows: u64) -> io::Result<()> {
        if self.file.is_none() && self.memory + batch.len() <= self.memory_limit {
            self.memory += batch.len();
            self.entries.push_back((Entry::Memory(batch), rows));
            return Ok(());
        }
        if self.file_end + batch.len() as u64 > self.file_limit {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.file.is_none() {
            self.file = Some(self.create()?);
        }
        if let Some(file) = &self.file {
            file.write_all_at(&batch, self.file_end)?;
        }
        self.entries.push_back((Entry::File { at: self.file_end, len: batch.len() }, rows));
        self.file_end += batch.len() as u64;
        Ok(())
    }

    /// Bytes of the first batch.
    pub(crate) fn front_len(&self) -> Option<usize> {
        self.entries.front().map(|(entry, _)| match entry {
            Entry::Memory(batch) => batch.len(),
            Entry::File { len, .. } => *len,
        })
    }

    /// Moves the first batch into `out`, which is as long as it is; its number of rows.
    pub(crate) fn pop_into(&mut self, out: &mut [u8]) -> io::Result<u64> {
        let Some((entry, rows)) = self.entries.pop_front() else { return Ok(0) };
        match (entry, &self.file) {
            (Entry::Memory(batch), _) => {
                self.memory -= batch.len();
                out.copy_from_slice(&batch);
            }
            (Entry::File { at, .. }, Some(file)) => file.read_exact_at(out, at)?,
            (Entry::File { .. }, None) => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(rows)
    }

    fn create(&self) -> io::Result<File> {
        std::fs::create_dir_all(&self.directory)?;
        let number = NEXT_FILE.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("spool.{}.{number}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        // Without a name it vanishes with the process, however that ends.
        std::fs::remove_file(&path)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_way_over_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(directory.path().join("tmp"), 250, 1000);
        for i in 0..6u8 {
            spool.push(vec![i; 100], u64::from(i)).unwrap();
        }
        for i in 0..6u8 {
            let mut out = vec![0; spool.front_len().unwrap()];
            assert_eq!(spool.pop_into(&mut out).unwrap(), u64::from(i));
            assert_eq!(out, vec![i; 100]);
        }
        assert_eq!(spool.front_len(), None);
    }

    #[test]
    fn the_file_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(directory.path().to_owned(), 0, 150);
        spool.push(vec![1; 100], 1).unwrap();
        assert_eq!(spool.push(vec![1; 100], 1).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
