"""Whether the answers of gold hold in worlds whose truth is known."""
