//! Hooks: each keeps the previous one, decides, and delegates.

mod alter;
mod choice;
mod copy;
mod copy_file;
mod copy_from;
mod copy_where;
mod create;
mod executor;
mod hint;
mod motherduck;
pub(crate) mod planner;
mod rename;
mod secret;
pub(crate) mod utility;
mod view;
pub(crate) mod xact;
