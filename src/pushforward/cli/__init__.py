"""The command `pushforward`: from a table to a density, without writing Python.

Nothing heavy is imported before a command runs.
"""

from .app import app as app
from .app import main as main
