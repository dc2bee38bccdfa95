"""What makes the graph run itself."""
