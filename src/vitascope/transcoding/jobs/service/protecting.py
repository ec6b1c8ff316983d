"""Whether and with which keys a job's set is encrypted."""

from vitascope.foundation.context import Context
from vitascope.transcoding.jobs.contracts import JobId
from vitascope.transcoding.jobs.service.settings import JobsSettings
from vitascope.transcoding.keys.contracts import Keys
from vitascope.transcoding.pipeline.contracts import Plan
from vitascope.transcoding.pipeline.protection import Protection, ProtectionProfile, Scheme, classes_of


class Protecting:
    """Asks for the keys of a job, in each step that needs them: no step leaves them for another."""

    def __init__(self, *, keys: Keys, settings: JobsSettings) -> None:
        self._keys = keys
        self._profile = ProtectionProfile(scheme=Scheme(settings.protect)) if settings.protect else None

    async def protection(self, ctx: Context, *, job: JobId, plan: Plan) -> Protection | None:
        """The keys of the job's set, the same in every attempt; None if it stays in the clear."""
        if self._profile is None:
            return None
        labels = classes_of(plan.rungs, sound=bool(plan.audio))
        return await self._keys.for_set(
            ctx.as_platform(), name=str(job), profile=self._profile, labels=labels
        )
