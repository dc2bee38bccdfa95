"""Bronze: what landed, untouched. Every table here follows from its contract alone."""
