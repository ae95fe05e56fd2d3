"""The model of a table with columns of any kind, and the questions that it answers."""
