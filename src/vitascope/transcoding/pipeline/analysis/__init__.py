"""The content-aware ladder: what a film needs, found by trials on a few short windows of it.

`analyse` has the way: windows where the film is easy, ordinary and hard; their frames as a reel;
trial encodes of the reel for each size and quality; VMAF of each at one common size; the upper
convex hull; rungs on it at equal steps of quality. `measure` scores finished rungs the same way,
and `report` draws what was found. Library code: neither database nor web.
"""
