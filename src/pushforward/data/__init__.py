"""Tables and images from files, and back."""

from .pictures.images import Images as Images
from .pictures.pixels import to_pixels as to_pixels
from .pictures.pixels import write_grid as write_grid
from .pictures.read_images import holds_images as holds_images
from .pictures.read_images import read_images as read_images
from .pictures.write_images import write_images as write_images
from .tables import kinds as kinds
from .tables.column import Column as Column
from .tables.files import SUFFIXES as SUFFIXES
from .tables.files import format_of as format_of
from .tables.files import require_writable as require_writable
from .tables.frame import Frame as Frame
from .tables.frame import read_frame as read_frame
from .tables.frame import write_frame as write_frame
from .tables.schema import Cells as Cells
from .tables.schema import Schema as Schema
from .tables.settings import parse_kinds as parse_kinds
from .tables.settings import settings_beside as settings_beside
from .tables.table import Table as Table
from .tables.table import add_column as add_column
from .tables.table import read_table as read_table
from .tables.table import write_table as write_table
