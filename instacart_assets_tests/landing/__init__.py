"""Landed files: what is told of them, refused of them, and read of them."""
