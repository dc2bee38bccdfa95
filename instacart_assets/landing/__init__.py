"""Landed files before they become tables: finding, verifying, fingerprinting and reading them."""
