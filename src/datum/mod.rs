//! Row blocks: where the kernels write and the scan node reads.

pub(crate) mod arena;
pub(crate) mod block;
mod layout;
pub(crate) mod text_form;
