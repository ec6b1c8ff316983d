"""Viewing: what players report while people watch, and the counts that come of it.

Owns `video_viewing`: `heard`, `started`, `views`, `watching`. Sends `PlaybackStarted`,
`PlaybackProgressed`, `PlaybackStalled`, `QualitySwitched`, `PlaybackEnded`. Hears its own events (the
counter is a projection).
"""
