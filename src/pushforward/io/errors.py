"""The error of a file that cannot be loaded."""


class FileFormatError(ValueError):
    """A file is missing, or is not a whole, unaltered model file of a known version."""
