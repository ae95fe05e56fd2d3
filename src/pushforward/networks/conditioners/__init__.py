"""Networks that give a map its parameters."""
