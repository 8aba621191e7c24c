"""Find the route that serves a request, with all dependencies that it was included with.

FastAPI puts an ``APIRoute`` into the scope, whose ``dependant`` has the route's own dependencies
only. The dependencies of the application, of parent routers, of ``include_router`` and ``Security``
are in the "effective route context" of the inclusion, which is not documented. A route of the
application itself has no such context, and no route had one before FastAPI 0.160; then the route
has all dependencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["served_route"]


def served_route(scope: Mapping[str, Any]) -> Any:
    """Return the object that has the ``dependant`` of a request's route; None outside a route."""
    route = scope.get("route")
    context = scope.get("fastapi", {}).get("effective_route_context")
    if context is not None and getattr(context, "original_route", None) is route:
        return context
    return route
