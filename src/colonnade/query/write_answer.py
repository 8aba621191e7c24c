"""Return from a write the objects written, or a schema filled from them (``create(into=…)``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel

from colonnade import reading
from colonnade.errors import UsageError
from colonnade.query.projection import Projection
from colonnade.schemas import Plan, plan_of
from colonnade.session import Session

__all__ = ["WriteAnswer", "json_of_written"]


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """How written objects are returned: as they are, or as objects of the schema in ``plan``.

    It is made before anything is written, so that a schema or value that does not fit stops the
    write.
    """

    session: Session
    plan: Plan | None
    given: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        session: Session,
        model: type[Any],
        into: type[BaseModel] | None,
        given: Mapping[str, Any] | None,
    ) -> Self:
        """Return the answer in the schema ``into``, with the values that it awaits.

        Raises ``InvalidSchema``, or what ``Projection.given`` and its verbs raise for the values.
        """
        if into is None:
            if given:
                raise UsageError(
                    "given= is for the schema of into=, and there is none", hint="name it too"
                )
            return cls(session, None, {})
        plan = plan_of(model, into)
        terms = reading.terms_of(plan)
        reading.check_given_values(plan, terms, given or {})
        return cls(
            session, plan, reading.find_given_values(plan, terms, given or {}, session.scope)
        )

    async def told(self, items: Sequence[Any]) -> list[Any]:
        """Return the objects, or the schema's objects filled from them.

        Statements run only for what the objects themselves do not have, such as relations.
        """
        if self.plan is None:
            return list(items)
        return await reading.fill_from_entities(self.session, self.plan, items, self.given)


async def json_of_written(projection: Projection[Any], item: object, key: Any) -> bytes:
    """Return the JSON of an object that the session has just written.

    No statement if the columns that it holds fill the schema; else what ``json.get`` of its key
    takes. So the answer takes no more statements than a read, whatever the schema has.
    """
    written = reading.json_of_entity(projection._plan, item)
    return await projection.json.get(key) if written is None else written
