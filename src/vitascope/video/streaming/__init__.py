"""Streaming: authorise once, then let whoever is fastest send the segments.

Owns `video_streaming`: `sessions`. Sends `PlaybackAuthorised`. Hears nothing.
"""
