"""The first data set of the 2017 study: disks that come in columns, drawn on a finer canvas.

It looks like a Boolean model and has its mean, but germs share columns. No law is exact.
"""

from trendbench.families.columns.process import Columns

FAMILY = Columns

__all__ = ["FAMILY", "Columns"]
