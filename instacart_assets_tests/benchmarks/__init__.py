"""What is measured against the project does the same work as the project."""
