"""Maps of the whole space onto a support."""
