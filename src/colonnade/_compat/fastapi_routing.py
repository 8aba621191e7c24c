"""Find the route that serves a request, with the dependencies it was included with.

FastAPI puts an ``APIRoute`` into the scope, and its ``dependant`` has the route's own dependencies
only. What the application, parent routers, ``include_router`` and ``Security`` add stands in the
effective route context of an inclusion, which is documented nowhere. Where there is none, as for a
route of the application itself and before FastAPI 0.160, the route is all there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["served_route"]


def served_route(scope: Mapping[str, Any]) -> Any:
    """Return what serves the request: an object with ``dependant``, or None outside a route."""
    route = scope.get("route")
    context = scope.get("fastapi", {}).get("effective_route_context")
    if context is not None and getattr(context, "original_route", None) is route:
        return context
    return route
