//! Vectorised conversion between Arrow arrays and Postgres datums.
