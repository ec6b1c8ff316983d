import struct

import pytest

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.sample_entries import Protection, read_entry, same_codec

KEY_ID = bytes(range(16))


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _video(kind: bytes, *inner: bytes) -> bytes:
    head = bytes(24) + struct.pack(">HH", 640, 360) + bytes(50)
    return bytes(8) + _box(kind, head, *inner)


def _audio(kind: bytes, *inner: bytes) -> bytes:
    return bytes(8) + _box(kind, bytes(28), *inner)


AVC = _box(b"avcC", b"\x01\x4d\x40\x1e\xff")
HEVC = _box(b"hvcC", b"\x01\x22\x20\0\0\0\x90\0\0\0\0\0\x5d", bytes(8), b"\x0f\0")
AV1 = _box(b"av1C", b"\x81\x08\x4c\0")
VP9 = _box(b"vpcC", b"\x01\0\0\0\x02\x1f\xa0")
AAC = _box(b"esds", bytes(4), b"\x03\x19\0\0\0\x04\x11\x40", bytes(12), b"\x05\x02\x11\x90")


class TestCodec:
    @pytest.mark.parametrize(
        ("description", "codec"),
        [
            (_video(b"avc1", AVC), "avc1.4d401e"),
            (_video(b"hvc1", HEVC), "hvc1.2.4.H93.90"),
            (_video(b"hev1", HEVC), "hev1.2.4.H93.90"),
            (_video(b"av01", AV1), "av01.0.08M.10"),
            (_video(b"vp09", VP9), "vp09.02.31.10"),
            (_audio(b"mp4a", AAC), "mp4a.40.2"),
            (_audio(b"Opus"), "opus"),
            (_audio(b"ec-3"), "ec-3"),
            (bytes(8) + _box(b"wvtt", b"configuration"), "wvtt"),
        ],
    )
    def test_names(self, description: bytes, codec: str) -> None:
        """A codec is named by RFC 6381 from the box that configures its decoder."""
        assert read_entry(description).codec == codec

    def test_not_configured(self) -> None:
        """An entry without the box that configures its decoder is refused."""
        with pytest.raises(SetInvalid, match="avcC"):
            read_entry(_video(b"avc1"))

    @pytest.mark.parametrize(
        ("said", "held", "same"),
        [
            ("avc1.4D401E", "avc1.4d401e", True),
            ("avc1.4d401e", "avc1.64001e", False),
            ("hvc1.1.6.L60.90", "hvc1.1.6.L60.90", True),
            ("hev1.1.6.L60.90", "hvc1.1.6.L60.90", False),
            ("av01.0.00M.08.0.111.01.01.01.0", "av01.0.00M.08", True),
            ("av01.0.00M", "av01.0.00M.08", False),
            ("vp09.00.11.08.01.02.02.02.00", "vp09.00.11.08", True),
            ("Opus", "opus", True),
            ("mp4a.40.2", "mp4a.40.02", True),
            ("mp4a.40.5", "mp4a.40.2", False),
        ],
    )
    def test_same(self, said: str, held: str, *, same: bool) -> None:
        """Case, leading noughts and optional last parts do not make another codec; anything else does."""
        assert same_codec(said, held) is same


class TestProperties:
    def test_size_and_shape(self) -> None:
        """Size and shape of pixels are read; without a box pixels are square."""
        square = read_entry(_video(b"avc1", AVC))
        wide = read_entry(_video(b"avc1", AVC, _box(b"pasp", struct.pack(">2I", 4, 3))))

        assert (square.width, square.height, square.square) == (640, 360, True)
        assert (wide.square, wide.display_width) == (False, 853)

    @pytest.mark.parametrize(("code", "transfer"), [(16, "PQ"), (18, "HLG"), (1, "SDR"), (2, "")])
    def test_transfer(self, code: int, transfer: str) -> None:
        """The dynamic range is read if the file tells it."""
        colour = _box(b"colr", b"nclx", struct.pack(">3H", 9, code, 9), b"\0")

        assert read_entry(_video(b"avc1", AVC, colour)).transfer == transfer

    def test_protection(self) -> None:
        """Of an encrypted entry the format inside, scheme, key and size of the IV are read."""
        tenc = _box(b"tenc", bytes(6), b"\x01\x08", KEY_ID)
        shield = _box(
            b"sinf",
            _box(b"frma", b"avc1"),
            _box(b"schm", bytes(4), b"cenc", b"\0\x01\0\0"),
            _box(b"schi", tenc),
        )

        entry = read_entry(_video(b"encv", AVC, shield))

        assert (entry.format, entry.codec, entry.encrypted) == ("avc1", "avc1.4d401e", True)
        assert entry.protection == Protection(scheme="cenc", key_id=KEY_ID.hex(), iv_size=8)

    def test_untold_protection(self) -> None:
        """An encrypted entry that does not say how is told apart from a clear one."""
        entry = read_entry(_audio(b"enca", _box(b"sinf", _box(b"frma", b"Opus"))))

        assert (entry.encrypted, entry.protection) == (True, None)
