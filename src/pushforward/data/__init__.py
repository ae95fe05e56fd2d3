"""Tables of numbers and images from files, and back."""

from .files import SUFFIXES as SUFFIXES
from .files import require_writable as require_writable
from .images import Images as Images
from .pixels import to_pixels as to_pixels
from .pixels import write_grid as write_grid
from .read_images import read_images as read_images
from .table import Table as Table
from .table import read_table as read_table
from .table import write_table as write_table
