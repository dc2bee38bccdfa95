"""How a contract and a pure function become a table: declared, built, and shown to Dagster as an asset."""
