//! The open accounts of the engine.

use super::emulator::Emulator;
use super::motherduck::MotherDuck;
use super::{Account, Service, lock};
use crate::log;
use crate::secrets::scrub;
use crate::settings::Settings;
use bridge_ipc::message::OpenAccount;
use bridge_types::{EngineError, SqlState};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How often a waiting session looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(20);
/// How often accounts are looked after.
const HOUSEKEEPING: Duration = Duration::from_millis(250);

/// An account that a session asks for.
pub(crate) struct Wanted<'a> {
    /// What it says.
    pub(crate) request: &'a OpenAccount,
    /// True once nobody wants it any more.
    pub(crate) cancelled: &'a dyn Fn() -> bool,
}

/// Accounts by their key. Opening happens on a thread of its own, so that no session waits
/// longer than it wants to; who comes meanwhile waits for the same opening.
pub(crate) struct Accounts {
    service: Arc<dyn Service>,
    open: Mutex<HashMap<String, Arc<Slot>>>,
    idle_timeout: Duration,
}

/// An account that is being opened, or is open.
#[derive(Default)]
struct Slot {
    outcome: Mutex<Option<Result<Arc<Account>, EngineError>>>,
    signal: Condvar,
}

impl Accounts {
    /// No accounts yet, of MotherDuck or of the emulator that `settings` name.
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        let service: Arc<dyn Service> = match &settings.motherduck_emulator {
            Some(directory) => Arc::new(Emulator::new(directory.clone(), settings.clone())),
            None => Arc::new(MotherDuck::new(settings.clone())),
        };
        let accounts = Arc::new(Self {
            service,
            open: Mutex::default(),
            idle_timeout: settings.motherduck_idle_timeout,
        });
        let watched = Arc::downgrade(&accounts);
        let started =
            std::thread::Builder::new().name("accounts".to_owned()).spawn(move || look_after(&watched));
        if let Err(error) = started {
            log::warning(&format!("could not start a thread: {error}"));
        }
        accounts
    }

    /// The account behind a token, opened if it is not open yet.
    ///
    /// # Errors
    /// 28000, 08001 (see [`Service::open`]), and 08001 after the timeout, 57014 when cancelled.
    pub(crate) fn open(self: &Arc<Self>, wanted: &Wanted<'_>) -> Result<Arc<Account>, EngineError> {
        let key = self.service.key(wanted.request)?;
        let slot = self.slot(&key, wanted.request)?;
        let timeout = Duration::from_millis(wanted.request.timeout_ms.into());
        let deadline = Instant::now() + timeout;
        let mut outcome = lock(&slot.outcome);
        loop {
            if let Some(outcome) = outcome.as_ref() {
                return outcome.clone();
            }
            if (wanted.cancelled)() {
                return Err(crate::session::cancelled());
            }
            if Instant::now() >= deadline {
                return Err(EngineError::new(
                    SqlState::CANNOT_ESTABLISH_CONNECTION,
                    format!("could not connect to MotherDuck within {} ms", timeout.as_millis()),
                )
                .with_hint(
                    "Check the network, or raise duckdb.motherduck_connect_timeout; the connection is still being tried.",
                ));
            }
            outcome = slot.signal.wait_timeout(outcome, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The slot of `key`; the first to ask starts the opening.
    fn slot(self: &Arc<Self>, key: &str, request: &OpenAccount) -> Result<Arc<Slot>, EngineError> {
        let mut open = lock(&self.open);
        if let Some(slot) = open.get(key) {
            return Ok(Arc::clone(slot));
        }
        let slot = Arc::new(Slot::default());
        let (accounts, filled, key_copy) = (Arc::clone(self), Arc::clone(&slot), key.to_owned());
        let request = request.clone();
        std::thread::Builder::new()
            .name("account".to_owned())
            .spawn(move || {
                let opened = accounts.service.open(&request);
                let outcome = match opened {
                    Ok(backing) => {
                        log::info("opened a MotherDuck account");
                        Ok(Arc::new(Account::new(backing)))
                    }
                    Err(mut error) => {
                        let scrub = |text: &str| scrub(&text.replace(&request.token, "<redacted>"));
                        error.message = scrub(&error.message).into();
                        error.detail = error.detail.map(|text| scrub(&text));
                        // The next one to ask tries again.
                        lock(&accounts.open).remove(&key_copy);
                        Err(error)
                    }
                };
                *lock(&filled.outcome) = Some(outcome);
                filled.signal.notify_all();
            })
            .map_err(|error| {
                EngineError::new(SqlState::OUT_OF_MEMORY, format!("could not start a thread: {error}"))
            })?;
        open.insert(key.to_owned(), Arc::clone(&slot));
        Ok(slot)
    }

    /// Accounts that are open now.
    fn ready(&self) -> Vec<(String, Arc<Account>)> {
        let open = lock(&self.open);
        open.iter()
            .filter_map(|(key, slot)| match &*lock(&slot.outcome) {
                Some(Ok(account)) => Some((key.clone(), Arc::clone(account))),
                _ => None,
            })
            .collect()
    }

    /// Forgets what nobody has used for a while; sessions that hold an account keep it open.
    fn close_idle(&self) {
        for (key, account) in self.ready() {
            // Two: the slot's and this one.
            if account.idle_for() >= self.idle_timeout && Arc::strong_count(&account) <= 2 {
                lock(&self.open).remove(&key);
                log::info("closed an idle MotherDuck account");
            }
        }
    }
}

fn look_after(accounts: &Weak<Accounts>) {
    loop {
        std::thread::sleep(HOUSEKEEPING);
        let Some(accounts) = accounts.upgrade() else { return };
        for (_, account) in accounts.ready() {
            account.backing.maintain();
        }
        accounts.close_idle();
    }
}
