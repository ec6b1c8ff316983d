from dataclasses import dataclass
from uuid import UUID

import pytest

from vitascope.foundation.context import PLATFORM, Context, TenantId
from vitascope.foundation.testing.workflows import Died, InlineRun
from vitascope.foundation.workflows.results import UndeclaredResult


@dataclass(frozen=True)
class Probe:
    width: int
    tenant: TenantId


CTX = Context(tenant=TenantId.of(UUID(int=7)))


async def _probe(width: int) -> Probe:
    return Probe(width, CTX.tenant)


async def _double(number: int) -> int:
    return 2 * number


class TestStep:
    async def test_result_goes_through_json_and_keeps_its_type(self) -> None:
        """A step's result comes back equal, in the type that its function declares."""
        run = InlineRun(ctx=CTX)

        found = await run.step("probe", _probe, 1920)

        assert found == Probe(1920, CTX.tenant)
        assert isinstance(found.tenant, TenantId)

    async def test_resumed_run_repeats_only_the_interrupted_step(self) -> None:
        """After a death in the second of two steps, the resumed run runs that one alone."""
        first = InlineRun(ctx=CTX, dies_in="second")
        await first.step("first", _double, 1)
        with pytest.raises(Died):
            await first.step("second", _double, 2)

        resumed = first.again()
        results = [await resumed.step("first", _double, 100), await resumed.step("second", _double, 2)]

        assert results == [2, 4]
        assert resumed.ran == ["second"]

    async def test_another_order_of_steps_is_refused(self) -> None:
        """A resumed run whose steps come in another order is a mistake that the test sees."""
        first = InlineRun(ctx=CTX)
        await first.step("first", _double, 1)

        with pytest.raises(AssertionError, match="not deterministic"):
            await first.again().step("other", _double, 1)

    async def test_function_without_return_type_is_refused(self) -> None:
        """A step whose function declares no return type could not be read back, and is refused."""

        async def careless(number):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - what is tested
            return number

        with pytest.raises(UndeclaredResult, match="careless"):
            await InlineRun(ctx=CTX).step("careless", careless, 1)


class TestRun:
    async def test_acts_as_the_platform(self) -> None:
        """Durable work acts as the platform for the tenant that asked."""
        run = InlineRun(ctx=CTX)

        assert run.ctx == Context(tenant=CTX.tenant, principal=PLATFORM)

    async def test_cancellation_is_seen(self) -> None:
        """A long step that asks sees that somebody cancelled."""
        run = InlineRun(ctx=CTX)

        run.cancel()

        assert await run.cancelled()
