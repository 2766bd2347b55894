//! What a backend needs to turn a query into DuckDB SQL: lowering, rules and writing, without DuckDB's
//! own planning. The backend measures it and says so at DEBUG1.

use std::sync::mpsc;

use ::tests::Result;
use ::tests::cluster::connect_to;
use ::tests::kept::KeptCluster;
use postgres::NoTls;

use crate::report::Report;

/// Times that each query is planned; the least counts.
const RUNS: usize = 5;
/// How many queries are shown.
const SHOWN: usize = 5;

/// Reports the query of `queries` that takes the longest, which may take `limit_us` microseconds.
///
/// # Errors
/// If a query can't be planned, or the backend does not tell how long it took.
pub fn measure(
    cluster: &KeptCluster,
    database: &str,
    suite: &str,
    queries: &[(String, String)],
    limit_us: f64,
    report: &mut Report,
) -> Result<()> {
    let (sender, notices) = mpsc::channel();
    let [(_, socket), ..] = cluster.environment();
    let mut client = connect_to(socket.as_ref(), database)
        .notice_callback(move |notice| drop(sender.send(notice.message().to_owned())))
        .connect(NoTls)?;
    client.batch_execute("SET client_min_messages = debug1; BEGIN")?;
    let mut times: Vec<(u32, &str)> = Vec::new();
    for (name, sql) in queries {
        let mut least = None;
        for _ in 0..RUNS {
            // A cursor is planned and not read.
            client.batch_execute(&format!("DECLARE planned NO SCROLL CURSOR FOR {sql}; CLOSE planned"))?;
            let taken = notices.try_iter().filter_map(|text| microseconds(&text)).sum();
            least = Some(least.map_or(taken, |least: u32| least.min(taken)));
        }
        times.push((least.unwrap_or_default(), name));
    }
    times.sort_unstable_by(|a, b| b.cmp(a));
    let Some((slowest, _)) = times.first().filter(|(slowest, _)| *slowest > 0) else {
        return Err("the backend does not tell how long lowering takes".into());
    };
    let what = format!("lowering, rules and writing of the slowest {suite} query");
    report.at_most(&what, f64::from(*slowest), limit_us, "us");
    let shown: Vec<String> =
        times.iter().take(SHOWN).map(|(time, name)| format!("{name} {time} us")).collect();
    report.detail(&format!("\nLowering, rules and writing, {suite}: {}.", shown.join(", ")));
    Ok(())
}

/// The time in a message of the planner hook.
fn microseconds(text: &str) -> Option<u32> {
    text.strip_prefix("lowering, rules and writing took ")?.strip_suffix(" us")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_messages() {
        assert_eq!(microseconds("lowering, rules and writing took 217 us"), Some(217));
        assert_eq!(microseconds("something else"), None);
    }
}
