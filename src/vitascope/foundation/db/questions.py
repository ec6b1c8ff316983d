"""What a statement of SQLAlchemy asks, and how its rows read: written once, and kept.

SQLAlchemy writes the SQL and knows the types; to have it run a statement too costs ten times what
asyncpg takes for that (docs/decisions/0084).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.types import Attribute
from sqlalchemy import Dialect, Executable
from sqlalchemy.engine.result import IteratorResult, Result, SimpleResultMetaData
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import LRUCache

_KEPT = 500  # as many as an engine of SQLAlchemy keeps


@dataclass(frozen=True, slots=True)
class Question:
    """SQL with its arguments, and the statement that it was made of."""

    sql: str
    arguments: Sequence[Any]
    compiled: SQLCompiler


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of an answer: their names, and how each value becomes one of its type."""

    names: Sequence[str]
    processors: Sequence[Any]

    def result(self, records: Iterable[asyncpg.Record]) -> Result[Any]:
        """The rows, as SQLAlchemy gives them."""
        columns = SimpleResultMetaData(self.names, _processors=self.processors)
        return IteratorResult(columns, map(tuple, records))


class Questions:
    """Writes questions in a database's dialect, each of them once."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._written: LRUCache[Any, Any] = LRUCache(_KEPT)
        self._shapes: WeakKeyDictionary[SQLCompiler, Shape] = WeakKeyDictionary()

    def of(self, statement: Executable, values: Mapping[str, Any] | None) -> Question:
        """The question that the statement asks with these values."""
        given = dict(values or {})
        # private, and the way in which SQLAlchemy itself finds what it has written before
        found: Any = statement._compile_w_cache(  # noqa: SLF001 - see above
            self._dialect, compiled_cache=self._written, column_keys=sorted(given)
        )
        compiled, extracted, collected, _ = found
        parameters = compiled.construct_params(
            given, extracted_parameters=extracted, escape_names=False, _collected_params=collected
        )
        return _question(compiled, parameters)

    def known_shape(self, question: Question) -> Shape | None:
        """How the answer reads, if that was asked before."""
        return self._shapes.get(question.compiled)

    def shape(self, question: Question, attributes: Sequence[Attribute]) -> Shape:
        """How the answer reads whose columns the database describes like this."""
        kinds = _types(question.compiled, [one.name for one in attributes])
        shape = Shape(
            names=[one.name for one in attributes],
            processors=[
                kind._cached_result_processor(self._dialect, one.type.oid) if kind is not None else None  # noqa: SLF001 - what a row of SQLAlchemy's is made with
                for kind, one in zip(kinds, attributes, strict=True)
            ],
        )
        self._shapes[question.compiled] = shape
        return shape


def _question(compiled: SQLCompiler, parameters: Mapping[str, Any]) -> Question:
    """Fill the parameters in, each as its type wants it."""
    sql, order = compiled.string, list(compiled.positiontup or ())
    processors: Mapping[str, Any] = compiled._bind_processors  # noqa: SLF001 - as above
    if compiled.post_compile_params:  # `IN` has as many parameters as values
        written = compiled._process_parameters_for_postcompile({**parameters})  # noqa: SLF001 - as above
        parameters = {**parameters, **written.parameters}
        sql, order = written.statement, list(written.positiontup or ())
        processors = {**processors, **written.processors}
    arguments = [
        process(parameters[name]) if (process := processors.get(name)) is not None else parameters[name]
        for name in order
    ]
    return Question(sql, arguments, compiled)


def _types(compiled: SQLCompiler, names: Sequence[str]) -> Sequence[Any]:
    """The type of each column: by its place where SQLAlchemy wrote them, by its name in a text of ours."""
    columns = compiled._result_columns  # noqa: SLF001 - as above
    if compiled._ordered_columns and len(columns) == len(names):  # noqa: SLF001 - as above
        return [one.type for one in columns]
    by_name = {one.keyname: one.type for one in columns}
    return [by_name.get(name) for name in names]
