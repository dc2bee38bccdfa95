"""What breaks on purpose: bytes of landed files, and processes in the middle of their work."""
