"""Whether rows keep their contract's promises."""
