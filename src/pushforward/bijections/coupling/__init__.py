"""Maps whose parameters a network computes from other elements."""
