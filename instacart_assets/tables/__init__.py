"""How a contract and a pure function become a table: declared, built, and exposed to Dagster as an asset."""
