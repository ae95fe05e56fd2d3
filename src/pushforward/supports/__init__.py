"""The sets of possible events."""

from ._base import AbstractSimpleSupport as AbstractSimpleSupport
from ._base import AbstractSupport as AbstractSupport
from .categories import Categories as Categories
from .circle import Circle as Circle
from .correlation_cholesky import CorrelationCholesky as CorrelationCholesky
from .integer_range import IntegerRange as IntegerRange
from .interval import Interval as Interval
from .ordered import Ordered as Ordered
from .positive import Positive as Positive
from .product import Product as Product
from .real import Real as Real
from .simplex import Simplex as Simplex
from .sphere import Sphere as Sphere
from .union import Union as Union
