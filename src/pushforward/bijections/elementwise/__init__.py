"""Maps of each element on its own."""
