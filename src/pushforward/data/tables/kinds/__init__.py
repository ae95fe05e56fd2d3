"""Kinds of columns: what the values of a column mean. `AbstractKind` finds each that is imported here."""

from ._base import AbstractKind as AbstractKind
from ._base import Found as Found
from ._base import Part as Part
from ._base import all_kinds as all_kinds
from ._base import kind_from_json as kind_from_json
from ._base import kind_named as kind_named
from .boolean import Boolean as Boolean
from .bounded import Bounded as Bounded
from .categorical import Categorical as Categorical
from .continuous import Continuous as Continuous
from .date import Date as Date
from .datetime import DateTime as DateTime
from .duration import Duration as Duration
from .integer import Integer as Integer
from .ordinal import Ordinal as Ordinal
from .periodic import Periodic as Periodic
from .positive import Positive as Positive
from .rounded import Rounded as Rounded
from .time import Time as Time
