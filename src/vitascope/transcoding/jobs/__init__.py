"""Transcoding jobs: a master in the object store becomes an adaptive set of renditions beside it.

Owns `transcoding_jobs`: `jobs`, `history`; `encodings` and their `parts`, which all workers encode;
`shares` and `clock`, by which tenants take turns. Sends `JobSubmitted`, `JobStarted`, `JobCompleted`,
`JobFailed`, `JobCancelled`, `JobMetered`. Hears `WorkflowFailed`.
"""
