//! Hooks: each keeps the previous one, decides, and delegates.

mod executor;
mod hint;
pub(crate) mod planner;
pub(crate) mod utility;
pub(crate) mod xact;
