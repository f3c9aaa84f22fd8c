"""Other tools' exports: what a file says of whom, and what of it comes on the list."""
