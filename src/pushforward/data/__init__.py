"""Tables of numbers from files, and back."""

from .files import SUFFIXES as SUFFIXES
from .files import require_writable as require_writable
from .table import Table as Table
from .table import read_table as read_table
from .table import write_table as write_table
