"""Canaries for what ``colonnade._compat.sqlalchemy_transactions`` hooks into."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import create_engine, event, text

from colonnade._compat.sqlalchemy_transactions import reset_begin


@pytest.mark.parametrize("reset", [True, False])
def test_a_connection_whose_begin_failed_begins_again_only_if_it_is_reset(reset: bool) -> None:
    engine = create_engine("sqlite://")
    begun: list[str] = []

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        begun.append("began")
        if len(begun) == 1:
            if reset:
                reset_begin(connection)
            raise ValueError("busy")

    with engine.connect() as connection:
        with pytest.raises(ValueError, match="busy"):
            connection.execute(text("SELECT 1"))
        connection.rollback()
        connection.execute(text("SELECT 1"))
    engine.dispose()
    # When this fails for False, SQLAlchemy has mended it, and the hook can go.
    assert len(begun) == (2 if reset else 1)
