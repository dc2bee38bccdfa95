"""Series of drops: files that land one after another, and tables that follow them."""
