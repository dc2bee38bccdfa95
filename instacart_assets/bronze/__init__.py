"""Bronze: landed records, unchanged. Every table here is derived from its contract alone."""
