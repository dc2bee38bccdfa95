"""Tables in the lake: how they are written, published and read."""
