"""Data contracts: one Open Data Contract Standard file per table, by layer, and their typed loader."""
