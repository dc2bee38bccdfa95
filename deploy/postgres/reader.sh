#!/usr/bin/env bash
# Adds the database role of the read-only web server: it can read all of Dagster's history and change none of it.
# PostgreSQL's image runs this once, for a new database; it may be run again by hand.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set reader="$DAGSTER_READER" --set password="$DAGSTER_READER_PASSWORD" --set owner="$POSTGRES_USER" <<'SQL'
SELECT format('CREATE ROLE %I LOGIN', :'reader')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'reader') \gexec
ALTER ROLE :"reader" PASSWORD :'password';
ALTER ROLE :"reader" SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA public TO :"reader";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"reader";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT ON TABLES TO :"reader";
SQL
