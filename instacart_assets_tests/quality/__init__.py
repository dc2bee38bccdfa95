"""Whether rows keep their contract."""
