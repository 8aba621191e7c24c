from __future__ import annotations

from dataclasses import replace

import pytest

from peers.targets import TARGETS, Verdict, verdicts
from peers.workloads import WORKLOADS, compare_durations

ROWS = "asyncpg, rows"
INTO = "Colonnade, into(Schema)"
JSON = "Colonnade, .json"
ORM = "SQLAlchemy ORM + Pydantic"
ADVANCED = "advanced-alchemy"


def test_a_ratio_compares_the_turns_of_one_round() -> None:
    slowed_down_for_a_while = {INTO: [2.0, 20.0, 22.0], ROWS: [1.0, 10.0, 11.0]}
    assert compare_durations("get", slowed_down_for_a_while, INTO, ROWS) == 2


def test_of_rates_the_lower_one_took_longer() -> None:
    assert compare_durations("http_flat", {INTO: [500.0], ROWS: [1000.0]}, INTO, ROWS) == 2


def test_every_target_is_one_of_a_workload_that_exists() -> None:
    assert {target.workload for target in TARGETS} <= WORKLOADS.keys()


def test_a_target_against_the_driver_is_met_up_to_its_bound() -> None:
    def said(milliseconds: float) -> str:
        (verdict,) = verdicts({"postgresql": {"create": {ROWS: [1.0], INTO: [milliseconds]}}})
        return verdict.said

    assert said(2.0) == "met"
    assert said(2.01) == "NOT MET"


def test_of_several_contestants_the_hardest_to_beat_counts() -> None:
    found = {JSON: [1.0], ORM: [9.0], ADVANCED: [3.0]}
    (verdict,) = (
        one for one in verdicts({"postgresql": {"flat": found}}) if one.target.ours == JSON
    )
    assert verdict.theirs == ADVANCED
    assert verdict.ratio == 3
    assert verdict.said == "NOT MET"


def test_a_target_without_measures_has_no_verdict() -> None:
    assert list(verdicts({"postgresql": {"create": {ROWS: [1.0]}}, "mariadb": {}})) == []


@pytest.mark.parametrize(
    ("ratio", "said"), [(3.4, "NOT MET"), (3.5, "met, the aim of 4 not"), (4, "met")]
)
def test_an_aim_goes_beyond_what_has_to_be_reached(ratio: float, said: str) -> None:
    (target,) = (one for one in TARGETS if one.aim is not None)
    assert Verdict(replace(target, bound=3.5, aim=4), ORM, ratio).said == said
