from sqlalchemy import Integer, bindparam, column, create_engine, select, table

from vitascope.foundation.context import TenantId
from vitascope.foundation.db.questions import Questions
from vitascope.foundation.db.tables import IdType
from vitascope.foundation.ids import RandomIds

DIALECT = create_engine("postgresql+asyncpg://").dialect
FILMS = table("films", column("id", IdType(TenantId)), column("year", Integer))


class TestOf:
    def test_written_once(self) -> None:
        """Statements of one form are written once, whatever their values."""
        questions = Questions(DIALECT)

        one, two = (
            questions.of(select(FILMS.c.id).where(FILMS.c.year == year), None) for year in (1895, 1896)
        )

        assert one.compiled is two.compiled
        assert (one.arguments, two.arguments) == ([1895], [1896])

    def test_values_are_kept_as_their_types_want(self) -> None:
        """An id goes to the database as the UUID that it is."""
        film = RandomIds().new(TenantId)
        by_id = select(FILMS.c.year).where(FILMS.c.id == bindparam("id", type_=FILMS.c.id.type))

        question = Questions(DIALECT).of(by_id, {"id": film})

        assert question.arguments == [film.uuid]

    def test_list_has_its_length(self) -> None:
        """A list has as many places in the SQL as it has values."""
        questions = Questions(DIALECT)

        short, long = (
            questions.of(select(FILMS.c.id).where(FILMS.c.year.in_(years)), None)
            for years in ([1895], [1895, 1896, 1897])
        )

        assert short.arguments == [1895]
        assert long.arguments == [1895, 1896, 1897]
        assert long.sql.count("$") == 3
