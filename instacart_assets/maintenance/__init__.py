"""How a lake maintains itself: small files are compacted, unneeded files vacuumed, logs checkpointed."""
