"""Which numbers were seen: the sliding window of RFC 4303, appendix A2, which forgets the far past."""

from dataclasses import dataclass

WIDTH = 63  # as many bits as a signed bigint has


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The highest number seen, and a bit for each of the 63 numbers that end with it (bit 0)."""

    highest: int = 0
    seen: int = 0

    def take(self, number: int) -> "Window | None":
        """The window with this number, or None if it was seen before or is too old to tell."""
        ahead = number - self.highest
        if ahead > 0:
            shifted = self.seen << min(ahead, WIDTH) & (1 << WIDTH) - 1
            return Window(highest=number, seen=shifted | 1)
        bit = 1 << -ahead
        if -ahead >= WIDTH or self.seen & bit:
            return None
        return Window(highest=self.highest, seen=self.seen | bit)
