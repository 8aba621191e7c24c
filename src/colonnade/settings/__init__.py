"""Check the settings of a database (``settings``), its URL (``url``) and a unit's (``unit``)."""

from __future__ import annotations

from colonnade.settings.settings import Settings
from colonnade.settings.unit import Unit, UnitOptions

__all__ = ["Settings", "Unit", "UnitOptions"]
