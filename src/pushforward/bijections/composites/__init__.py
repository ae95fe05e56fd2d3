"""Maps made of other maps."""
