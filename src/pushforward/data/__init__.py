"""Tables of numbers and images from files, and back."""

from .pictures.images import Images as Images
from .pictures.pixels import to_pixels as to_pixels
from .pictures.pixels import write_grid as write_grid
from .pictures.read_images import read_images as read_images
from .tables.files import SUFFIXES as SUFFIXES
from .tables.files import require_writable as require_writable
from .tables.table import Table as Table
from .tables.table import read_table as read_table
from .tables.table import write_table as write_table
