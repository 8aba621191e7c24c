"""Translate errors of the database drivers into the library's own errors, by their codes.

``translate`` has ``translate_error``. ``codes`` are its tables of codes; ``violations`` reads the
violated constraint from a driver's error, ``location`` finds the model and the fields of it, and
``refused`` finds the columns of values that the driver or the database refused.
"""

from __future__ import annotations

from colonnade.driver_errors.location import Location, find_location

__all__ = ["Location", "find_location"]
