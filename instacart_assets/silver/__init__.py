"""Silver: typed, validated, enriched. One module per table: a pure function under the name of its contract."""
