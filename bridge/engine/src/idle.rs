//! Gives accounts back that a session holds and does not use, and takes them again when they are
//! needed: the client does not notice.

use crate::execute::Worker;
use crate::export::ResultLayout;
use crate::portal::PortalError;
use bridge_ipc::message::{OpenAccount, Prepare};
use bridge_types::EngineError;
use std::collections::HashMap;
use std::sync::Arc;

/// What it takes to have again what was given back.
#[derive(Default)]
pub(crate) struct Idle {
    /// How the client has opened each account, by its number.
    accounts: HashMap<u32, OpenAccount>,
    /// Statements that were bound on accounts that are given back, with their results.
    statements: HashMap<u32, (Prepare, Option<Arc<ResultLayout>>)>,
}

impl Idle {
    /// An account was opened.
    pub(crate) fn opened(&mut self, request: &OpenAccount) {
        self.accounts.insert(request.instance, request.clone());
    }

    /// The client has closed a statement, or replaces it.
    pub(crate) fn forget(&mut self, statement: u32) {
        self.statements.remove(&statement);
    }
}

impl Worker {
    /// Gives back the accounts that were not used for `motherduck_idle_timeout`. Called while the
    /// session has nothing to do.
    pub(crate) fn give_idle_accounts_back(&mut self) {
        if !self.portals.is_empty() {
            return;
        }
        let timeout = self.engine.settings.motherduck_idle_timeout;
        for instance in self.links.idle_for(timeout) {
            let (gone, kept) = std::mem::take(&mut self.statements)
                .into_iter()
                .partition(|(_, statement)| statement.instance == instance);
            self.statements = kept;
            self.idle
                .statements
                .extend(HashMap::into_iter(gone).filter_map(|(number, statement)| {
                    Some((number, (statement.request?, statement.layout)))
                }));
            self.links.remove(instance, &self.session);
        }
    }

    /// Takes an account again that was given back; nothing for an instance that is there.
    ///
    /// # Errors
    /// Those of opening it.
    pub(crate) fn take_back(&mut self, sequence: u32, instance: u32) -> Result<(), EngineError> {
        if self.links.get(instance).is_ok() {
            return Ok(());
        }
        match self.idle.accounts.get(&instance).cloned() {
            Some(request) => self.open_account(sequence, &request).map(drop),
            // The client has never opened it: the caller finds that out.
            None => Ok(()),
        }
    }

    /// Binds a statement again whose account was given back.
    ///
    /// # Errors
    /// 0A000 if its result has other columns now, and those of binding.
    pub(crate) fn bind_again(&mut self, sequence: u32, statement: u32) -> Result<(), PortalError> {
        let Some((request, layout)) = self.idle.statements.remove(&statement) else { return Ok(()) };
        self.prepare(sequence, request)?;
        let bound = self.statements.get(&statement).and_then(|bound| bound.layout.as_deref());
        match (layout.as_deref(), bound) {
            (None, None) => Ok(()),
            (Some(before), Some(now)) if before.columns() == now.columns() => Ok(()),
            _ => {
                self.statements.remove(&statement);
                Err(PortalError::Engine(crate::execute::result_changed()))
            }
        }
    }
}
