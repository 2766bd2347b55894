-- The SQL surface of pg_duckdb, written by hand. Users of the C++ extension of the same name
-- find their functions, types and operators under the same names.
--
-- Functions for users live in @extschema@ (usually public), everything else in schema duckdb.
-- Most functions only give a query its shape: they make it parse, the planner hook sends it
-- to DuckDB, and the one C function behind them all raises an error when Postgres runs it.
-- They are STABLE, so that the planner never tries to compute them ahead of time.
\echo Use "CREATE EXTENSION pg_duckdb" to load this file. \quit

DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
        RAISE EXCEPTION 'pg_duckdb needs a database with encoding UTF8'
            USING ERRCODE = 'feature_not_supported',
                  DETAIL = pg_catalog.format('The encoding of this database is %s.', pg_catalog.getdatabaseencoding());
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace
               WHERE pg_catalog.left(nspname::pg_catalog.text, 4) OPERATOR(pg_catalog.=) 'ddb$') THEN
        RAISE EXCEPTION 'schema names that start with "ddb$" are reserved for pg_duckdb'
            USING ERRCODE = 'reserved_name',
                  HINT = 'Rename these schemas before you create the extension.';
    END IF;
END
$$;

CREATE SCHEMA duckdb;
GRANT USAGE ON SCHEMA duckdb TO PUBLIC;

----------------------------------------------------------------------------------------------
-- duckdb tables
----------------------------------------------------------------------------------------------

CREATE FUNCTION duckdb.table_am_handler(internal) RETURNS table_am_handler
    AS 'MODULE_PATHNAME', 'duckdb_table_am_handler' LANGUAGE C;
CREATE ACCESS METHOD duckdb TYPE TABLE HANDLER duckdb.table_am_handler;

-- One row for each persistent duckdb table; TEMP tables need none.
CREATE TABLE duckdb.tables (
    relid pg_catalog.regclass PRIMARY KEY,
    -- the DuckDB database that holds the table
    duckdb_db pg_catalog.text NOT NULL,
    -- all null for tables of the local store
    motherduck_catalog_version pg_catalog.text,
    default_database pg_catalog.text,
    duckdb_schema pg_catalog.text,
    -- DuckDB SQL that reads the table, where some columns need a cast
    source pg_catalog.text
) USING heap;
REVOKE ALL ON duckdb.tables FROM PUBLIC;

----------------------------------------------------------------------------------------------
-- MotherDuck
----------------------------------------------------------------------------------------------

CREATE FUNCTION duckdb.fdw_handler() RETURNS pg_catalog.fdw_handler
    AS 'MODULE_PATHNAME', 'fdw_handler_wrapper' LANGUAGE C STRICT;
CREATE FUNCTION duckdb.fdw_validator(pg_catalog.text[], pg_catalog.oid) RETURNS void
    AS 'MODULE_PATHNAME', 'fdw_validator_wrapper' LANGUAGE C STRICT;
CREATE FOREIGN DATA WRAPPER duckdb HANDLER duckdb.fdw_handler VALIDATOR duckdb.fdw_validator;

-- Name of the server that stands for a MotherDuck account; null if MotherDuck is not enabled.
CREATE FUNCTION duckdb.motherduck_server() RETURNS pg_catalog.text
    AS 'MODULE_PATHNAME', 'motherduck_server_wrapper' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.is_motherduck_enabled() RETURNS pg_catalog.bool
    LANGUAGE sql STABLE AS 'SELECT duckdb.motherduck_server() IS NOT NULL';
-- Raises an error if there is no token in the environment.
CREATE FUNCTION duckdb.check_motherduck_token(token pg_catalog.text) RETURNS void
    AS 'MODULE_PATHNAME', 'check_motherduck_token_wrapper' LANGUAGE C STRICT;

CREATE PROCEDURE duckdb.enable_motherduck(
    token pg_catalog.text DEFAULT '::FROM_ENV::',
    database pg_catalog.text DEFAULT ''
) LANGUAGE plpgsql AS $$
DECLARE
    server pg_catalog.text := duckdb.motherduck_server();
    has_mapping pg_catalog.bool;
BEGIN
    token := coalesce(nullif(token, ''), '::FROM_ENV::');
    IF server IS NULL THEN
        PERFORM duckdb.check_motherduck_token(token);
        IF database OPERATOR(pg_catalog.<>) '' THEN
            EXECUTE pg_catalog.format(
                'CREATE SERVER motherduck TYPE ''motherduck'' FOREIGN DATA WRAPPER duckdb OPTIONS (default_database %L)',
                database);
        ELSE
            CREATE SERVER motherduck TYPE 'motherduck' FOREIGN DATA WRAPPER duckdb;
        END IF;
        server := 'motherduck';
    ELSE
        SELECT count(*) OPERATOR(pg_catalog.>) 0 INTO has_mapping
        FROM pg_catalog.pg_user_mappings m
        WHERE m.srvname OPERATOR(pg_catalog.=) server AND m.usename OPERATOR(pg_catalog.=) current_user;
        IF has_mapping THEN
            RAISE NOTICE 'MotherDuck is already enabled';
            RETURN;
        END IF;
        PERFORM duckdb.check_motherduck_token(token);
    END IF;
    EXECUTE pg_catalog.format(
        'CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (token %L)', server, token);
END
$$;

-- Who may use DuckDB may use MotherDuck.
DO $$
DECLARE
    member pg_catalog.text := pg_catalog.current_setting('duckdb.postgres_role', true);
BEGIN
    IF member OPERATOR(pg_catalog.<>) '' THEN
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) member) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I', member);
        END IF;
        EXECUTE pg_catalog.format('GRANT USAGE ON FOREIGN DATA WRAPPER duckdb TO %I', member);
    END IF;
END
$$;

-- What the sync worker has done.
CREATE TABLE duckdb.sync_state (
    database pg_catalog.text PRIMARY KEY,
    -- the server at that time
    server pg_catalog.oid NOT NULL,
    version pg_catalog.text NOT NULL,
    -- when the version was read, and when Postgres had it
    looked_at pg_catalog.timestamptz NOT NULL,
    synced_at pg_catalog.timestamptz NOT NULL,
    relations pg_catalog.int8 NOT NULL,
    failures pg_catalog.int8 NOT NULL,
    last_error pg_catalog.text
) USING heap;
REVOKE ALL ON duckdb.sync_state FROM PUBLIC;
CREATE VIEW duckdb.sync_status AS
    SELECT database, version, looked_at, synced_at, relations, failures, last_error FROM duckdb.sync_state
    WHERE server OPERATOR(pg_catalog.=)
          (SELECT oid FROM pg_catalog.pg_foreign_server WHERE srvname OPERATOR(pg_catalog.=) duckdb.motherduck_server());
GRANT SELECT ON duckdb.sync_status TO PUBLIC;

-- What the view in Postgres selects from that stands for a view of MotherDuck; sql is its query there.
CREATE FUNCTION duckdb.view(
    database pg_catalog.text, schema pg_catalog.text, name pg_catalog.text, sql pg_catalog.text
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

CREATE FUNCTION duckdb.motherduck_versions(OUT database pg_catalog.text, OUT version pg_catalog.text)
    RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'motherduck_versions_wrapper' LANGUAGE C VOLATILE;

-- Wakes the sync worker; again: it compares everything; cascade: what depends on a relation that it
-- has to drop goes with it.
CREATE FUNCTION duckdb.wake_sync_worker(again pg_catalog.bool, cascade pg_catalog.bool) RETURNS void
    AS 'MODULE_PATHNAME', 'wake_sync_worker_wrapper' LANGUAGE C VOLATILE STRICT;
REVOKE ALL ON FUNCTION duckdb.wake_sync_worker(pg_catalog.bool, pg_catalog.bool) FROM PUBLIC;

-- Returns when the sync worker has looked at each database that the account has now (or has seen the
-- version that it has now), with what came of it in duckdb.sync_status.
CREATE PROCEDURE duckdb.wait_for_sync(anew pg_catalog.bool, called pg_catalog.timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    wanted pg_catalog.jsonb;
BEGIN
    IF pg_catalog.current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'cannot wait for the sync worker in a transaction of isolation level %',
            pg_catalog.current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state',
                  HINT = 'Use READ COMMITTED: the transaction would never see what the worker does.';
    END IF;
    SELECT pg_catalog.jsonb_object_agg(v.database, v.version) INTO wanted FROM duckdb.motherduck_versions() v;
    WHILE EXISTS (
        SELECT FROM pg_catalog.jsonb_each_text(wanted) w
        LEFT JOIN duckdb.sync_status s ON s.database OPERATOR(pg_catalog.=) w.key
        -- One that is dropped meanwhile is not waited for.
        WHERE w.key IN (SELECT v.database FROM duckdb.motherduck_versions() v)
          AND (s.database IS NULL
               OR ((anew OR s.version OPERATOR(pg_catalog.<>) w.value)
                   AND s.looked_at OPERATOR(pg_catalog.<) called))
    ) LOOP
        PERFORM pg_catalog.pg_sleep(0.02);
    END LOOP;
END
$$;

-- Returns when Postgres has what MotherDuck had at the time of the call; without wait at once.
CREATE PROCEDURE duckdb.sync(wait pg_catalog.bool DEFAULT true) LANGUAGE plpgsql AS $$
DECLARE
    called pg_catalog.timestamptz := pg_catalog.clock_timestamp();
BEGIN
    PERFORM duckdb.wake_now();
    IF wait THEN
        CALL duckdb.wait_for_sync(false, called);
    END IF;
END
$$;

-- For everybody, unlike the function that it calls.
CREATE FUNCTION duckdb.wake_now() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog AS 'SELECT duckdb.wake_sync_worker(false, false)';

-- Compares everything again; drop_with_cascade: what depends on a relation that has to go goes with it,
-- whoever owns that. Hence for superusers.
CREATE PROCEDURE duckdb.force_motherduck_sync(drop_with_cascade pg_catalog.bool DEFAULT false)
    LANGUAGE plpgsql AS $$
DECLARE
    -- Before the request: the worker may be done with it before the next line.
    called pg_catalog.timestamptz := pg_catalog.clock_timestamp();
BEGIN
    PERFORM duckdb.wake_sync_worker(true, drop_with_cascade);
    CALL duckdb.wait_for_sync(true, called);
END
$$;
REVOKE ALL ON PROCEDURE duckdb.force_motherduck_sync(pg_catalog.bool) FROM PUBLIC;

----------------------------------------------------------------------------------------------
-- the engine
----------------------------------------------------------------------------------------------

CREATE FUNCTION duckdb.engine_status(
    OUT pid pg_catalog.int4,
    OUT started_at pg_catalog.timestamptz,
    OUT restarts pg_catalog.int8,
    OUT sessions pg_catalog.int4,
    OUT running_queries pg_catalog.int4,
    OUT memory_bytes pg_catalog.int8,
    OUT memory_limit_bytes pg_catalog.int8,
    OUT temp_bytes pg_catalog.int8,
    OUT duckdb_version pg_catalog.text,
    OUT last_error pg_catalog.text
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'engine_status_wrapper' LANGUAGE C VOLATILE;

-- What Postgres' size functions mean for duckdb tables: the planner puts these in their place.
CREATE FUNCTION duckdb.relation_size(relation pg_catalog.regclass, fork pg_catalog.text)
    RETURNS pg_catalog.int8 AS 'MODULE_PATHNAME', 'relation_size_wrapper' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION duckdb.main_fork_size(relation pg_catalog.regclass)
    RETURNS pg_catalog.int8 AS 'MODULE_PATHNAME', 'main_fork_size_wrapper' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION duckdb.table_size(relation pg_catalog.regclass)
    RETURNS pg_catalog.int8 AS 'MODULE_PATHNAME', 'table_size_wrapper' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION duckdb.total_relation_size(relation pg_catalog.regclass)
    RETURNS pg_catalog.int8 AS 'MODULE_PATHNAME', 'total_relation_size_wrapper' LANGUAGE C VOLATILE STRICT;

CREATE FUNCTION duckdb.backup(path pg_catalog.text) RETURNS pg_catalog.void
    AS 'MODULE_PATHNAME', 'backup_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION duckdb.backup(pg_catalog.text)
    IS 'writes a consistent copy of this database''s local DuckDB store to a file of the server';
REVOKE ALL ON FUNCTION duckdb.backup(pg_catalog.text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION duckdb.backup(pg_catalog.text) TO pg_write_server_files;

-- Shows what others run, hence only for those who may see that in pg_stat_activity too.
CREATE FUNCTION duckdb.engine_sessions(
    OUT backend_pid pg_catalog.int4,
    OUT database pg_catalog.text,
    OUT role pg_catalog.text,
    OUT state pg_catalog.text,
    OUT query pg_catalog.text,
    OUT started_at pg_catalog.timestamptz,
    OUT rows_sent pg_catalog.int8,
    OUT progress pg_catalog.float8
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'engine_sessions_wrapper' LANGUAGE C VOLATILE;
REVOKE ALL ON FUNCTION duckdb.engine_sessions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION duckdb.engine_sessions() TO pg_monitor;

----------------------------------------------------------------------------------------------
-- types
----------------------------------------------------------------------------------------------

-- A row of a file, whose columns are known only to DuckDB: r['column'].
CREATE TYPE duckdb.row;
CREATE FUNCTION duckdb.row_in(cstring) RETURNS duckdb.row
    AS 'MODULE_PATHNAME', 'duckdb_no_input' LANGUAGE C STABLE STRICT;
CREATE FUNCTION duckdb.row_out(duckdb.row) RETURNS cstring
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE STRICT;
CREATE FUNCTION duckdb.row_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'duckdb_row_subscript' LANGUAGE C IMMUTABLE STRICT;
CREATE TYPE duckdb.row (
    INTERNALLENGTH = VARIABLE,
    INPUT = duckdb.row_in,
    OUTPUT = duckdb.row_out,
    SUBSCRIPT = duckdb.row_subscript
);

-- A value whose type only DuckDB knows. Postgres sees text; literals pass through as text.
CREATE TYPE duckdb.unresolved_type;
CREATE FUNCTION duckdb.unresolved_type_in(cstring) RETURNS duckdb.unresolved_type
    AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION duckdb.unresolved_type_out(duckdb.unresolved_type) RETURNS cstring
    AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION duckdb.unresolved_type_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'duckdb_unresolved_type_subscript' LANGUAGE C IMMUTABLE STRICT;
CREATE TYPE duckdb.unresolved_type (
    INTERNALLENGTH = VARIABLE,
    INPUT = duckdb.unresolved_type_in,
    OUTPUT = duckdb.unresolved_type_out,
    SUBSCRIPT = duckdb.unresolved_type_subscript
);

-- A DuckDB STRUCT, MAP and UNION in their text form: results only.
CREATE TYPE duckdb.struct;
CREATE FUNCTION duckdb.struct_in(cstring) RETURNS duckdb.struct
    AS 'MODULE_PATHNAME', 'duckdb_no_input' LANGUAGE C STABLE STRICT;
CREATE FUNCTION duckdb.struct_out(duckdb.struct) RETURNS cstring
    AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION duckdb.struct_send(duckdb.struct) RETURNS bytea
    AS 'textsend' LANGUAGE internal STABLE STRICT;
CREATE FUNCTION duckdb.struct_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'duckdb_struct_subscript' LANGUAGE C IMMUTABLE STRICT;
CREATE TYPE duckdb.struct (
    INTERNALLENGTH = VARIABLE,
    INPUT = duckdb.struct_in,
    OUTPUT = duckdb.struct_out,
    SEND = duckdb.struct_send,
    SUBSCRIPT = duckdb.struct_subscript
);

CREATE TYPE duckdb.map;
CREATE FUNCTION duckdb.map_in(cstring) RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_no_input' LANGUAGE C STABLE STRICT;
CREATE FUNCTION duckdb.map_out(duckdb.map) RETURNS cstring
    AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION duckdb.map_send(duckdb.map) RETURNS bytea
    AS 'textsend' LANGUAGE internal STABLE STRICT;
CREATE FUNCTION duckdb.map_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'duckdb_map_subscript' LANGUAGE C IMMUTABLE STRICT;
CREATE TYPE duckdb.map (
    INTERNALLENGTH = VARIABLE,
    INPUT = duckdb.map_in,
    OUTPUT = duckdb.map_out,
    SEND = duckdb.map_send,
    SUBSCRIPT = duckdb.map_subscript
);

CREATE TYPE duckdb.union;
CREATE FUNCTION duckdb.union_in(cstring) RETURNS duckdb.union
    AS 'MODULE_PATHNAME', 'duckdb_no_input' LANGUAGE C STABLE STRICT;
CREATE FUNCTION duckdb.union_out(duckdb.union) RETURNS cstring
    AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION duckdb.union_send(duckdb.union) RETURNS bytea
    AS 'textsend' LANGUAGE internal STABLE STRICT;
CREATE TYPE duckdb.union (
    INTERNALLENGTH = VARIABLE,
    INPUT = duckdb.union_in,
    OUTPUT = duckdb.union_out,
    SEND = duckdb.union_send
);

-- What a JSON function takes: json, jsonb or a value of a file.
CREATE TYPE duckdb.json;
CREATE FUNCTION duckdb.json_in(cstring) RETURNS duckdb.json
    AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION duckdb.json_out(duckdb.json) RETURNS cstring
    AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE duckdb.json (
    INTERNALLENGTH = VARIABLE,
    INPUT = duckdb.json_in,
    OUTPUT = duckdb.json_out
);

CREATE DOMAIN pg_catalog.blob AS pg_catalog.bytea;

----------------------------------------------------------------------------------------------
-- casts. AS ASSIGNMENT, so that INSERT takes r['column'] without a cast.
----------------------------------------------------------------------------------------------

CREATE CAST (duckdb.unresolved_type AS boolean) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS boolean[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS char) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS char[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS smallint) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS smallint[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS integer) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS integer[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS bigint) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS bigint[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS varchar) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS varchar[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS text) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS text[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS date) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS date[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS timestamp) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS timestamp[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS timestamptz) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS real) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS real[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS double precision) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS double precision[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS numeric) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS numeric[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS uuid) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS uuid[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS json) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS json[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS jsonb) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS jsonb[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS interval) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS interval[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS time) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS time[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS timetz) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS timetz[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS bit) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS bit[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS bytea) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS bytea[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.unresolved_type AS timestamptz[]) WITH INOUT AS ASSIGNMENT;

-- INSERT .. SELECT * from a file: the first column stands for the whole row.
CREATE CAST (duckdb.row AS boolean) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS boolean[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS char) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS char[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS smallint) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS smallint[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS integer) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS integer[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS bigint) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS bigint[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS varchar) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS varchar[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS text) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS text[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS date) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS date[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS timestamp) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS timestamp[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS timestamptz) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS real) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS real[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS double precision) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS double precision[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS numeric) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS numeric[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS uuid) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS uuid[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS json) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS json[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS jsonb) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS jsonb[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS interval) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS interval[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS time) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS time[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS timetz) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS timetz[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS bit) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS bit[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS bytea) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS bytea[]) WITH INOUT AS ASSIGNMENT;
CREATE CAST (duckdb.row AS timestamptz[]) WITH INOUT AS ASSIGNMENT;

CREATE CAST (duckdb.unresolved_type AS duckdb.json) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (json AS duckdb.json) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (jsonb AS duckdb.json) WITH INOUT AS IMPLICIT;

----------------------------------------------------------------------------------------------
-- operators on duckdb.unresolved_type, and the operator classes that let it be grouped,
-- sorted and made distinct. With anyelement, not "any", on the other side: = ANY (array) has
-- to find the array's type.
----------------------------------------------------------------------------------------------

CREATE FUNCTION duckdb.unresolved_type_compare(duckdb.unresolved_type, duckdb.unresolved_type) RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.unresolved_type_compare(duckdb.unresolved_type, anyelement) RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.unresolved_type_compare(anyelement, duckdb.unresolved_type) RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.unresolved_type_compute(duckdb.unresolved_type, duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.unresolved_type_compute(duckdb.unresolved_type, anyelement) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.unresolved_type_compute(anyelement, duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.unresolved_type_compute(duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

CREATE OPERATOR pg_catalog.= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.<> (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.<> (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.<> (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.< (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.< (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.< (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.<= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.<= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.<= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.> (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.> (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.> (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.>= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.>= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.>= (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.+ (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.+ (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.+ (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.+ (FUNCTION = duckdb.unresolved_type_compute, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.- (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.- (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.- (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.- (FUNCTION = duckdb.unresolved_type_compute, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.* (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.* (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.* (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog./ (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog./ (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog./ (FUNCTION = duckdb.unresolved_type_compute, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.!~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.!~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.!~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.~~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.~~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.~~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.~~* (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.~~* (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.~~* (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.!~~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.!~~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.!~~ (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.!~~* (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = duckdb.unresolved_type);
CREATE OPERATOR pg_catalog.!~~* (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = duckdb.unresolved_type, RIGHTARG = anyelement);
CREATE OPERATOR pg_catalog.!~~* (FUNCTION = duckdb.unresolved_type_compare, LEFTARG = anyelement, RIGHTARG = duckdb.unresolved_type);

CREATE FUNCTION duckdb.unresolved_type_order(duckdb.unresolved_type, duckdb.unresolved_type) RETURNS integer
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION duckdb.unresolved_type_hash(duckdb.unresolved_type) RETURNS integer
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C IMMUTABLE STRICT;
CREATE OPERATOR CLASS duckdb.unresolved_type_ops DEFAULT FOR TYPE duckdb.unresolved_type USING btree AS
    OPERATOR 1 pg_catalog.< (duckdb.unresolved_type, duckdb.unresolved_type),
    OPERATOR 2 pg_catalog.<= (duckdb.unresolved_type, duckdb.unresolved_type),
    OPERATOR 3 pg_catalog.= (duckdb.unresolved_type, duckdb.unresolved_type),
    OPERATOR 4 pg_catalog.>= (duckdb.unresolved_type, duckdb.unresolved_type),
    OPERATOR 5 pg_catalog.> (duckdb.unresolved_type, duckdb.unresolved_type),
    FUNCTION 1 duckdb.unresolved_type_order(duckdb.unresolved_type, duckdb.unresolved_type);
CREATE OPERATOR CLASS duckdb.unresolved_type_hash_ops DEFAULT FOR TYPE duckdb.unresolved_type USING hash AS
    OPERATOR 1 pg_catalog.= (duckdb.unresolved_type, duckdb.unresolved_type),
    FUNCTION 1 duckdb.unresolved_type_hash(duckdb.unresolved_type);

-- The same for a whole row, as SELECT DISTINCT * and UNION need it.
CREATE FUNCTION duckdb.row_compare(duckdb.row, duckdb.row) RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE OPERATOR pg_catalog.= (FUNCTION = duckdb.row_compare, LEFTARG = duckdb.row, RIGHTARG = duckdb.row);
CREATE OPERATOR pg_catalog.< (FUNCTION = duckdb.row_compare, LEFTARG = duckdb.row, RIGHTARG = duckdb.row);
CREATE OPERATOR pg_catalog.<= (FUNCTION = duckdb.row_compare, LEFTARG = duckdb.row, RIGHTARG = duckdb.row);
CREATE OPERATOR pg_catalog.> (FUNCTION = duckdb.row_compare, LEFTARG = duckdb.row, RIGHTARG = duckdb.row);
CREATE OPERATOR pg_catalog.>= (FUNCTION = duckdb.row_compare, LEFTARG = duckdb.row, RIGHTARG = duckdb.row);
CREATE FUNCTION duckdb.row_order(duckdb.row, duckdb.row) RETURNS integer
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION duckdb.row_hash(duckdb.row) RETURNS integer
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C IMMUTABLE STRICT;
CREATE OPERATOR CLASS duckdb.row_ops DEFAULT FOR TYPE duckdb.row USING btree AS
    OPERATOR 1 pg_catalog.< (duckdb.row, duckdb.row),
    OPERATOR 2 pg_catalog.<= (duckdb.row, duckdb.row),
    OPERATOR 3 pg_catalog.= (duckdb.row, duckdb.row),
    OPERATOR 4 pg_catalog.>= (duckdb.row, duckdb.row),
    OPERATOR 5 pg_catalog.> (duckdb.row, duckdb.row),
    FUNCTION 1 duckdb.row_order(duckdb.row, duckdb.row);
CREATE OPERATOR CLASS duckdb.row_hash_ops DEFAULT FOR TYPE duckdb.row USING hash AS
    OPERATOR 1 pg_catalog.= (duckdb.row, duckdb.row),
    FUNCTION 1 duckdb.row_hash(duckdb.row);

----------------------------------------------------------------------------------------------
-- files. An argument that is not given is not sent, so DuckDB's own default holds; hence all
-- defaults are null here.
----------------------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.read_parquet(
    path text,
    binary_as_string boolean DEFAULT NULL,
    filename boolean DEFAULT NULL,
    file_row_number boolean DEFAULT NULL,
    hive_partitioning boolean DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF duckdb.row
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.read_parquet(
    path text[],
    binary_as_string boolean DEFAULT NULL,
    filename boolean DEFAULT NULL,
    file_row_number boolean DEFAULT NULL,
    hive_partitioning boolean DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF duckdb.row
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

CREATE FUNCTION @extschema@.read_csv(
    path text,
    all_varchar boolean DEFAULT NULL,
    allow_quoted_nulls boolean DEFAULT NULL,
    auto_detect boolean DEFAULT NULL,
    auto_type_candidates text[] DEFAULT NULL,
    compression varchar DEFAULT NULL,
    dateformat varchar DEFAULT NULL,
    decimal_separator varchar DEFAULT NULL,
    delim varchar DEFAULT NULL,
    escape varchar DEFAULT NULL,
    filename boolean DEFAULT NULL,
    force_not_null text[] DEFAULT NULL,
    header boolean DEFAULT NULL,
    hive_partitioning boolean DEFAULT NULL,
    ignore_errors boolean DEFAULT NULL,
    max_line_size bigint DEFAULT NULL,
    names text[] DEFAULT NULL,
    new_line varchar DEFAULT NULL,
    normalize_names boolean DEFAULT NULL,
    null_padding boolean DEFAULT NULL,
    nullstr text[] DEFAULT NULL,
    parallel boolean DEFAULT NULL,
    quote varchar DEFAULT NULL,
    sample_size bigint DEFAULT NULL,
    sep varchar DEFAULT NULL,
    skip bigint DEFAULT NULL,
    strict_mode boolean DEFAULT NULL,
    timestampformat varchar DEFAULT NULL,
    types text[] DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF duckdb.row
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.read_csv(
    path text[],
    all_varchar boolean DEFAULT NULL,
    allow_quoted_nulls boolean DEFAULT NULL,
    auto_detect boolean DEFAULT NULL,
    auto_type_candidates text[] DEFAULT NULL,
    compression varchar DEFAULT NULL,
    dateformat varchar DEFAULT NULL,
    decimal_separator varchar DEFAULT NULL,
    delim varchar DEFAULT NULL,
    escape varchar DEFAULT NULL,
    filename boolean DEFAULT NULL,
    force_not_null text[] DEFAULT NULL,
    header boolean DEFAULT NULL,
    hive_partitioning boolean DEFAULT NULL,
    ignore_errors boolean DEFAULT NULL,
    max_line_size bigint DEFAULT NULL,
    names text[] DEFAULT NULL,
    new_line varchar DEFAULT NULL,
    normalize_names boolean DEFAULT NULL,
    null_padding boolean DEFAULT NULL,
    nullstr text[] DEFAULT NULL,
    parallel boolean DEFAULT NULL,
    quote varchar DEFAULT NULL,
    sample_size bigint DEFAULT NULL,
    sep varchar DEFAULT NULL,
    skip bigint DEFAULT NULL,
    strict_mode boolean DEFAULT NULL,
    timestampformat varchar DEFAULT NULL,
    types text[] DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF duckdb.row
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

CREATE FUNCTION @extschema@.read_json(
    path text,
    auto_detect boolean DEFAULT NULL,
    compression varchar DEFAULT NULL,
    dateformat varchar DEFAULT NULL,
    format varchar DEFAULT NULL,
    ignore_errors boolean DEFAULT NULL,
    maximum_depth bigint DEFAULT NULL,
    maximum_object_size bigint DEFAULT NULL,
    records varchar DEFAULT NULL,
    sample_size bigint DEFAULT NULL,
    timestampformat varchar DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF duckdb.row
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.read_json(
    path text[],
    auto_detect boolean DEFAULT NULL,
    compression varchar DEFAULT NULL,
    dateformat varchar DEFAULT NULL,
    format varchar DEFAULT NULL,
    ignore_errors boolean DEFAULT NULL,
    maximum_depth bigint DEFAULT NULL,
    maximum_object_size bigint DEFAULT NULL,
    records varchar DEFAULT NULL,
    sample_size bigint DEFAULT NULL,
    timestampformat varchar DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF duckdb.row
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

-- The same with a column definition list: FROM duckdb.read_csv('f.csv') AS r(i bigint, t text).
-- What a view over a file is stored as, so that a dump of it can be restored.
CREATE FUNCTION duckdb.read_parquet(
    path text,
    binary_as_string boolean DEFAULT NULL,
    filename boolean DEFAULT NULL,
    file_row_number boolean DEFAULT NULL,
    hive_partitioning boolean DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.read_parquet(
    path text[],
    binary_as_string boolean DEFAULT NULL,
    filename boolean DEFAULT NULL,
    file_row_number boolean DEFAULT NULL,
    hive_partitioning boolean DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.read_csv(
    path text,
    all_varchar boolean DEFAULT NULL,
    allow_quoted_nulls boolean DEFAULT NULL,
    auto_detect boolean DEFAULT NULL,
    auto_type_candidates text[] DEFAULT NULL,
    compression varchar DEFAULT NULL,
    dateformat varchar DEFAULT NULL,
    decimal_separator varchar DEFAULT NULL,
    delim varchar DEFAULT NULL,
    escape varchar DEFAULT NULL,
    filename boolean DEFAULT NULL,
    force_not_null text[] DEFAULT NULL,
    header boolean DEFAULT NULL,
    hive_partitioning boolean DEFAULT NULL,
    ignore_errors boolean DEFAULT NULL,
    max_line_size bigint DEFAULT NULL,
    names text[] DEFAULT NULL,
    new_line varchar DEFAULT NULL,
    normalize_names boolean DEFAULT NULL,
    null_padding boolean DEFAULT NULL,
    nullstr text[] DEFAULT NULL,
    parallel boolean DEFAULT NULL,
    quote varchar DEFAULT NULL,
    sample_size bigint DEFAULT NULL,
    sep varchar DEFAULT NULL,
    skip bigint DEFAULT NULL,
    strict_mode boolean DEFAULT NULL,
    timestampformat varchar DEFAULT NULL,
    types text[] DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.read_csv(
    path text[],
    all_varchar boolean DEFAULT NULL,
    allow_quoted_nulls boolean DEFAULT NULL,
    auto_detect boolean DEFAULT NULL,
    auto_type_candidates text[] DEFAULT NULL,
    compression varchar DEFAULT NULL,
    dateformat varchar DEFAULT NULL,
    decimal_separator varchar DEFAULT NULL,
    delim varchar DEFAULT NULL,
    escape varchar DEFAULT NULL,
    filename boolean DEFAULT NULL,
    force_not_null text[] DEFAULT NULL,
    header boolean DEFAULT NULL,
    hive_partitioning boolean DEFAULT NULL,
    ignore_errors boolean DEFAULT NULL,
    max_line_size bigint DEFAULT NULL,
    names text[] DEFAULT NULL,
    new_line varchar DEFAULT NULL,
    normalize_names boolean DEFAULT NULL,
    null_padding boolean DEFAULT NULL,
    nullstr text[] DEFAULT NULL,
    parallel boolean DEFAULT NULL,
    quote varchar DEFAULT NULL,
    sample_size bigint DEFAULT NULL,
    sep varchar DEFAULT NULL,
    skip bigint DEFAULT NULL,
    strict_mode boolean DEFAULT NULL,
    timestampformat varchar DEFAULT NULL,
    types text[] DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.read_json(
    path text,
    auto_detect boolean DEFAULT NULL,
    compression varchar DEFAULT NULL,
    dateformat varchar DEFAULT NULL,
    format varchar DEFAULT NULL,
    ignore_errors boolean DEFAULT NULL,
    maximum_depth bigint DEFAULT NULL,
    maximum_object_size bigint DEFAULT NULL,
    records varchar DEFAULT NULL,
    sample_size bigint DEFAULT NULL,
    timestampformat varchar DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.read_json(
    path text[],
    auto_detect boolean DEFAULT NULL,
    compression varchar DEFAULT NULL,
    dateformat varchar DEFAULT NULL,
    format varchar DEFAULT NULL,
    ignore_errors boolean DEFAULT NULL,
    maximum_depth bigint DEFAULT NULL,
    maximum_object_size bigint DEFAULT NULL,
    records varchar DEFAULT NULL,
    sample_size bigint DEFAULT NULL,
    timestampformat varchar DEFAULT NULL,
    union_by_name boolean DEFAULT NULL
) RETURNS SETOF pg_catalog.record
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

----------------------------------------------------------------------------------------------
-- aggregates. The transition functions are never called; one is needed for each state type
-- and number of arguments.
----------------------------------------------------------------------------------------------

CREATE FUNCTION duckdb.aggregate_transition(duckdb.unresolved_type, "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.aggregate_transition(duckdb.unresolved_type, "any", "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.aggregate_transition(duckdb.unresolved_type, "any", "any", "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.aggregate_transition(boolean, "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.aggregate_transition(bigint, "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.aggregate_transition(text, "any") RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.aggregate_transition(text, "any", "any") RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.aggregate_transition(duckdb.map, "any") RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.aggregate_transition(duckdb.map, "any", "any") RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

CREATE AGGREGATE @extschema@.approx_count_distinct(anyelement) (SFUNC = duckdb.aggregate_transition, STYPE = bigint);
CREATE AGGREGATE @extschema@.arbitrary(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.arg_max(duckdb.unresolved_type, "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.arg_max(duckdb.unresolved_type, "any", bigint) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.arg_max_null(duckdb.unresolved_type, "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.arg_min(duckdb.unresolved_type, "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.arg_min(duckdb.unresolved_type, "any", bigint) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.arg_min_null(duckdb.unresolved_type, "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.array_agg(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.avg(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.bit_and(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.bit_or(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.bit_xor(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.bitstring_agg(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.bool_and(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = boolean);
CREATE AGGREGATE @extschema@.bool_or(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = boolean);
CREATE AGGREGATE @extschema@.favg(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.first(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.fsum(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.geomean(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.histogram(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.map);
CREATE AGGREGATE @extschema@.histogram(duckdb.unresolved_type, "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.map);
CREATE AGGREGATE @extschema@.histogram_exact(duckdb.unresolved_type, "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.map);
CREATE AGGREGATE @extschema@.last(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.list(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.max(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.max(duckdb.unresolved_type, bigint) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.max_by(duckdb.unresolved_type, "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.max_by(duckdb.unresolved_type, "any", bigint) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.min(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.min(duckdb.unresolved_type, bigint) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.min_by(duckdb.unresolved_type, "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.min_by(duckdb.unresolved_type, "any", bigint) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.product(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.string_agg(duckdb.unresolved_type, text) (SFUNC = duckdb.aggregate_transition, STYPE = text);
CREATE AGGREGATE @extschema@.sum(duckdb.unresolved_type) (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.json_group_array("any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.json_group_object("any", "any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);
CREATE AGGREGATE @extschema@.json_group_structure("any") (SFUNC = duckdb.aggregate_transition, STYPE = duckdb.unresolved_type);

----------------------------------------------------------------------------------------------
-- JSON. json_array_length(duckdb.json) is left out: it would make Postgres' own function of
-- that name ambiguous for literals.
----------------------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.json_exists(duckdb.json, text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_extract(duckdb.json, text) RETURNS json
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_extract(duckdb.json, bigint) RETURNS json
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_extract(duckdb.json, text[]) RETURNS json[]
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_extract_string(duckdb.json, text) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_extract_string(duckdb.json, bigint) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_extract_string(duckdb.json, text[]) RETURNS text[]
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_value(duckdb.json, text) RETURNS json
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_value(duckdb.json, bigint) RETURNS json
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_value(duckdb.json, text[]) RETURNS json[]
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_array_length(duckdb.json, text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_contains(duckdb.json, duckdb.json) RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_keys(duckdb.json) RETURNS text[]
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_keys(duckdb.json, text) RETURNS text[]
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_structure(duckdb.json) RETURNS json
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_type(duckdb.json) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_type(duckdb.json, text) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_valid(duckdb.json) RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json(duckdb.json) RETURNS json
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_transform(duckdb.json, duckdb.json) RETURNS duckdb.struct
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.from_json(duckdb.json, duckdb.json) RETURNS duckdb.struct
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.json_transform_strict(duckdb.json, duckdb.json) RETURNS duckdb.struct
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.from_json_strict(duckdb.json, duckdb.json) RETURNS duckdb.struct
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

----------------------------------------------------------------------------------------------
-- date and time
----------------------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.strftime(date, text) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.strftime(timestamp, text) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.strftime(timestamptz, text) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.strftime(duckdb.unresolved_type, text) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.strptime(text, text) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.strptime(text, text[]) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.strptime(duckdb.unresolved_type, text) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.strptime(duckdb.unresolved_type, text[]) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch(date) RETURNS double precision
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch(timestamp) RETURNS double precision
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch(timestamptz) RETURNS double precision
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch(time) RETURNS double precision
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch(timetz) RETURNS double precision
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch(interval) RETURNS double precision
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch(duckdb.unresolved_type) RETURNS double precision
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ms(bigint) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ms(date) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ms(timestamp) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ms(timestamptz) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ms(time) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ms(timetz) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ms(interval) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ms(duckdb.unresolved_type) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_us(date) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_us(timestamp) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_us(timestamptz) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_us(time) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_us(timetz) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_us(interval) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_us(duckdb.unresolved_type) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ns(date) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ns(timestamp) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ns(timestamptz) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ns(time) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ns(timetz) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ns(interval) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.epoch_ns(duckdb.unresolved_type) RETURNS bigint
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.make_timestamp(bigint) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.make_timestamp(duckdb.unresolved_type) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.make_timestamptz(bigint) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.make_timestamptz(duckdb.unresolved_type) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.date_trunc(text, duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

CREATE FUNCTION duckdb.time_bucket(interval, date) RETURNS date
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, date, interval) RETURNS date
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, date, date) RETURNS date
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, timestamp) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, timestamp, interval) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, timestamp, timestamp) RETURNS timestamp
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, timestamptz) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, timestamptz, interval) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, timestamptz, timestamptz) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, timestamptz, text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, duckdb.unresolved_type, interval) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, duckdb.unresolved_type, date) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, duckdb.unresolved_type, timestamp) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, duckdb.unresolved_type, timestamptz) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION duckdb.time_bucket(interval, duckdb.unresolved_type, text) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;

-- TimescaleDB brings a time_bucket of its own, which then keeps its place.
DO $$
DECLARE
    form record;
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
               WHERE p.proname = 'time_bucket' AND n.nspname = '@extschema@') THEN
        RAISE WARNING 'schema "@extschema@" has a function time_bucket already'
            USING HINT = 'Use duckdb.time_bucket for the one of DuckDB.';
        RETURN;
    END IF;
    FOR form IN SELECT * FROM (VALUES
            ('interval, date', 'date'),
            ('interval, date, interval', 'date'),
            ('interval, date, date', 'date'),
            ('interval, timestamp', 'timestamp'),
            ('interval, timestamp, interval', 'timestamp'),
            ('interval, timestamp, timestamp', 'timestamp'),
            ('interval, timestamptz', 'timestamptz'),
            ('interval, timestamptz, interval', 'timestamptz'),
            ('interval, timestamptz, timestamptz', 'timestamptz'),
            ('interval, timestamptz, text', 'timestamptz'),
            ('interval, duckdb.unresolved_type', 'duckdb.unresolved_type'),
            ('interval, duckdb.unresolved_type, interval', 'duckdb.unresolved_type'),
            ('interval, duckdb.unresolved_type, date', 'duckdb.unresolved_type'),
            ('interval, duckdb.unresolved_type, timestamp', 'duckdb.unresolved_type'),
            ('interval, duckdb.unresolved_type, timestamptz', 'duckdb.unresolved_type'),
            ('interval, duckdb.unresolved_type, text', 'duckdb.unresolved_type')
        ) AS forms (arguments, result)
    LOOP
        EXECUTE pg_catalog.format(
            'CREATE FUNCTION @extschema@.time_bucket(%s) RETURNS %s AS ''MODULE_PATHNAME'', ''duckdb_only_function'' LANGUAGE C STABLE',
            form.arguments, form.result);
    END LOOP;
END
$$;

----------------------------------------------------------------------------------------------
-- text, unions and maps
----------------------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.length(duckdb.unresolved_type) RETURNS integer
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.regexp_replace(duckdb.unresolved_type, text, text) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.regexp_replace(duckdb.unresolved_type, text, text, text) RETURNS text
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.union_extract(duckdb.union, text) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.union_extract(duckdb.unresolved_type, text) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.union_tag(duckdb.union) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.union_tag(duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_extract(duckdb.map, "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_extract(duckdb.unresolved_type, "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_keys(duckdb.map) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_keys(duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_values(duckdb.map) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_values(duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.cardinality(duckdb.map) RETURNS integer
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.cardinality(duckdb.unresolved_type) RETURNS integer
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.element_at(duckdb.map, "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.element_at(duckdb.unresolved_type, "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_contains(duckdb.map, "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_contains(duckdb.unresolved_type, "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_contains_entry(duckdb.map, "any", "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_contains_entry(duckdb.unresolved_type, "any", "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_contains_value(duckdb.map, "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_contains_value(duckdb.unresolved_type, "any") RETURNS boolean
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_entries(duckdb.map) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_entries(duckdb.unresolved_type) RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_extract_value(duckdb.map, "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_extract_value(duckdb.unresolved_type, "any") RETURNS duckdb.unresolved_type
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_concat(duckdb.map, duckdb.map) RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_concat(duckdb.map, duckdb.unresolved_type) RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_concat(duckdb.unresolved_type, duckdb.map) RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_concat(duckdb.unresolved_type, duckdb.unresolved_type) RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_from_entries(duckdb.struct[]) RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
CREATE FUNCTION @extschema@.map_from_entries(duckdb.unresolved_type) RETURNS duckdb.map
    AS 'MODULE_PATHNAME', 'duckdb_only_function' LANGUAGE C STABLE;
