"""Gold: what the business asks. One module per table: a pure function under the name of its contract."""
