//! Random batches and slow reference conversions for tests.
