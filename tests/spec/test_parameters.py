"""The names of bind parameters: each kind of value has its own, and none meets another's."""

from __future__ import annotations

from itertools import islice

from colonnade.spec import parameter_names, parameters


def test_no_two_values_of_a_statement_have_one_name() -> None:
    prefixes = (
        parameters.CONDITION_VALUE,
        parameters.ROW_CONDITION_VALUE,
        parameters.AGGREGATE_VALUE,
    )
    found = [name for prefix in prefixes for name in islice(parameter_names(prefix), 40)]
    # A pair has two.
    found += [f"{name}_{end}" for name in found for end in ("low", "high")]
    found += [parameters.LIMIT, parameters.OFFSET, parameters.ASKED_KEYS]
    found += [parameters.name_position(number) for number in range(40)]
    found += [parameters.name_key_column(place) for place in range(40)]
    found += [
        parameters.name_key_value(number, place) for number in range(128) for place in range(8)
    ]
    found += [
        parameters.name_in_collection(number, name)
        for number in range(30)
        for name in (parameters.LIMIT, *islice(parameter_names(parameters.CONDITION_VALUE), 40))
    ]
    assert len(set(found)) == len(found)
