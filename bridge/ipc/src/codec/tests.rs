//! Every message survives; nothing else gets through.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ -~äß中]{0,20}").expect("a valid pattern")
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn context() -> impl Strategy<Value = Context> {
    text().prop_map(|time_zone| Context { time_zone })
}

fn request() -> impl Strategy<Value = Request> {
    let scan = (bytes(), any::<u64>(), any::<u32>()).prop_map(|(schema, rows, producers)| ScanSpec {
        schema,
        rows,
        producers,
    });
    let remote_scan = (any::<u32>(), text()).prop_map(|(instance, sql)| RemoteScan { instance, sql });
    let command = prop_oneof![
        any::<u32>().prop_map(|instance| TransactionCommand::Begin { instance }),
        Just(TransactionCommand::Commit { mark: None }),
        (any::<i32>(), text())
            .prop_map(|(slot, text)| TransactionCommand::Commit { mark: Some(CommitMark { slot, text }) }),
        Just(TransactionCommand::Rollback)
    ];
    prop_oneof![
        (any::<u32>(), any::<i32>(), any::<u32>(), text(), text()).prop_map(
            |(version, backend_pid, database_oid, database_name, role_name)| {
                Request::Hello(Hello { version, backend_pid, database_oid, database_name, role_name })
            }
        ),
        (any::<[u32; 2]>(), [text(), text(), text(), text()]).prop_map(
            |([instance, timeout_ms], [token, default_database, session_hint, refresh_timeout])| {
                Request::OpenAccount(OpenAccount {
                    instance,
                    token,
                    default_database,
                    session_hint,
                    refresh_timeout,
                    timeout_ms,
                })
            }
        ),
        (any::<[u32; 2]>(), [text(), text()], vec(scan, 0..4), vec(remote_scan, 0..4), context()).prop_map(
            |([statement, instance], [sql, query], scans, remote_scans, context)| {
                Request::Prepare(Prepare { statement, instance, sql, query, scans, remote_scans, context })
            }
        ),
        (any::<[u32; 2]>(), bytes(), any::<u128>(), any::<u64>(), any::<[bool; 3]>(), context()).prop_map(
            |(
                [statement, portal],
                params,
                feed_key,
                credit_bytes,
                [whole_result, complete, profile],
                context,
            )| {
                Request::Execute(Execute {
                    statement,
                    portal,
                    params,
                    feed_key,
                    credit_bytes,
                    whole_result,
                    complete,
                    profile,
                    context,
                })
            }
        ),
        (any::<u32>(), text(), context()).prop_map(|(instance, sql, context)| Request::Run {
            instance,
            sql,
            context
        }),
        command.prop_map(Request::Transaction),
        any::<(u64, bool)>().prop_map(|(xid, committed)| Request::Resolve { xid, committed }),
        Just(Request::Cancel),
        Just(Request::Reset),
        any::<u32>().prop_map(|statement| Request::CloseStatement { statement }),
        any::<u32>().prop_map(|portal| Request::ClosePortal { portal }),
        any::<[u32; 3]>().prop_map(|[portal, scan, workers]| Request::ScanEnd { portal, scan, workers }),
        (any::<[u32; 3]>(), any::<u128>()).prop_map(|([version, portal, scan], feed_key)| {
            Request::Produce(Produce { version, portal, scan, feed_key })
        }),
        any::<[u32; 2]>().prop_map(|[portal, scan]| Request::Outsize { portal, scan }),
        Just(Request::Wake),
        Just(Request::Status),
        Just(Request::Sessions),
    ]
}

fn error() -> impl Strategy<Value = EngineError> {
    let hint = proptest::option::of(text().prop_map(Cow::Owned));
    let parts = (text(), proptest::option::of(text()), hint, proptest::option::of(any::<u32>()));
    ("[0-9A-Z]{5}", parts).prop_map(|(state, (message, detail, hint, position))| EngineError {
        sqlstate: SqlState::parse(state.as_bytes()).expect("the pattern is a SQLSTATE"),
        message: message.into(),
        detail,
        hint,
        position,
    })
}

fn session() -> impl Strategy<Value = SessionInfo> {
    (any::<i32>(), [text(), text(), text(), text()], any::<i64>(), any::<u64>(), -1e9..1e9_f64).prop_map(
        |(backend_pid, [database, role, state, query], started_us, rows_sent, progress)| SessionInfo {
            backend_pid,
            database,
            role,
            state,
            query,
            started_us,
            rows_sent,
            progress,
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    let numbers = (any::<i32>(), any::<i64>(), any::<[u32; 2]>(), any::<[u64; 4]>());
    (numbers, text(), proptest::option::of(text())).prop_map(
        |((pid, started_at_us, counts, sizes), duckdb_version, last_error)| Status {
            pid,
            started_at_us,
            restarts: sizes[3],
            sessions: counts[0],
            running_queries: counts[1],
            memory_bytes: sizes[0],
            memory_limit_bytes: sizes[1],
            temp_bytes: sizes[2],
            duckdb_version,
            last_error,
        },
    )
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        (any::<u32>(), any::<i32>(), text(), vec(any::<u64>(), 0..5)).prop_map(
            |(version, engine_pid, duckdb_version, unresolved)| {
                Reply::Welcome(Welcome { version, engine_pid, duckdb_version, unresolved })
            }
        ),
        (bytes(), bytes(), vec(text(), 0..5), vec(text(), 0..5), any::<u32>()).prop_map(
            |(schema, dictionaries, type_names, column_names, parameters)| {
                Reply::Prepared(Prepared { schema, dictionaries, type_names, column_names, parameters })
            }
        ),
        any::<u32>().prop_map(|portal| Reply::Started { portal }),
        (any::<u32>(), any::<[u64; 3]>(), proptest::option::of(text())).prop_map(
            |(portal, [rows, batches, bytes], profile)| {
                Reply::Finished(Finished { portal, rows, batches, bytes, profile })
            }
        ),
        any::<u64>().prop_map(|rows| Reply::Done { rows }),
        error().prop_map(Reply::Error),
        any::<[u32; 2]>().prop_map(|[portal, scan]| Reply::ScanRequest { portal, scan }),
        any::<u32>().prop_map(|portal| Reply::Outsize { portal }),
        Just(Reply::Wake),
        status().prop_map(Reply::Status),
        vec(session(), 0..4).prop_map(Reply::Sessions),
    ]
}

/// Encoding and decoding again gives the same; every shorter and one longer body fails.
fn round_trip<T: Wire + PartialEq + std::fmt::Debug>(message: &T) {
    let mut out = BytesMut::new();
    message.encode(&mut out);
    let body = out.freeze();
    assert_eq!(&T::decode(message.tag(), body.clone()).unwrap(), message);
    for shorter in 0..body.len() {
        let cut = T::decode(message.tag(), body.slice(..shorter));
        assert!(matches!(cut, Err(IpcError::Protocol(_))), "{shorter} of {} bytes: {cut:?}", body.len());
    }
    let longer = [&body[..], &[0]].concat();
    assert!(matches!(T::decode(message.tag(), longer.into()), Err(IpcError::Protocol(_))));
}

proptest! {
    #[test]
    fn requests_survive(message in request()) {
        round_trip(&message);
    }

    #[test]
    fn replies_survive(message in reply()) {
        round_trip(&message);
    }

    #[test]
    fn random_bodies_never_panic(tag in any::<u8>(), body in vec(any::<u8>(), 0..200)) {
        let body = Bytes::from(body);
        let _ = Request::decode(tag, body.clone());
        let _ = Reply::decode(tag, body);
    }

    #[test]
    fn changed_bodies_never_panic(message in reply(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        if !out.is_empty() {
            let at = at.index(out.len());
            out[at] = with;
        }
        let _ = Reply::decode(message.tag(), out.freeze());
    }
}

#[test]
fn a_reply_is_no_request() {
    assert!(Request::decode(REPLY_WAKE, Bytes::new()).is_err());
    assert!(Reply::decode(REQUEST_WAKE, Bytes::new()).is_err());
}
