//! LogicalPlan to DuckDB SQL with Postgres semantics.
