from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from colonnade.database import Database
from colonnade.engine.admission import Admission, Lease
from colonnade.errors import PoolDeadlock, PoolTimeout


def gate(capacity: int = 1, timeout: float = 5.0, **options: Any) -> Admission:
    return Admission(capacity, timeout, name="connections", **options)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def hold(admission: Admission, until: asyncio.Event) -> None:
    lease = await admission.enter()
    try:
        await until.wait()
    finally:
        lease.release()


async def test_places_are_given_in_the_order_they_were_asked_for() -> None:
    admission, order = gate(2), []

    async def unit(number: int) -> None:
        lease = await admission.enter()
        order.append(number)
        await asyncio.sleep(0)
        lease.release()

    await asyncio.gather(*(unit(number) for number in range(30)))
    assert order == list(range(30))
    assert not admission.leases
    assert admission.waiting == 0


async def test_never_more_units_run_than_there_are_connections(make: Any) -> None:
    db: Database = make(pool_size=2, max_overflow=1)
    most = 0

    async def unit() -> None:
        nonlocal most
        async with db.reader() as session:
            await session.connection()
            most = max(most, db.pool().readers.in_use)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(unit() for _ in range(40)))
    assert most == 3
    assert db.pool().readers.in_use == 0


async def test_a_place_given_back_twice_is_given_once() -> None:
    admission = gate()
    lease = await admission.enter()
    waiters = [asyncio.create_task(admission.enter()) for _ in range(2)]
    await settle()
    lease.release()
    lease.release()
    await settle()
    assert [waiter.done() for waiter in waiters] == [True, False]
    waiters[1].cancel()
    await settle()


async def test_who_waits_too_long_is_told_how_long_the_connections_have_been_out() -> None:
    admission = gate(2, timeout=0.05)
    leases = [await admission.enter() for _ in range(2)]
    waiter = asyncio.create_task(admission.enter())
    with pytest.raises(PoolTimeout) as caught:
        await waiter
    assert re.fullmatch(
        r"no place among 2 connections became free in 0.05 s; "
        r"in use for 0\.\d s, 0\.\d s; 1 waiting",
        caught.value.message,
    )
    assert "debug=True" in str(caught.value.hint)
    assert not isinstance(caught.value, PoolDeadlock)
    assert admission.waiting == 0
    assert admission.longest >= 0.05
    for lease in leases:
        lease.release()
    assert admission.longest == 0.0


async def test_only_in_development_the_place_where_it_was_taken_is_told(make: Any) -> None:
    for debug in (False, True):
        db: Database = make(pool_size=1, max_overflow=0, pool_timeout=0.05, debug=debug)
        async with db.session() as session:
            await session.connection()
            with pytest.raises(PoolTimeout) as caught:
                await asyncio.create_task(used(db))
        assert ("test_admission.py" in caught.value.message) is debug
        assert (
            f"in {test_only_in_development_the_place_where_it_was_taken_is_told.__name__}"
            in caught.value.message
        ) is debug


async def used(db: Database) -> None:
    async with db.session() as session:
        await session.connection()


async def test_a_long_list_of_places_is_cut_short() -> None:
    admission = gate(7, timeout=0.01, debug=True)
    leases = [await admission.enter() for _ in range(7)]
    with pytest.raises(PoolTimeout, match="and 2 more; 1 waiting") as caught:
        await asyncio.create_task(admission.enter())
    assert len(leases) == 7
    assert caught.value.message.count("taken at") == 5


async def test_a_unit_inside_a_unit_on_the_last_connection_is_told_at_once(make: Any) -> None:
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=60)
    async with db.session() as session:
        await session.connection()
        with pytest.raises(PoolDeadlock, match="all 1 connections are held") as caught:
            async with db.session() as inner:
                await inner.connection()
    assert "this task holds one already" in str(caught.value.hint)
    assert db.pool().in_use == 0
    await used(db)


async def test_a_deadlock_tells_in_development_where_the_places_were_taken() -> None:
    admission = gate(debug=True)
    await admission.enter()
    with pytest.raises(PoolDeadlock) as caught:
        await admission.enter()
    assert "test_a_deadlock_tells_in_development" in str(caught.value.hint)


async def test_tasks_that_hold_all_places_and_want_one_more_each_are_told_at_once() -> None:
    admission = gate(2, timeout=60)
    both = asyncio.Barrier(2)

    async def greedy() -> None:
        lease = await admission.enter()
        try:
            await both.wait()
            (await admission.enter()).release()
        finally:
            lease.release()

    outcomes = await asyncio.wait_for(asyncio.gather(greedy(), greedy(), return_exceptions=True), 5)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "PoolDeadlock"]


async def test_a_second_unit_is_let_in_while_another_task_may_still_give_a_place(
    make: Any,
) -> None:
    db: Database = make(pool_size=2, max_overflow=0)
    released = asyncio.Event()
    other = asyncio.create_task(hold(db._current_pools().primary.gate, released))
    async with db.session(read_only=True) as session:
        await session.connection()
        asyncio.get_running_loop().call_later(0.02, released.set)
        async with db.session(read_only=True) as inner:
            await inner.connection()
            assert db.pool().in_use == 2
    await other


async def test_a_session_and_a_reader_taken_in_opposite_order_are_told_at_once(make: Any) -> None:
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=60)
    both = asyncio.Barrier(2)

    async def write_then_read() -> None:
        async with db.session() as session:
            await session.connection()
            await both.wait()
            async with db.reader() as reader:
                await reader.connection()

    async def read_then_write() -> None:
        async with db.reader() as reader:
            await reader.connection()
            await both.wait()
            await used(db)

    outcomes = await asyncio.wait_for(
        asyncio.gather(write_then_read(), read_then_write(), return_exceptions=True), 5
    )
    assert [type(outcome) for outcome in outcomes].count(PoolDeadlock) == 1
    assert outcomes.count(None) == 1


async def test_a_holder_that_was_promised_its_second_place_is_no_part_of_a_circle() -> None:
    first, second, third = gate(), gate(), gate()
    lease = await second.enter()
    begin, held = asyncio.Event(), asyncio.Event()

    async def holder() -> None:
        outer = await first.enter()
        (await second.enter()).release()
        outer.release()

    async def newcomer() -> None:
        outer = await third.enter()
        held.set()
        await begin.wait()
        (await first.enter()).release()
        outer.release()

    tasks = [asyncio.create_task(asyncio.wait_for(unit(), 2)) for unit in (holder, newcomer)]
    await held.wait()
    await settle()
    # The newcomer runs after the promise and before the holder takes what it was promised.
    begin.set()
    lease.release()
    await asyncio.gather(*tasks)
    assert [len(admission.leases) for admission in (first, second, third)] == [0, 0, 0]


async def test_a_child_task_is_told_that_its_parent_holds_a_connection(make: Any) -> None:
    db: Database = make(pool_size=1, max_overflow=0, pool_timeout=0.05)
    async with db.session() as session:
        await session.connection()
        with pytest.raises(PoolTimeout) as caught:
            await asyncio.create_task(used(db))
    assert "this task holds one already" in str(caught.value.hint)


async def test_a_unit_that_is_over_is_not_held_against_the_task() -> None:
    admission = gate(timeout=0.01)
    (await admission.enter()).release()
    other = asyncio.Event()
    holder = asyncio.create_task(hold(admission, other))
    await settle()
    with pytest.raises(PoolTimeout) as caught:
        await admission.enter()
    assert "holds one already" not in str(caught.value.hint)
    other.set()
    await holder


async def test_two_services_of_one_task_share_one_session_and_one_place(make: Any) -> None:
    db: Database = make(pool_size=1, max_overflow=0)
    async with db.session() as session:
        for service in (session.scalar, session.execute):
            await service(text("SELECT 1"))
        assert db.pool().in_use == 1


@pytest.mark.parametrize("moment", ["waiting", "served"])
async def test_a_waiter_that_is_cancelled_hands_its_turn_on(moment: str) -> None:
    admission = gate()
    lease = await admission.enter()
    waiters = [asyncio.create_task(admission.enter()) for _ in range(2)]
    await settle()
    if moment == "waiting":
        waiters[0].cancel()
        lease.release()
    else:
        lease.release()
        waiters[0].cancel()
    await settle()
    assert waiters[0].cancelled()
    assert waiters[1].done()
    assert admission.leases == {waiters[1].result()}


async def test_a_cancelled_waiter_without_a_follower_leaves_the_place_free() -> None:
    admission = gate()
    lease = await admission.enter()
    waiter = asyncio.create_task(admission.enter())
    await settle()
    lease.release()
    waiter.cancel()
    await settle()
    assert not admission.leases
    await asyncio.wait_for(admission.enter(), 1)


async def test_a_place_that_comes_at_the_last_moment_is_taken() -> None:
    admission = gate(timeout=0.05)
    lease = await admission.enter()
    waiter = asyncio.create_task(admission.enter())
    await settle()
    # The place and then the end of the wait fall due in the same turn of the loop.
    loop = asyncio.get_running_loop()
    loop.call_later(0.03, time.sleep, 0.05)
    loop.call_later(0.04, lease.release)
    assert isinstance(await waiter, Lease)
    assert admission.leases == {waiter.result()}


async def test_a_newcomer_is_not_left_waiting_beside_a_free_place() -> None:
    admission = gate(2)
    leases = [await admission.enter() for _ in range(2)]
    first = asyncio.create_task(admission.enter())
    await settle()
    newcomer = asyncio.create_task(admission.enter())
    # Two places become free before the first in line and the newcomer run again.
    for lease in leases:
        lease.release()
    await settle()
    assert first.done()
    assert newcomer.done()


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["enter", "release", "cancel", "turn"]), st.integers(0, 7)),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 3), ACTIONS)
def test_in_any_schedule_no_place_is_lost_or_given_twice(
    capacity: int, actions: list[tuple[str, int]]
) -> None:
    asyncio.run(schedule(capacity, actions))


async def schedule(capacity: int, actions: list[tuple[str, int]]) -> None:
    admission = gate(capacity)
    tasks: list[asyncio.Task[None]] = []
    ends: list[asyncio.Event] = []
    began: list[int] = []

    async def unit(number: int) -> None:
        in_line = not admission._free or admission.waiting
        lease = await admission.enter()
        if in_line:
            began.append(number)
        assert len(admission.leases) <= capacity
        try:
            await ends[number].wait()
        finally:
            lease.release()

    for action, number in actions:
        if action == "enter":
            ends.append(asyncio.Event())
            tasks.append(asyncio.create_task(unit(len(tasks))))
        elif action == "turn":
            await asyncio.sleep(0)
        elif tasks and action == "release":
            ends[number % len(tasks)].set()
        elif tasks:
            tasks[number % len(tasks)].cancel()
        assert len(admission.leases) <= capacity
    await settle()
    assert admission.waiting == 0 or len(admission.leases) == capacity
    for end in ends:
        end.set()
    # Counted in turns of the loop: seconds would also measure what else the machine does.
    for _ in range(len(tasks) + 1):
        await settle()
    assert all(task.done() for task in tasks)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not admission.leases
    assert admission.waiting == 0
    assert began == sorted(began)
