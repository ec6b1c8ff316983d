from vitascope.foundation.context import Context
from vitascope.foundation.testing.clock import ManualClock
from vitascope.foundation.testing.workflows import InlineRun
from vitascope.identity.auth.jobs import forget_sessions, rotate_keys
from vitascope.identity.auth.service.keyring import KeyRing
from vitascope.identity.auth.service.sessions import SessionJanitor
from vitascope.runtime.testing import PlatformUnderTest

MONTH = 30 * 24 * 3600


class TestRotateKeys:
    async def test_replaces_what_is_over(
        self, platform: PlatformUnderTest, visitor: Context, clock: ManualClock
    ) -> None:
        """The hourly work makes the keys that are due; a second run at the same time makes none."""
        ring = platform.container.get(KeyRing)
        first = await ring.signer()
        clock.advance(MONTH)

        for number in range(2):
            await rotate_keys.function(InlineRun(ctx=visitor, id=str(number)), clock.now(), ring)

        published = [one["kid"] for one in await ring.published()]
        assert len(published) == 2
        assert published[0] == first.kid


class TestForgetSessions:
    async def test_runs_without_any(
        self, platform: PlatformUnderTest, visitor: Context, clock: ManualClock
    ) -> None:
        """The nightly work is content when there is nothing to drop."""
        janitor, run = platform.container.get(SessionJanitor), InlineRun(ctx=visitor)

        await forget_sessions.function(run, clock.now(), janitor)

        assert run.ran == ["forget"]
