"""How a lake looks after itself: small files written together, what nobody needs removed, logs summed up."""
