"""Models of named data: a flow, what its variables are called and mean, and the record of its fit.

Fitting is imported when something is fitted: to draw from a model or to describe it takes half a second less without.
"""

from ._base import AbstractModel as AbstractModel
from ._base import Evaluation as Evaluation
from .held_out import held_out_rows as held_out_rows
from .images import ImageModel as ImageModel
from .kinds import kind_of as kind_of
from .kinds import load as load
from .record import Architecture as Architecture
from .record import Record as Record
from .record import RowCounts as RowCounts
from .record import Score as Score
from .record import name_epoch as name_epoch
from .table import TableModel as TableModel
