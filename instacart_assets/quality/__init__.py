"""Checks that rows meet their contract."""
