//! Messages as bytes: little endian, strings and lists prefixed with a `u32` count,
//! options with a byte 0 or 1. Hand written, so that every length and tag is checked.

use std::borrow::Cow;

use bridge_types::{EngineError, SqlState};
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::IpcError;
use crate::message::{
    CommitMark, Context, Execute, Finished, Hello, OpenAccount, Prepare, Prepared, Produce, RemoteScan,
    Reply, Request, ScanSpec, SessionInfo, Status, TransactionCommand, Welcome,
};

/// A message that travels in a frame: [`Request`] or [`Reply`].
pub trait Wire: Sized {
    /// The tag that says which variant the body holds.
    fn tag(&self) -> u8;
    /// Appends the body.
    fn encode(&self, out: &mut BytesMut);
    /// The message of `tag` with this body.
    ///
    /// # Errors
    /// [`IpcError::Protocol`] for an unknown tag and a body that is too short, too long or
    /// holds impossible values.
    fn decode(tag: u8, body: Bytes) -> Result<Self, IpcError>;
}

const HELLO: u8 = 1;
const PREPARE: u8 = 2;
const EXECUTE: u8 = 3;
const RUN: u8 = 4;
const TRANSACTION: u8 = 5;
const CANCEL: u8 = 6;
const RESET: u8 = 7;
const CLOSE_STATEMENT: u8 = 8;
const CLOSE_PORTAL: u8 = 9;
const SCAN_END: u8 = 10;
const REQUEST_OUTSIZE: u8 = 11;
const REQUEST_WAKE: u8 = 12;
const REQUEST_STATUS: u8 = 13;
const REQUEST_SESSIONS: u8 = 14;
const OPEN_ACCOUNT: u8 = 15;
const RESOLVE: u8 = 16;
const PRODUCE: u8 = 17;

// Replies have the high bit, so that a frame on the wrong side is noticed.
const WELCOME: u8 = 0x81;
const PREPARED: u8 = 0x82;
const STARTED: u8 = 0x83;
const FINISHED: u8 = 0x84;
const DONE: u8 = 0x85;
const ERROR: u8 = 0x86;
const SCAN_REQUEST: u8 = 0x87;
const REPLY_OUTSIZE: u8 = 0x88;
const REPLY_WAKE: u8 = 0x89;
const REPLY_STATUS: u8 = 0x8a;
const REPLY_SESSIONS: u8 = 0x8b;

impl Wire for Request {
    fn tag(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::OpenAccount(_) => OPEN_ACCOUNT,
            Self::Prepare(_) => PREPARE,
            Self::Execute(_) => EXECUTE,
            Self::Run { .. } => RUN,
            Self::Transaction(_) => TRANSACTION,
            Self::Resolve { .. } => RESOLVE,
            Self::Cancel => CANCEL,
            Self::Reset => RESET,
            Self::CloseStatement { .. } => CLOSE_STATEMENT,
            Self::ClosePortal { .. } => CLOSE_PORTAL,
            Self::Produce(_) => PRODUCE,
            Self::ScanEnd { .. } => SCAN_END,
            Self::Outsize { .. } => REQUEST_OUTSIZE,
            Self::Wake => REQUEST_WAKE,
            Self::Status => REQUEST_STATUS,
            Self::Sessions => REQUEST_SESSIONS,
        }
    }

    fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Hello(Hello { version, backend_pid, database_oid, database_name, role_name }) => {
                out.put_u32_le(*version);
                out.put_i32_le(*backend_pid);
                out.put_u32_le(*database_oid);
                put_string(out, database_name);
                put_string(out, role_name);
            }
            Self::OpenAccount(OpenAccount {
                instance,
                token,
                default_database,
                session_hint,
                refresh_timeout,
                timeout_ms,
            }) => {
                out.put_u32_le(*instance);
                put_string(out, token);
                put_string(out, default_database);
                put_string(out, session_hint);
                put_string(out, refresh_timeout);
                out.put_u32_le(*timeout_ms);
            }
            Self::Prepare(Prepare { statement, instance, sql, query, scans, remote_scans, context }) => {
                out.put_u32_le(*statement);
                out.put_u32_le(*instance);
                put_string(out, sql);
                put_string(out, query);
                put_count(out, scans.len());
                for ScanSpec { schema, rows, producers } in scans {
                    put_bytes(out, schema);
                    out.put_u64_le(*rows);
                    out.put_u32_le(*producers);
                }
                put_count(out, remote_scans.len());
                for RemoteScan { instance, sql } in remote_scans {
                    out.put_u32_le(*instance);
                    put_string(out, sql);
                }
                put_context(out, context);
            }
            Self::Execute(Execute {
                statement,
                portal,
                params,
                feed_key,
                credit_bytes,
                whole_result,
                complete,
                profile,
                context,
            }) => {
                out.put_u32_le(*statement);
                out.put_u32_le(*portal);
                put_bytes(out, params);
                out.put_u128_le(*feed_key);
                out.put_u64_le(*credit_bytes);
                out.put_u8(u8::from(*whole_result));
                out.put_u8(u8::from(*complete));
                out.put_u8(u8::from(*profile));
                put_context(out, context);
            }
            Self::Run { instance, sql, context } => {
                out.put_u32_le(*instance);
                put_string(out, sql);
                put_context(out, context);
            }
            Self::Transaction(command) => match command {
                TransactionCommand::Begin { instance } => {
                    out.put_u8(0);
                    out.put_u32_le(*instance);
                }
                TransactionCommand::Commit { mark } => {
                    out.put_u8(1);
                    out.put_u8(u8::from(mark.is_some()));
                    if let Some(CommitMark { slot, text }) = mark {
                        out.put_i32_le(*slot);
                        put_string(out, text);
                    }
                }
                TransactionCommand::Rollback => out.put_u8(2),
            },
            Self::Resolve { xid, committed } => {
                out.put_u64_le(*xid);
                out.put_u8(u8::from(*committed));
            }
            Self::CloseStatement { statement: number } | Self::ClosePortal { portal: number } => {
                out.put_u32_le(*number);
            }
            Self::Produce(Produce { version, portal, scan, feed_key }) => {
                out.put_u32_le(*version);
                out.put_u32_le(*portal);
                out.put_u32_le(*scan);
                out.put_u128_le(*feed_key);
            }
            Self::ScanEnd { portal, scan, workers } => {
                out.put_u32_le(*portal);
                out.put_u32_le(*scan);
                out.put_u32_le(*workers);
            }
            Self::Outsize { portal, scan } => {
                out.put_u32_le(*portal);
                out.put_u32_le(*scan);
            }
            Self::Cancel | Self::Reset | Self::Wake | Self::Status | Self::Sessions => {}
        }
    }

    fn decode(tag: u8, body: Bytes) -> Result<Self, IpcError> {
        let mut body = Body(body);
        let request = match tag {
            HELLO => Self::Hello(Hello {
                version: body.u32()?,
                backend_pid: body.i32()?,
                database_oid: body.u32()?,
                database_name: body.string()?,
                role_name: body.string()?,
            }),
            OPEN_ACCOUNT => Self::OpenAccount(OpenAccount {
                instance: body.u32()?,
                token: body.string()?,
                default_database: body.string()?,
                session_hint: body.string()?,
                refresh_timeout: body.string()?,
                timeout_ms: body.u32()?,
            }),
            PREPARE => Self::Prepare(Prepare {
                statement: body.u32()?,
                instance: body.u32()?,
                sql: body.string()?,
                query: body.string()?,
                scans: body.list(16, |body| {
                    Ok(ScanSpec { schema: body.bytes()?, rows: body.u64()?, producers: body.u32()? })
                })?,
                remote_scans: body
                    .list(8, |body| Ok(RemoteScan { instance: body.u32()?, sql: body.string()? }))?,
                context: body.context()?,
            }),
            EXECUTE => Self::Execute(Execute {
                statement: body.u32()?,
                portal: body.u32()?,
                params: body.bytes()?,
                feed_key: body.u128()?,
                credit_bytes: body.u64()?,
                whole_result: body.bool()?,
                complete: body.bool()?,
                profile: body.bool()?,
                context: body.context()?,
            }),
            RUN => Self::Run { instance: body.u32()?, sql: body.string()?, context: body.context()? },
            TRANSACTION => Self::Transaction(match body.u8()? {
                0 => TransactionCommand::Begin { instance: body.u32()? },
                1 if body.bool()? => {
                    let mark = CommitMark { slot: body.i32()?, text: body.string()? };
                    TransactionCommand::Commit { mark: Some(mark) }
                }
                1 => TransactionCommand::Commit { mark: None },
                2 => TransactionCommand::Rollback,
                other => return Err(IpcError::protocol(format!("unknown transaction command {other}"))),
            }),
            RESOLVE => Self::Resolve { xid: body.u64()?, committed: body.bool()? },
            CANCEL => Self::Cancel,
            RESET => Self::Reset,
            CLOSE_STATEMENT => Self::CloseStatement { statement: body.u32()? },
            CLOSE_PORTAL => Self::ClosePortal { portal: body.u32()? },
            PRODUCE => Self::Produce(Produce {
                version: body.u32()?,
                portal: body.u32()?,
                scan: body.u32()?,
                feed_key: body.u128()?,
            }),
            SCAN_END => Self::ScanEnd { portal: body.u32()?, scan: body.u32()?, workers: body.u32()? },
            REQUEST_OUTSIZE => Self::Outsize { portal: body.u32()?, scan: body.u32()? },
            REQUEST_WAKE => Self::Wake,
            REQUEST_STATUS => Self::Status,
            REQUEST_SESSIONS => Self::Sessions,
            other => return Err(IpcError::protocol(format!("unknown request {other}"))),
        };
        body.end()?;
        Ok(request)
    }
}

impl Wire for Reply {
    fn tag(&self) -> u8 {
        match self {
            Self::Welcome(_) => WELCOME,
            Self::Prepared(_) => PREPARED,
            Self::Started { .. } => STARTED,
            Self::Finished(_) => FINISHED,
            Self::Done { .. } => DONE,
            Self::Error(_) => ERROR,
            Self::ScanRequest { .. } => SCAN_REQUEST,
            Self::Outsize { .. } => REPLY_OUTSIZE,
            Self::Wake => REPLY_WAKE,
            Self::Status(_) => REPLY_STATUS,
            Self::Sessions(_) => REPLY_SESSIONS,
        }
    }

    fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Welcome(Welcome { version, engine_pid, duckdb_version, unresolved }) => {
                out.put_u32_le(*version);
                out.put_i32_le(*engine_pid);
                put_string(out, duckdb_version);
                put_count(out, unresolved.len());
                unresolved.iter().for_each(|xid| out.put_u64_le(*xid));
            }
            Self::Prepared(Prepared { schema, dictionaries, type_names, column_names, parameters }) => {
                put_bytes(out, schema);
                put_bytes(out, dictionaries);
                for names in [type_names, column_names] {
                    put_count(out, names.len());
                    names.iter().for_each(|name| put_string(out, name));
                }
                out.put_u32_le(*parameters);
            }
            Self::Started { portal } | Self::Outsize { portal } => out.put_u32_le(*portal),
            Self::Finished(Finished { portal, rows, batches, bytes, profile }) => {
                out.put_u32_le(*portal);
                out.put_u64_le(*rows);
                out.put_u64_le(*batches);
                out.put_u64_le(*bytes);
                put_option(out, profile.as_deref());
            }
            Self::Done { rows } => out.put_u64_le(*rows),
            Self::Error(EngineError { sqlstate, message, detail, hint, position }) => {
                out.put_slice(&sqlstate.bytes());
                put_string(out, message);
                put_option(out, detail.as_deref());
                put_option(out, hint.as_deref());
                out.put_u8(u8::from(position.is_some()));
                if let Some(position) = position {
                    out.put_u32_le(*position);
                }
            }
            Self::ScanRequest { portal, scan } => {
                out.put_u32_le(*portal);
                out.put_u32_le(*scan);
            }
            Self::Wake => {}
            Self::Status(status) => put_status(out, status),
            Self::Sessions(sessions) => {
                put_count(out, sessions.len());
                sessions.iter().for_each(|session| put_session(out, session));
            }
        }
    }

    fn decode(tag: u8, body: Bytes) -> Result<Self, IpcError> {
        let mut body = Body(body);
        let reply = match tag {
            WELCOME => Self::Welcome(Welcome {
                version: body.u32()?,
                engine_pid: body.i32()?,
                duckdb_version: body.string()?,
                unresolved: body.list(8, Body::u64)?,
            }),
            PREPARED => Self::Prepared(Prepared {
                schema: body.bytes()?,
                dictionaries: body.bytes()?,
                type_names: body.list(4, Body::string)?,
                column_names: body.list(4, Body::string)?,
                parameters: body.u32()?,
            }),
            STARTED => Self::Started { portal: body.u32()? },
            FINISHED => Self::Finished(Finished {
                portal: body.u32()?,
                rows: body.u64()?,
                batches: body.u64()?,
                bytes: body.u64()?,
                profile: body.option(Body::string)?,
            }),
            DONE => Self::Done { rows: body.u64()? },
            ERROR => Self::Error(body.error()?),
            SCAN_REQUEST => Self::ScanRequest { portal: body.u32()?, scan: body.u32()? },
            REPLY_OUTSIZE => Self::Outsize { portal: body.u32()? },
            REPLY_WAKE => Self::Wake,
            REPLY_STATUS => Self::Status(body.status()?),
            REPLY_SESSIONS => Self::Sessions(body.list(SESSION_MIN_BYTES, Body::session)?),
            other => return Err(IpcError::protocol(format!("unknown reply {other}"))),
        };
        body.end()?;
        Ok(reply)
    }
}

fn put_count(out: &mut BytesMut, count: usize) {
    // A count beyond u32 cannot be sent: such a frame is larger than MAX_FRAME_BYTES and
    // refused by the writer.
    out.put_u32_le(u32::try_from(count).unwrap_or(u32::MAX));
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.put_slice(bytes);
}

fn put_string(out: &mut BytesMut, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_option(out: &mut BytesMut, text: Option<&str>) {
    out.put_u8(u8::from(text.is_some()));
    if let Some(text) = text {
        put_string(out, text);
    }
}

fn put_context(out: &mut BytesMut, Context { time_zone }: &Context) {
    put_string(out, time_zone);
}

fn put_status(out: &mut BytesMut, status: &Status) {
    out.put_i32_le(status.pid);
    out.put_i64_le(status.started_at_us);
    out.put_u64_le(status.restarts);
    out.put_u32_le(status.sessions);
    out.put_u32_le(status.running_queries);
    out.put_u64_le(status.memory_bytes);
    out.put_u64_le(status.memory_limit_bytes);
    out.put_u64_le(status.temp_bytes);
    put_string(out, &status.duckdb_version);
    put_option(out, status.last_error.as_deref());
}

/// Bytes of a session with empty strings.
const SESSION_MIN_BYTES: usize = 4 + 4 * 4 + 3 * 8;

fn put_session(out: &mut BytesMut, session: &SessionInfo) {
    out.put_i32_le(session.backend_pid);
    for text in [&session.database, &session.role, &session.state, &session.query] {
        put_string(out, text);
    }
    out.put_i64_le(session.started_us);
    out.put_u64_le(session.rows_sent);
    out.put_f64_le(session.progress);
}

/// The unread rest of a body; every getter checks that enough is left.
struct Body(Bytes);

impl Body {
    fn take(&mut self, bytes: usize) -> Result<Bytes, IpcError> {
        if bytes > self.0.len() {
            return Err(IpcError::protocol("a frame ends too early"));
        }
        Ok(self.0.split_to(bytes))
    }

    fn u8(&mut self) -> Result<u8, IpcError> {
        Ok(self.take(1)?.get_u8())
    }

    fn u32(&mut self) -> Result<u32, IpcError> {
        Ok(self.take(4)?.get_u32_le())
    }

    fn i32(&mut self) -> Result<i32, IpcError> {
        Ok(self.take(4)?.get_i32_le())
    }

    fn u64(&mut self) -> Result<u64, IpcError> {
        Ok(self.take(8)?.get_u64_le())
    }

    fn u128(&mut self) -> Result<u128, IpcError> {
        Ok(self.take(16)?.get_u128_le())
    }

    fn i64(&mut self) -> Result<i64, IpcError> {
        Ok(self.take(8)?.get_i64_le())
    }

    fn f64(&mut self) -> Result<f64, IpcError> {
        Ok(self.take(8)?.get_f64_le())
    }

    fn bool(&mut self) -> Result<bool, IpcError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(IpcError::protocol(format!("a boolean of value {other}"))),
        }
    }

    fn bytes(&mut self) -> Result<Bytes, IpcError> {
        let count = usize::try_from(self.u32()?).map_err(|_| IpcError::protocol("a string too long"))?;
        self.take(count)
    }

    fn string(&mut self) -> Result<String, IpcError> {
        String::from_utf8(self.bytes()?.into()).map_err(|_| IpcError::protocol("a string that is not UTF-8"))
    }

    fn option<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> Result<T, IpcError>,
    ) -> Result<Option<T>, IpcError> {
        if self.bool()? { get(self).map(Some) } else { Ok(None) }
    }

    /// A list whose items take at least `min_bytes`, so that a lying count allocates nothing.
    fn list<T>(
        &mut self,
        min_bytes: usize,
        get: impl Fn(&mut Self) -> Result<T, IpcError>,
    ) -> Result<Vec<T>, IpcError> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if count > self.0.len() / min_bytes {
            return Err(IpcError::protocol("a list longer than its frame"));
        }
        (0..count).map(|_| get(self)).collect()
    }

    fn context(&mut self) -> Result<Context, IpcError> {
        Ok(Context { time_zone: self.string()? })
    }

    fn error(&mut self) -> Result<EngineError, IpcError> {
        let state = self.take(5)?;
        Ok(EngineError {
            sqlstate: SqlState::parse(&state).ok_or_else(|| IpcError::protocol("an impossible SQLSTATE"))?,
            message: Cow::Owned(self.string()?),
            detail: self.option(Self::string)?,
            hint: self.option(Self::string)?.map(Cow::Owned),
            position: self.option(Self::u32)?,
        })
    }

    fn status(&mut self) -> Result<Status, IpcError> {
        Ok(Status {
            pid: self.i32()?,
            started_at_us: self.i64()?,
            restarts: self.u64()?,
            sessions: self.u32()?,
            running_queries: self.u32()?,
            memory_bytes: self.u64()?,
            memory_limit_bytes: self.u64()?,
            temp_bytes: self.u64()?,
            duckdb_version: self.string()?,
            last_error: self.option(Self::string)?,
        })
    }

    fn session(&mut self) -> Result<SessionInfo, IpcError> {
        Ok(SessionInfo {
            backend_pid: self.i32()?,
            database: self.string()?,
            role: self.string()?,
            state: self.string()?,
            query: self.string()?,
            started_us: self.i64()?,
            rows_sent: self.u64()?,
            progress: self.f64()?,
        })
    }

    fn end(&self) -> Result<(), IpcError> {
        if self.0.is_empty() { Ok(()) } else { Err(IpcError::protocol("bytes behind the end of a message")) }
    }
}

#[cfg(test)]
mod tests;
