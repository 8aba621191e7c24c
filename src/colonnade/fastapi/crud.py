"""Build the routes of a model: create, get, page, update and delete."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from fastapi import APIRouter, Query, Request, Response
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import BaseModel

from colonnade.errors import InvalidSchema, InvalidSetting
from colonnade.fastapi import problems
from colonnade.fastapi.dependencies import check_service, provide
from colonnade.fastapi.inputs import build_closed_body, refuse_unknown_parameters
from colonnade.fastapi.keys import UrlKey
from colonnade.mapping import find_nearest, with_article
from colonnade.pagination import Page
from colonnade.query import json_of_written
from colonnade.reading import check_schema
from colonnade.service import ServiceBase

__all__ = ["Operation", "crud_router"]

#: The routes that a router may have, named after the methods of the service.
Operation: TypeAlias = Literal["create", "get", "page", "update", "delete"]
_OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

#: The last page that may be asked for, so that OFFSET stays a number that databases can count.
_LAST_PAGE: Final = 10**12
_SIZE: Final = 50

_JSON: Final = "application/json"
_KNOWN: Final[dict[int | str, str]] = {
    404: "There is no such object",
    409: "What is stored contradicts the request",
    422: "The request cannot be understood; each field is told",
    "5XX": "The server or its database could not answer",
}


def crud_router(
    service: type[ServiceBase[Any, Any, Any]],
    *,
    read: type[BaseModel],
    create: type[BaseModel] | None = None,
    update: type[BaseModel] | None = None,
    prefix: str = "",
    tags: list[str] | str | None = None,
    routes: Iterable[Operation] | None = None,
    size: int | None = None,
    max_size: int | None = None,
    dependencies: Sequence[Depends] | None = None,
) -> APIRouter:
    """Return a router for a service's model whose routes answer with the schema ``read`` only.

    ``POST`` (201 with ``Location``), ``GET`` by key and by page, ``PATCH`` with the fields that
    are set, ``DELETE`` (204). ``create`` and ``update`` are the service's own schemas by default.
    A service that lacks one has no such route unless ``routes`` asks for it, and one that lacks
    both only reads.
    A page has ``size`` items (50) and ``max_size`` at most (the service's ``max_page_size``).
    Parameters and body keys that nobody declared are answered with 422; a dependency that reads a
    query parameter belongs in ``dependencies``.

    Writes call the service's methods. If the model's columns fill ``read``, the answer is made of
    what the write returned; otherwise it is read in the same unit of work. Reads use
    ``service.where`` on a reader.

    Raises ``InvalidSchema`` for a table in place of a schema, ``InvalidSetting`` for an impossible
    size or an unknown route, and ``UsageError`` if ``service`` is no class of services. When the
    app starts, ``InvalidSchema`` is raised if the model cannot fill ``read``.
    """
    check_service(service, "crud_router")
    wanted = _default_operations(service) if routes is None else _check_operations(routes)
    limit = service.max_page_size if max_size is None else max_size
    crud = _CrudRoutes(
        service=service,
        read=_refuse_table(read),
        created=_body_schema(service, create, "create") if "create" in wanted else None,
        changes=_body_schema(service, update, "update") if "update" in wanted else None,
        key=UrlKey.of(service.model),
        size=min(_SIZE, limit) if size is None else size,
        limit=limit,
    )
    crud.check()
    router = APIRouter(
        prefix=prefix,
        tags=_tags_or_default(tags, prefix.strip("/") or service.model.__name__.lower()),
        dependencies=[*(dependencies or ()), Depends(refuse_unknown_parameters)],
        lifespan=crud.lifespan,
        generate_unique_id_function=_operation_id,
    )
    for operation in wanted:
        getattr(crud, f"add_{operation}")(router, wanted)
    return router


@dataclass(frozen=True)
class _CrudRoutes:
    """The service, schemas, key and limits of one router, and the methods that add its routes."""

    service: type[ServiceBase[Any, Any, Any]]
    read: type[BaseModel]
    created: type[BaseModel] | None
    changes: type[BaseModel] | None
    key: UrlKey
    size: int
    limit: int

    @property
    def noun(self) -> str:
        return self.service.model.__name__

    def check(self) -> None:
        """Raise ``InvalidSetting`` if the sizes of pages do not fit each other."""
        if not 1 <= self.size <= self.limit <= self.service.max_page_size:
            raise InvalidSetting(
                f"size={self.size} and max_size={self.limit} do not fit: a page of "
                f"{self.service.__name__} has from 1 to {self.service.max_page_size} items",
                hint="size may not pass max_size, which may not pass the service's max_page_size",
            )

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncGenerator[None]:
        # Not in ``crud_router``: when that is called, a model may not be imported yet.
        check_schema(self.service.model, self.read)
        yield

    def add_create(self, router: APIRouter, wanted: Collection[Operation]) -> None:
        async def create(request: Request, body: Any, service: Any) -> Response:
            created = await service.create(body)
            key = self.key.key_of(created)
            headers = (
                {"Location": self.key.below(request.url.path, key)} if "get" in wanted else None
            )
            answer = await json_of_written(service.into(self.read), created, key)
            return Response(answer, 201, headers, media_type=_JSON)

        assert self.created is not None
        _annotate(create, body=build_closed_body(self.created), service=self._writing)
        told = _problem_responses(409, 422)
        if "get" in wanted:
            told[201] = {"headers": {"Location": _LOCATION}}
        router.add_api_route(
            "",
            create,
            methods=["POST"],
            status_code=201,
            response_model=self.read,
            summary=f"Create {with_article(self.noun)}",
            responses=told,
        )

    def add_get(self, router: APIRouter, _: Collection[Operation]) -> None:
        async def get(key: Any, service: Any) -> Response:
            return Response(await service.into(self.read).json.get(key), media_type=_JSON)

        _annotate(get, key=self._key, service=self._reading)
        router.add_api_route(
            self.key.path,
            get,
            methods=["GET"],
            response_model=self.read,
            summary=f"Get {with_article(self.noun)} by its key",
            responses=_problem_responses(404, 422),
        )

    def add_page(self, router: APIRouter, _: Collection[Operation]) -> None:
        async def page(service: Any, page: int = 1, size: int = self.size) -> Response:
            body = await service.into(self.read).json.page(page, size=size)
            return Response(body, media_type=_JSON)

        number = Query(ge=1, le=_LAST_PAGE, description="The page, counted from 1")
        items = Query(ge=1, le=self.limit, description="Items on a page")
        _annotate(
            page,
            page=Annotated[int, number],
            size=Annotated[int, items],
            service=self._reading,
        )
        router.add_api_route(
            "",
            page,
            methods=["GET"],
            response_model=Page[self.read],  # type: ignore[name-defined] # known at run time
            summary=f"A page of {self.noun}",
            responses=_problem_responses(422),
        )

    def add_update(self, router: APIRouter, _: Collection[Operation]) -> None:
        async def update(key: Any, body: Any, service: Any) -> Response:
            updated = await service.update(key, body)
            answer = await json_of_written(service.into(self.read), updated, key)
            return Response(answer, media_type=_JSON)

        assert self.changes is not None
        _annotate(
            update, key=self._key, body=build_closed_body(self.changes), service=self._writing
        )
        router.add_api_route(
            self.key.path,
            update,
            methods=["PATCH"],
            response_model=self.read,
            summary=f"Change the fields of {with_article(self.noun)} that are sent",
            responses=_problem_responses(404, 409, 422),
        )

    def add_delete(self, router: APIRouter, _: Collection[Operation]) -> None:
        async def delete(key: Any, service: Any) -> Response:
            await service.delete(key)
            return Response(status_code=204)

        _annotate(delete, key=self._key, service=self._writing)
        router.add_api_route(
            self.key.path,
            delete,
            methods=["DELETE"],
            status_code=204,
            summary=f"Delete {with_article(self.noun)}",
            responses=_problem_responses(404, 409, 422),
        )

    @property
    def _key(self) -> Any:
        return Annotated[Any, Depends(self.key.reads)]

    @property
    def _writing(self) -> Any:
        return Annotated[Any, provide(self.service)]

    @property
    def _reading(self) -> Any:
        return Annotated[Any, provide(self.service, read=True)]


_LOCATION: Final = {
    "description": "The path of what was created",
    "schema": {"type": "string", "format": "uri-reference"},
}


def _annotate(endpoint: Callable[..., Any], **annotations: Any) -> None:
    """Set annotations that FastAPI reads: types that are known at run time only."""
    endpoint.__annotations__.update(annotations)


def _problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return ``responses`` for the OpenAPI document: problems with these statuses, and 5XX."""
    content = {problems.MEDIA_TYPE: {"schema": problems.problem_schema()}}
    told: tuple[int | str, ...] = (*statuses, "5XX")
    return {status: {"description": _KNOWN[status], "content": content} for status in told}


def _operation_id(route: APIRoute) -> str:
    """Return an operation id such as ``heroes_get``: the path without its keys, and the verb.

    The path has the prefixes of all routers, so that ids are unique in the app.
    """
    words = re.findall(r"\w+", re.sub(r"{[^}]*}", "", route.path_format))
    return "_".join([*words, route.name])


def _refuse_table(schema: type[BaseModel]) -> type[BaseModel]:
    """Return the schema. Raise ``InvalidSchema`` if it is a table."""
    if hasattr(schema, "__table__"):
        raise InvalidSchema(
            f"{schema.__name__} is a table: as a schema it would let every column in and out",
            hint="write a schema, a class derived from pydantic.BaseModel",
        )
    return schema


def _body_schema(
    service: type[ServiceBase[Any, Any, Any]],
    given: type[BaseModel] | None,
    verb: Literal["create", "update"],
) -> type[BaseModel]:
    """Return the schema of a body. Raise ``UsageError`` if the service has none for this verb.

    The service needs one also where another is given: it validates what it writes by its own.
    """
    own = service.schema_for(verb)
    return _refuse_table(given or own)


def _tags_or_default(given: list[str] | str | None, usual: str) -> list[str | Enum]:
    return [given] if isinstance(given, str) else [*(given or [usual])]


def _default_operations(service: type[ServiceBase[Any, Any, Any]]) -> tuple[Operation, ...]:
    """Return the routes that a service gets by default, by the schemas that it has."""
    has = {verb: hasattr(service, f"{verb}_schema") for verb in ("create", "update")}
    has["delete"] = any(has.values())
    return tuple(name for name in _OPERATIONS if has.get(name, True))


def _check_operations(routes: Iterable[Operation]) -> tuple[Operation, ...]:
    """Return the routes that were asked for, in our order. Raise ``InvalidSetting``."""
    asked = (routes,) if isinstance(routes, str) else tuple(routes)
    for name in asked:
        if name not in _OPERATIONS:
            near = find_nearest(name, _OPERATIONS)
            raise InvalidSetting(
                f"there is no route {name!r}",
                hint=f"did you mean {near!r}?" if near else f"routes: {', '.join(_OPERATIONS)}",
            )
    return tuple(name for name in _OPERATIONS if name in asked)
