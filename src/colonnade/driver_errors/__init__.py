"""Translate a driver's error, by its code, into the one error of the tree that it means.

Where the error is about a constraint, its name, fields and model are found too.
"""

from __future__ import annotations

from colonnade.driver_errors.location import Located, locate

__all__ = ["Located", "locate"]
