"""In charge of the example application: where it is, and bringing it in.

In a checkout it stands in ``examples`` beside ``src``; a wheel brings a copy in this package.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from colonnade.cli.failure import Failure

__all__ = ["bring"]

_HERE = Path(__file__).parent
_PLACES = (_HERE.parents[2] / "examples", _HERE / "examples")


def bring(name: str, *modules: str) -> Any:
    """The modules of an example, as attributes. Raises ``Failure`` for what is not installed."""
    place = next((place for place in _PLACES if (place / name / "app.py").is_file()), None)
    if place is None:
        raise Failure(f"the example {name!r} is not here; run scripts/demo in a checkout")
    for needed in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(needed) is None:
            raise Failure(f'{needed} is not installed: pip install "colonnade[demo]"')
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    return SimpleNamespace(
        **{module: importlib.import_module(f"{name}.{module}") for module in modules}
    )
