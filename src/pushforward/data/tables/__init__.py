"""Tables: named columns, read from files."""
