"""In charge of which questions a bulk write may answer: filtered ones, about whole sets of rows."""

from __future__ import annotations

from colonnade.errors import Unfiltered, UsageError
from colonnade.filters import filters_nothing
from colonnade.spec import Spec

__all__ = ["check_bulk"]


def check_bulk(spec: Spec, verb: str, everything: bool) -> None:
    """Raise ``Unfiltered`` or ``UsageError`` unless ``verb`` may meet the rows of ``spec``.

    A limit, an order, a lock and relations to load would count for nothing, and so are refused.
    """
    shape = spec.shape
    name = shape.model.__name__
    given = {
        "limit() or offset()": spec.is_cut,
        "order_by()": bool(shape.order),
        "load()": bool(shape.load),
        "lock()": shape.lock is not None,
    }
    for method, there in given.items():
        if there:
            raise UsageError(
                f"{verb}() meets every {name} that answers: {method} has no meaning for it",
                hint="to write the first few, read their keys, then ask for those: id__in=keys",
                model=name,
            )
    if not everything and filters_nothing(shape.where, spec.values):
        raise Unfiltered(
            f"{verb}() without a filter would meet every {name}",
            hint=f"add where(...), or say that it is meant: {verb}(…, everything=True)"
            if verb == "update_all"
            else f"add where(...), or say that it is meant: {verb}(everything=True)",
            model=name,
        )
