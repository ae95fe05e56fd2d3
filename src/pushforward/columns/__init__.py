"""Densities of the columns of a table: of each one given any others, whatever its kind."""

from .any_order import AnyOrder as AnyOrder
from .heads._base import AbstractHead as AbstractHead
from .heads.levels import Levels as Levels
from .heads.line import Line as Line
from .heads.turn import Turn as Turn
from .marginals._base import AbstractMarginal as AbstractMarginal
from .marginals._base import Observed as Observed
from .marginals._base import marginal_from_json as marginal_from_json
from .marginals._base import marginal_of as marginal_of
from .marginals.levels import LevelShares as LevelShares
from .marginals.line import NumberRanks as NumberRanks
from .marginals.turn import AngleRanks as AngleRanks
