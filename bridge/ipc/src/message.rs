//! What the two processes say to each other over the control socket.
//!
//! Messages travel in frames ([`crate::frame`]). Every request carries a sequence number
//! that its replies repeat, so that replies to an abandoned request can be told apart and
//! skipped. File descriptors travel as SCM_RIGHTS with the first byte of their frame.
//!
//! Rows do not travel here but in rings ([`crate::ring`]): the producer of a ring creates
//! its segment and sends the descriptor once. End of data is said on the socket *after* the
//! last slot was committed; a reader that learns of the end looks into the ring once more.

use bridge_types::EngineError;
use bytes::Bytes;

/// Spoken by both sides; a peer with another version is refused in the first exchange.
pub const PROTOCOL_VERSION: u32 = 7;

/// The instance that every session has: it holds the local stores.
pub const MAIN_INSTANCE: u32 = 0;

/// From a backend (or the `sql` subcommand) to the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// First frame of a connection. Answer: [`Reply::Welcome`].
    Hello(Hello),
    /// Connects the session to the account behind a token. Answer: [`Reply::Done`].
    OpenAccount(OpenAccount),
    /// Binds a statement. Answer: [`Reply::Prepared`].
    Prepare(Prepare),
    /// Runs a prepared statement. Answer: [`Reply::Started`] when it has rows, then
    /// [`Reply::Finished`] (or [`Reply::Error`]). Descriptors: the rings of its scans, in order.
    Execute(Execute),
    /// Runs a statement without parameters or rows (DDL, settings). Answer: [`Reply::Done`].
    Run {
        /// Where: [`MAIN_INSTANCE`] or a number given with [`Request::OpenAccount`].
        instance: u32,
        /// One DuckDB statement.
        sql: String,
        /// Session state it runs under.
        context: Context,
    },
    /// Opens a DuckDB transaction on an instance, or ends those of the session. Answer: [`Reply::Done`].
    /// Nobody need wait for the answer to a BEGIN: if it has failed, so do all statements and the COMMIT
    /// until the next ROLLBACK or [`Request::Reset`], with its error.
    Transaction(TransactionCommand),
    /// Does or undoes what a transaction has left in the outbox of the session's store
    /// ([`bridge_types::names::OUTBOX_TABLE`]), on a connection of its own. Nothing to do is
    /// fine. Answer: [`Reply::Done`].
    Resolve {
        /// Postgres' full transaction id.
        xid: u64,
        /// Postgres has committed it (and else it never will).
        committed: bool,
    },
    /// Interrupts whatever request `sequence` (of the frame) is doing. No answer of its own:
    /// the interrupted request answers with an error.
    Cancel,
    /// Interrupts everything, closes all portals and rolls back. Answer: [`Reply::Done`].
    Reset,
    /// Forgets a prepared statement. No answer.
    CloseStatement {
        /// Statement to forget.
        statement: u32,
    },
    /// Ends a portal: its stream is closed and its segments are unmapped. No answer.
    ClosePortal {
        /// Portal to end.
        portal: u32,
    },
    /// First frame of a connection that brings rows of a scan and does nothing else: from a parallel
    /// worker of the backend that runs the portal. Descriptor: the worker's ring, which it fills without
    /// being asked. No answer but [`Reply::Wake`]; the engine hangs up when it wants no more rows.
    Produce(Produce),
    /// All batches of the sender are in its ring. No answer.
    ScanEnd {
        /// Portal the scan belongs to.
        portal: u32,
        /// Index of the scan.
        scan: u32,
        /// From the session: how many workers bring rows of the scan too (see [`Request::Produce`]).
        /// The scan has ended when they all have. 0 from a worker.
        workers: u32,
    },
    /// The next slot of kind `Outsize` of this scan lies in the segment sent along. No answer.
    Outsize {
        /// Portal the scan belongs to.
        portal: u32,
        /// Index of the scan.
        scan: u32,
    },
    /// "Look at the rings": sent when the peer said that it sleeps. No answer.
    Wake,
    /// Asks for [`Reply::Status`].
    Status,
    /// Asks for [`Reply::Sessions`].
    Sessions,
}

/// Opens a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the client.
    pub version: u32,
    /// Process id of the backend.
    pub backend_pid: i32,
    /// Oid of the Postgres database: selects the local store. 0: none (status only).
    pub database_oid: u32,
    /// Name of the Postgres database, for `engine_sessions()`.
    pub database_name: String,
    /// Role name, for `engine_sessions()`.
    pub role_name: String,
}

/// A parallel worker's part of a scan.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Produce {
    /// [`PROTOCOL_VERSION`] of the client.
    pub version: u32,
    /// Portal the scan belongs to.
    pub portal: u32,
    /// Index of the scan.
    pub scan: u32,
    /// [`Execute::feed_key`] of that portal.
    pub feed_key: u128,
}

impl std::fmt::Debug for Produce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Produce");
        shown.field("portal", &self.portal).field("scan", &self.scan).finish_non_exhaustive()
    }
}

/// Asks for a connection to the DuckDB instance of an account.
///
/// One instance serves all sessions of the engine that come with the same token.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenAccount {
    /// Chosen by the client, not [`MAIN_INSTANCE`]; replaces an older one of that number.
    pub instance: u32,
    /// The account's token. A secret: never shown by `Debug`.
    pub token: String,
    /// Database that unqualified names mean; created if the account has none of that name and
    /// it is the service's own default.
    pub default_database: String,
    /// Groups sessions on one read-scaling replica; empty: any replica.
    pub session_hint: String,
    /// How long the service goes on telling of changes to one that asks for nothing, as an interval;
    /// empty: for ever. What the first says who opens the account.
    pub refresh_timeout: String,
    /// How long to wait for the account, milliseconds.
    pub timeout_ms: u32,
}

impl std::fmt::Debug for OpenAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAccount")
            .field("instance", &self.instance)
            .field("default_database", &self.default_database)
            .field("session_hint", &self.session_hint)
            .field("refresh_timeout", &self.refresh_timeout)
            .finish_non_exhaustive()
    }
}

/// Session state that belongs to a statement; the engine applies what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Postgres' `TimeZone`.
    pub time_zone: String,
}

/// A statement to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// Chosen by the client; replaces an older statement of that number.
    pub statement: u32,
    /// Where it runs: [`MAIN_INSTANCE`] or a number given with [`Request::OpenAccount`].
    pub instance: u32,
    /// DuckDB SQL; `$1`.. are parameters, `bridge_scan(0)`.. the scans and
    /// `instance_scan(0)`.. the remote scans below.
    pub sql: String,
    /// The statement the user typed, for `engine_sessions()`.
    pub query: String,
    /// What the client will feed.
    pub scans: Vec<ScanSpec>,
    /// What the engine reads from its other instances.
    pub remote_scans: Vec<RemoteScan>,
    /// Session state.
    pub context: Context,
}

/// Rows a client will feed into a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanSpec {
    /// Arrow IPC schema message.
    pub schema: Bytes,
    /// Estimated rows, for DuckDB's join order.
    pub rows: u64,
    /// Processes that may bring rows at the same time: 1 and the parallel workers.
    pub producers: u32,
}

/// A query on another instance of the engine, whose rows a statement reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteScan {
    /// Where it runs.
    pub instance: u32,
    /// DuckDB SQL without parameters.
    pub sql: String,
}

/// A run of a prepared statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execute {
    /// Statement to run.
    pub statement: u32,
    /// Chosen by the client; names the result from here on.
    pub portal: u32,
    /// One row of parameters as an Arrow IPC stream (schema and one batch); empty for none.
    pub params: Bytes,
    /// What parallel workers have to know to bring rows of the portal's scans: a random number, fresh
    /// for each portal; 0: there are none. It names the portal among those of all sessions.
    pub feed_key: u128,
    /// Unread bytes the engine may keep in the result ring: small for cursors and LIMIT.
    pub credit_bytes: u64,
    /// The client expects to read everything: DuckDB may read far ahead.
    pub whole_result: bool,
    /// No row is sent before all are computed, so that an error comes before the first one.
    pub complete: bool,
    /// Collect DuckDB's profile and return it with [`Reply::Finished`].
    pub profile: bool,
    /// Session state.
    pub context: Context,
}

/// Transaction control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionCommand {
    /// `BEGIN TRANSACTION` on an instance.
    Begin {
        /// [`MAIN_INSTANCE`] or a number given with [`Request::OpenAccount`].
        instance: u32,
    },
    /// `COMMIT` of every open transaction: first of those that nothing was written in, since
    /// the caller allows only one instance to be written.
    Commit {
        /// What the transaction on [`MAIN_INSTANCE`] leaves in the store.
        mark: Option<CommitMark>,
    },
    /// `ROLLBACK` of every open transaction; fine when none is open.
    Rollback,
}

/// A row of the store's table [`bridge_types::names::COMMITS_TABLE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitMark {
    /// Number of the backend among the running ones.
    pub slot: i32,
    /// Unique among the marks of the slot.
    pub text: String,
}

/// From the engine to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The session is open.
    Welcome(Welcome),
    /// The statement is bound.
    Prepared(Prepared),
    /// Rows will come through the ring whose segment is sent along.
    Started {
        /// Portal of the request.
        portal: u32,
    },
    /// The statement ended; all its rows are in the ring.
    Finished(Finished),
    /// A request without rows is done.
    Done {
        /// Rows the statement reports as changed.
        rows: u64,
    },
    /// The request failed; or, after `Started`, the stream broke.
    Error(EngineError),
    /// DuckDB wants rows of a scan. Not sent again before the scan's ring was seen empty.
    ScanRequest {
        /// Portal that runs.
        portal: u32,
        /// Index of the scan.
        scan: u32,
    },
    /// The next slot of kind `Outsize` of this portal lies in the segment sent along.
    Outsize {
        /// Portal of the rows.
        portal: u32,
    },
    /// "Look at the rings".
    Wake,
    /// The engine as a whole.
    Status(Status),
    /// Its sessions.
    Sessions(Vec<SessionInfo>),
}

/// Answer to [`Request::Hello`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// [`PROTOCOL_VERSION`] of the engine.
    pub version: u32,
    /// Process id of the engine.
    pub engine_pid: i32,
    /// DuckDB's own version, such as `v1.5.5`.
    pub duckdb_version: String,
    /// Full ids of the Postgres transactions in the outbox of the session's store.
    pub unresolved: Vec<u64>,
}

/// Answer to [`Request::Prepare`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Arrow IPC schema message of the rows; empty if the statement returns none.
    pub schema: Bytes,
    /// The values of the schema's dictionaries ([`crate::batch::encode_dictionaries`]); empty
    /// if it has none.
    pub dictionaries: Bytes,
    /// DuckDB's type names of the result columns, such as `DECIMAL(15,2)`.
    pub type_names: Vec<String>,
    /// DuckDB's names of the result columns.
    pub column_names: Vec<String>,
    /// Number of parameters.
    pub parameters: u32,
}

/// The end of an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Portal of the request.
    pub portal: u32,
    /// Rows returned, or changed for a statement that writes.
    pub rows: u64,
    /// Batches that went through the ring.
    pub batches: u64,
    /// Bytes that went through the ring.
    pub bytes: u64,
    /// DuckDB's profile as text, if asked for.
    pub profile: Option<String>,
}

/// The engine as a whole: `duckdb.engine_status()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Process id of the engine.
    pub pid: i32,
    /// Start time, microseconds since 1970-01-01 UTC.
    pub started_at_us: i64,
    /// Starts after the first one since Postgres started.
    pub restarts: u64,
    /// Open sessions.
    pub sessions: u32,
    /// Sessions that run a query now.
    pub running_queries: u32,
    /// Memory DuckDB's buffer manager holds.
    pub memory_bytes: u64,
    /// Its limit.
    pub memory_limit_bytes: u64,
    /// Bytes in temporary files.
    pub temp_bytes: u64,
    /// DuckDB's version.
    pub duckdb_version: String,
    /// Why the engine was last restarted, or the last error that cost a session.
    pub last_error: Option<String>,
}

/// One row of `duckdb.engine_sessions()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionInfo {
    /// Process id of the backend.
    pub backend_pid: i32,
    /// Postgres database.
    pub database: String,
    /// Postgres role.
    pub role: String,
    /// `idle`, `active`, `streaming` or `idle in transaction`.
    pub state: String,
    /// The user's statement, the current or last one.
    pub query: String,
    /// Its start, microseconds since 1970-01-01 UTC; 0 for none.
    pub started_us: i64,
    /// Rows sent for it.
    pub rows_sent: u64,
    /// DuckDB's estimate of its progress in percent; negative when unknown.
    pub progress: f64,
}
