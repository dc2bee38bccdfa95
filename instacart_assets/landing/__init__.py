"""Landed files, before they are tables: found, verified, fingerprinted and read."""
