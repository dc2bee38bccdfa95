"""Contracts: what is read of their files, and which files are refused."""
