"""Silver: typed, validated, enriched. One module per table: a pure function named after its contract."""
