//! The foreign server of type `motherduck`, of which a database has at most one.

use std::cell::RefCell;
use std::ffi::CStr;

use pgrx::pg_sys;

use super::DEFAULT_DATABASE;
use crate::pg::{list, owned_string};

/// `CREATE SERVER .. TYPE`.
pub(crate) const SERVER_TYPE: &str = "motherduck";
/// Option of the server, see [`Server::refresh_timeout`].
pub(super) const REFRESH_TIMEOUT: &str = "background_catalog_refresh_inactivity_timeout";
/// The foreign data wrapper of the extension.
const WRAPPER: &CStr = c"duckdb";

/// The server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its oid.
    pub(crate) oid: pg_sys::Oid,
    /// Its name.
    pub(crate) name: String,
    /// Its owner, whose token the sync worker uses.
    pub(crate) owner: pg_sys::Oid,
    /// Database whose tables are found in ordinary schemas.
    pub(crate) default_database: String,
    /// Role that owns what is synced, if it is not the server's owner.
    pub(crate) tables_owner_role: Option<String>,
    /// How long the service tells of changes to who asks for nothing, see
    /// [`bridge_ipc::message::OpenAccount::refresh_timeout`].
    pub(crate) refresh_timeout: Option<String>,
}

thread_local! {
    /// What the last look-up found, until a server changes.
    static FOUND: RefCell<Option<Option<Server>>> = const { RefCell::new(None) };
    static WATCHING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Must not fail: called while Postgres processes invalidations.
unsafe extern "C-unwind" fn changed(_arg: pg_sys::Datum, _cache: std::ffi::c_int, _hash: u32) {
    FOUND.with(|found| {
        if let Ok(mut found) = found.try_borrow_mut() {
            *found = None;
        }
    });
}

/// The server of this database; `None` if MotherDuck is not enabled.
pub(crate) fn find() -> Option<Server> {
    if !WATCHING.replace(true) {
        let none = pg_sys::Datum::from(0usize);
        // SAFETY: main thread; the callback lives as long as the process. A role's new name or
        // another owner of the server arrive as changes of the server too.
        unsafe {
            pg_sys::CacheRegisterSyscacheCallback(
                pg_sys::SysCacheIdentifier::FOREIGNSERVEROID as i32,
                Some(changed),
                none,
            );
        }
    }
    if let Some(found) = FOUND.with_borrow(Clone::clone) {
        return found;
    }
    let server = look_up();
    FOUND.set(Some(server.clone()));
    server
}

fn look_up() -> Option<Server> {
    // SAFETY: catalog look-ups on the main thread, in a transaction.
    let oid = unsafe {
        let wrapper = pg_sys::get_foreign_data_wrapper_oid(WRAPPER.as_ptr(), true);
        if wrapper == pg_sys::InvalidOid {
            return None;
        }
        let relation =
            pg_sys::table_open(pg_sys::ForeignServerRelationId, pg_sys::AccessShareLock.cast_signed());
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
        );
        let mut found = pg_sys::InvalidOid;
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_foreign_server>();
            if (*form).srvfdw != wrapper {
                continue;
            }
            let mut is_null = true;
            let server_type = pg_sys::heap_getattr(
                tuple,
                pg_sys::Anum_pg_foreign_server_srvtype.cast_signed(),
                (*relation).rd_att,
                &mut is_null,
            );
            if !is_null && owned_string(pg_sys::text_to_cstring(server_type.cast_mut_ptr())) == SERVER_TYPE {
                found = (*form).oid;
                break;
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock.cast_signed());
        found
    };
    if oid == pg_sys::InvalidOid {
        return None;
    }
    // SAFETY: as above; the server was found in this snapshot.
    unsafe {
        let server = &*pg_sys::GetForeignServer(oid);
        Some(Server {
            oid,
            name: owned_string(server.servername),
            owner: server.owner,
            default_database: option(server.options, "default_database")
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
            tables_owner_role: option(server.options, "tables_owner_role"),
            refresh_timeout: option(server.options, REFRESH_TIMEOUT),
        })
    }
}

impl Server {
    /// The token (or what stands for one) of the current user, or else of PUBLIC.
    pub(crate) fn token_of_current_user(&self) -> Option<String> {
        // SAFETY: a plain global of the main thread.
        self.token_of(unsafe { pg_sys::GetUserId() })
    }

    /// As [`Self::token_of_current_user`], of any user.
    pub(crate) fn token_of(&self, user: pg_sys::Oid) -> Option<String> {
        // SAFETY: catalog look-ups on the main thread; GetUserMapping raises an error only if
        // there is none, neither the user's nor PUBLIC's, which was looked up before.
        unsafe {
            let exists = [user, pg_sys::InvalidOid].into_iter().any(|user| {
                pg_sys::SearchSysCacheExists(
                    pg_sys::SysCacheIdentifier::USERMAPPINGUSERSERVER as i32,
                    user.into(),
                    self.oid.into(),
                    pg_sys::Datum::from(0usize),
                    pg_sys::Datum::from(0usize),
                )
            });
            if !exists {
                return None;
            }
            option((*pg_sys::GetUserMapping(user, self.oid)).options, "token")
        }
    }
}

/// The text of an option.
///
/// # Safety
/// `options` is a list of `DefElem` with text values.
unsafe fn option(options: *mut pg_sys::List, name: &str) -> Option<String> {
    // SAFETY: as the caller promises.
    unsafe {
        list::pointers::<pg_sys::DefElem>(options)
            .find(|option| owned_string((**option).defname) == name)
            .map(|option| owned_string(pg_sys::defGetString(option)))
    }
}
