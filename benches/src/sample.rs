//! Taking times, and watching memory while something runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::tests::{Result, process};
use postgres::Client;

/// The middle of `times`; of an even number, the larger of the middle two. Zero of none.
#[must_use]
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Times `runs` runs of `work`, after one that is not counted, and returns the median.
///
/// # Errors
/// The first that `work` returns.
pub fn time_median<E>(
    runs: usize,
    mut work: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<Duration, E> {
    work()?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

/// Milliseconds, for printing.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The process number that `sql` returns as a bigint.
///
/// # Errors
/// If the statement fails.
pub fn pid(client: &mut Client, sql: &str) -> Result<u32> {
    Ok(u32::try_from(client.query_one(sql, &[])?.get::<_, i64>(0))?)
}

/// Runs `work` and returns what it returned, and by how much the resident memory of each of
/// `pids` rose at most above its value before, in bytes.
pub fn watch_memory<T>(pids: &[u32], work: impl FnOnce() -> T) -> (T, Vec<u64>) {
    watch(pids, |memory| memory.resident, work)
}

/// As [`watch_memory`], but without the pages that others share: Postgres' buffers become resident
/// in each process that looks at them.
pub fn watch_anonymous<T>(pids: &[u32], work: impl FnOnce() -> T) -> (T, Vec<u64>) {
    watch(pids, |memory| memory.anonymous, work)
}

fn watch<T>(
    pids: &[u32],
    part: impl Fn(process::Memory) -> u64 + Sync,
    work: impl FnOnce() -> T,
) -> (T, Vec<u64>) {
    let used = |pid: u32| process::memory(pid).map_or(0, &part);
    let before: Vec<u64> = pids.iter().map(|pid| used(*pid)).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = before.clone();
            while !done.load(Ordering::Relaxed) {
                for (most, pid) in most.iter_mut().zip(pids) {
                    *most = (*most).max(used(*pid));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            most
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let most = watcher.join().expect("the watcher reads files only");
        (result, most.iter().zip(&before).map(|(most, before)| most.saturating_sub(*before)).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let times = [5, 1, 9].map(Duration::from_millis);
        assert_eq!(median(times.to_vec()), Duration::from_millis(5));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}
