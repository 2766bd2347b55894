//! Arrow IPC record batches in slots.
