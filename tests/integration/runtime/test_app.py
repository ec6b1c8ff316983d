import httpx

from vitascope.runtime.testing import PlatformUnderTest


class TestHealth:
    async def test_ready_names_each_dependency(self, platform: PlatformUnderTest) -> None:
        """The readiness page names the database and says that it answers."""
        async with platform.client() as client:
            answer = await client.get("/readyz")

        assert answer.status_code == httpx.codes.OK
        assert answer.json()["checks"]["database"]["status"] == "ok"

    async def test_unknown_path_is_a_problem(self, platform: PlatformUnderTest) -> None:
        """A path that nobody serves is answered by a problem document."""
        async with platform.client() as client:
            answer = await client.get("/api/v1/nothing")

        assert answer.status_code == httpx.codes.NOT_FOUND
        assert answer.headers["content-type"] == "application/problem+json"
