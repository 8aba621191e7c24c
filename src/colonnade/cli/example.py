"""Find an example application and import it.

In a checkout the examples are in the folder ``examples`` beside ``src``. A wheel has a copy of them
in this package.
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
    """Import modules of an example and return them as attributes of one object.

    Raise ``Failure`` if the example is not there, or what it needs is not installed.
    """
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
