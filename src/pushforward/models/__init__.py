"""Models of named data: a flow, the names and roles of its variables, and the record of its fit.

The modules of fitting are imported when a model is fitted: sampling and description start half a second faster so.
"""

from ._base import AbstractModel as AbstractModel
from ._base import Evaluation as Evaluation
from .halving.candidates import Candidate as Candidate
from .halving.candidates import candidates_for as candidates_for
from .halving.trial import Trial as Trial
from .halving.trial import table_of as table_of
from .held_out import held_out_rows as held_out_rows
from .images import ImageModel as ImageModel
from .kinds import kind_of as kind_of
from .kinds import load as load
from .record import Architecture as Architecture
from .record import Record as Record
from .record import RowCounts as RowCounts
from .record import Score as Score
from .record import name_epoch as name_epoch
from .tables.asking import parse_given as parse_given
from .tables.describing import describe_columns as describe_columns
from .tables.model import TableModel as TableModel
from .tables.reporting import Report as Report
from .tables.reporting import draws as draws
from .tables.reporting import report as report
from .tables.reporting_calibration import Ranks as Ranks
from .tables.reporting_views import PairView as PairView
from .tables.reporting_views import pair_view as pair_view
from .tables.viewing import Axis as Axis
from .tables.writing import anomaly_to as anomaly_to
from .tables.writing import impute_to as impute_to
from .tables.writing import predict_to as predict_to
from .vectors import VectorModel as VectorModel
