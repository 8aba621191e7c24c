from __future__ import annotations

from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from fastapi import FastAPI

from colonnade.cli.ending import CommandFailure
from colonnade.cli.serving import open_listener, serve_app


async def test_an_application_that_does_not_start_is_a_failure() -> None:
    @asynccontextmanager
    async def broken(_: Any) -> Any:
        raise RuntimeError("no")
        yield

    with (
        closing(open_listener(0)) as listener,
        pytest.raises(CommandFailure, match="did not start"),
    ):
        async with serve_app(FastAPI(lifespan=broken), listener):
            raise AssertionError("it served")


def test_a_port_is_held_from_the_moment_it_was_asked_for() -> None:
    with closing(open_listener(0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(CommandFailure, match=f"port {port} cannot be had"):
            open_listener(port)
    open_listener(port).close()
