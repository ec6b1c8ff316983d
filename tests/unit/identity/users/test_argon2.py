import asyncio

import pytest
from argon2 import extract_parameters

from vitascope.foundation.resilience.bulkhead import Overloaded
from vitascope.identity.users.adapters.argon2 import HashingSettings, PasswordHashes

WORD = "correct horse battery"


class TestPasswordHashes:
    async def test_owasp_profile(self) -> None:
        """Hashes are argon2id with 19 MiB, two passes and one lane."""
        made = extract_parameters(await PasswordHashes(settings=HashingSettings()).make(WORD))

        assert (made.type.name, made.memory_cost, made.time_cost, made.parallelism) == ("ID", 19456, 2, 1)

    async def test_right_and_wrong(self) -> None:
        """The right word is right, any other is not, nor is anything when there is no hash."""
        hashes = PasswordHashes(settings=HashingSettings())
        kept = await hashes.make(WORD)

        verdicts = [
            await hashes.check(WORD, kept),
            await hashes.check("another", kept),
            await hashes.check(WORD, None),
            await hashes.check(WORD, "not a hash"),
        ]

        assert [one.right for one in verdicts] == [True, False, False, False]

    async def test_stand_in_costs_the_same(self) -> None:
        """Without an account the comparison is with a hash of the very same cost."""
        hashes = PasswordHashes(settings=HashingSettings())

        real, stand_in = extract_parameters(await hashes.make(WORD)), extract_parameters(hashes._nobody)

        assert real == stand_in

    async def test_too_many_wait(self) -> None:
        """What does not fit into the queue is told at once to come back."""
        hashes = PasswordHashes(settings=HashingSettings(threads=1, queue=1))

        answers = await asyncio.gather(*(hashes.make(WORD) for _ in range(5)), return_exceptions=True)

        assert sum(isinstance(one, Overloaded) for one in answers) == 3

    async def test_outdated_is_made_anew(self) -> None:
        """A right word with a cheaper hash comes with a better one, which is as dear as today's."""
        kept = await PasswordHashes(settings=HashingSettings(rounds=1)).make(WORD)
        hashes = PasswordHashes(settings=HashingSettings())

        verdict = await hashes.check(WORD, kept)

        assert verdict.better is not None
        assert (await hashes.check(WORD, verdict.better)).better is None

    @pytest.mark.parametrize("memory", [0, 7167])
    def test_cannot_be_made_cheap(self, memory: int) -> None:
        """No setting makes hashes cheaper than the smallest profile that OWASP names."""
        with pytest.raises(ValueError, match="memory_kib"):
            HashingSettings(memory_kib=memory)
