"""What HTTP keeps, as the composition root sees it."""

from vitascope.foundation.http.idempotency import IdempotencyKeys
from vitascope.foundation.http.jobs import forget_answers
from vitascope.foundation.http.models import schema
from vitascope.foundation.module import Module

module = Module(
    name="foundation.http",
    package=__package__,
    also=(IdempotencyKeys,),
    jobs=(forget_answers,),
    schema=schema,
)
