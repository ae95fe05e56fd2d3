"""Maps whose parameters a network reads off other elements."""
