"""The media library: one film file becomes an adaptive set.

Plain synchronous functions over sandboxed programs (ffmpeg, ffprobe, Shaka Packager): no web, no
database, no event loop; callable from any thread. `run.Pipeline` has the stages (probe, plan,
encode, package, pictures, verify, publish); each is idempotent and can be a durable step of a job.
Owns no table, sends and hears no event.
"""
