//! Somebody writes nonsense to the engine's socket: it costs that session and no other.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use tests::account::Account;
use tests::cluster::Options;

use crate::fixture::{NUMBERS, number, own};

/// Connects as the server's account: the engine turns all others away.
fn connect(socket: &Path) -> UnixStream {
    // Credentials belong to a thread on Linux, and this thread ends at once.
    let connect = || {
        if let Account::Other { uid, .. } = Account::for_servers().expect("an account") {
            let uid = rustix::process::Uid::from_raw(uid);
            rustix::thread::set_thread_res_uid(uid, uid, uid).expect("we are root");
        }
        UnixStream::connect(socket).expect("the engine listens")
    };
    let stream = std::thread::scope(|scope| scope.spawn(connect).join().expect("no panic"));
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("sets");
    stream
}

/// Sends `bytes` and waits until the engine hangs up. What it said before is returned.
fn hangs_up(socket: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(socket);
    // It may hang up before it has read all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the session goes on after {bytes:02x?}: {error}"),
    }
    answer
}

#[test]
fn malformed_frames_cost_only_their_own_session() {
    let cluster = own(Options::with_extension());
    let socket = cluster.data_directory().join("pg_duckdb/run/engine.sock");
    let engine = cluster.engine_pid().expect("runs");
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT i FROM numbers ORDER BY i; MOVE 5 c")
        .expect("streams");

    let frame = |length: u32, tag: u8, descriptors: u8, body: &[u8]| {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend([tag, descriptors, 1, 0, 0, 0]);
        bytes.extend(body);
        bytes
    };
    let mut told = 0;
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        vec![0xff; 4096],
        vec![0; 4096],
        // A length of four gigabytes, a length too short for a frame, an unknown tag.
        frame(u32::MAX, 1, 0, &[]),
        frame(3, 1, 0, &[]),
        frame(6, 250, 0, &[]),
        // Descriptors that were never sent, and a body that is cut.
        frame(6, 1, 200, &[]),
        frame(10, 1, 0, &[1, 2, 3, 4]),
        frame(10, 1, 0, &[0xff; 4]),
    ] {
        told += usize::from(!hangs_up(&socket, &bytes).is_empty());
    }
    assert!(told > 0, "the engine says why it hangs up");
    // Nonsense of every first byte, and frames of every tag with a body of nothing and of 0xff.
    for tag in 0..=40_u8 {
        for body in [&[][..], &[0xff; 64], &[0; 64]] {
            let mut stream = connect(&socket);
            let length = 6 + u32::try_from(body.len()).expect("short");
            stream.write_all(&frame(length, tag, 0, body)).expect("the engine listens");
        }
    }

    assert_eq!(client.query("FETCH 1 FROM c", &[]).expect("streams on")[0].get::<_, i64>(0), 6);
    client.batch_execute("COMMIT").expect("commits");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("answers"), NUMBERS);
    assert_eq!(cluster.engine_pid().expect("runs"), engine, "it was not restarted");
    let count = "SELECT sessions::bigint FROM duckdb.engine_status()";
    tests::wait::until("end of the sessions", Duration::from_secs(30), || {
        number(&mut client, count).expect("status") == 1
    })
    .expect("no session stays behind");
}

/// The tests can talk to the engine as root, who is not the server's account.
#[test]
fn another_account_is_turned_away() {
    let cluster = own(Options::with_extension());
    if Account::for_servers().expect("an account") == Account::Ourselves {
        // Only root can be somebody else here; mode 0700 of the directory is what keeps others out.
        return;
    }
    let mut stream =
        UnixStream::connect(cluster.data_directory().join("pg_duckdb/run/engine.sock")).expect("listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("sets");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it hangs up");
    assert!(String::from_utf8_lossy(&answer).contains("refused"), "{answer:?}");
}
