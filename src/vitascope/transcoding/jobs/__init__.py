"""Transcoding jobs: a master in the object store becomes an adaptive set of renditions beside it.

Owns `transcoding_jobs`: `jobs`, `history`. Sends `JobSubmitted`, `JobStarted`, `JobCompleted`,
`JobFailed`, `JobCancelled`. Hears nothing.
"""
