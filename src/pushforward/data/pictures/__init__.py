"""Images: pixels and labels, read from files."""
