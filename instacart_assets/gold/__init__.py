"""Gold: tables that answer business questions. One module per table: a pure function named after its contract."""
