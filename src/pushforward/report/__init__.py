"""One page on a model of a table, to be read in a browser without a network."""

from .page import page as page
from .write import write_report as write_report
