"""What a user may set: the URL, the pool and its limits, and what one unit of work asks for."""

from __future__ import annotations

from colonnade.settings.settings import Settings
from colonnade.settings.unit import Unit, UnitOptions

__all__ = ["Settings", "Unit", "UnitOptions"]
