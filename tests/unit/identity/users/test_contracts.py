from itertools import pairwise

from vitascope.identity.users.contracts import Permission, Role, permissions_of


class TestPermissions:
    def test_each_role_includes_the_one_before(self) -> None:
        """A higher role may do all that a lower one may."""
        roles = list(Role)

        assert all(permissions_of(low) <= permissions_of(high) for low, high in pairwise(roles))

    def test_every_permission_is_somebodys(self) -> None:
        """An owner may do everything; nothing is left that nobody may do."""
        assert permissions_of(Role.OWNER) == frozenset(Permission)

    def test_viewers_only_watch(self) -> None:
        """Who signs up and nothing else may watch and nothing else."""
        assert permissions_of(Role.VIEWER) == {Permission.WATCH}
