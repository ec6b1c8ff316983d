import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx

from vitascope.identity.users.contracts import Account, Role
from vitascope.runtime.testing import PlatformUnderTest

AUTH = "/api/v1/auth"
PASSWORD = "correct horse battery"

# What each request costs once hosts, tenants and keys are remembered; those that are not here are
# asserted where they are tested.
EXPECTED = {
    "verify": 6,  # quota, lock, accounts, sign-ups, account, event
    "create account": 6,  # quota, audit, lock, accounts, account, event
    "refresh": 4,  # token, account, use, new token
    "sign out": 4,  # token, family, event, audit
    "create key": 4,  # keys, audit, key, event
    "revoke key": 3,  # key, event, audit
    "published keys": 0,
}


class TestStatements:
    async def test_each_request(
        self,
        platform: PlatformUnderTest,
        person: Callable[..., Awaitable[Account]],
        signed_in: Callable[[str], Awaitable[httpx.AsyncClient]],
        letters: Callable[[], Sequence[Any]],
    ) -> None:
        """Every request costs a known number of statements."""
        await person("owner@example.org", Role.OWNER)
        counted: dict[str, int] = {}

        async with await signed_in("owner@example.org") as client:
            body = {"email": "ada@example.org", "password": PASSWORD, "name": "Ada"}

            async def count(name: str, method: str, path: str, json: Any = None) -> Any:
                with platform.statements() as seen:
                    answer = await client.request(method, path, json=json)
                assert answer.is_success, answer.text
                counted[name] = seen.count
                return answer.json() if answer.content else None

            await client.post(f"{AUTH}/sign-up", json=body)
            await platform.pump()
            link = re.search(r"token=(\S+)", letters()[0].get_content())
            await count("verify", "POST", f"{AUTH}/verify", {"token": link[1] if link else ""})
            await count("create account", "POST", "/api/v1/accounts", {**body, "email": "bob@example.org"})
            credentials = {"email": body["email"], "password": PASSWORD}
            tokens = (await client.post(f"{AUTH}/sign-in", json=credentials)).json()
            refresh = {"refresh_token": tokens["refresh_token"]}
            tokens = await count("refresh", "POST", f"{AUTH}/refresh", refresh)
            refresh = {"refresh_token": tokens["refresh_token"]}
            await count("sign out", "POST", f"{AUTH}/sign-out", refresh)
            key = {"name": "k", "permissions": ["video.upload"]}
            made = await count("create key", "POST", f"{AUTH}/api-keys", key)
            await count("revoke key", "DELETE", f"{AUTH}/api-keys/{made['id']}")
            await count("published keys", "GET", "/.well-known/jwks.json")

        assert counted == EXPECTED
