"""Bronze tables."""
