//! Hooks: each keeps the previous one, decides, and delegates.

pub(crate) mod planner;
pub(crate) mod utility;
pub(crate) mod xact;
