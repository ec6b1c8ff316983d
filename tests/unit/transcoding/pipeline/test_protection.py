import msgspec
import pytest

from vitascope.foundation.errors import Invalid
from vitascope.transcoding.pipeline.contracts import Rung
from vitascope.transcoding.pipeline.profile import Profile
from vitascope.transcoding.pipeline.protection import (
    Protection,
    ProtectionProfile,
    Scheme,
    System,
    TrackKey,
    class_of,
    classes_of,
    new_key,
    new_protection,
)


def rung(width: int, height: int) -> Rung:
    """A rung of a size."""
    return Rung(name="r", width=width, height=height, profile="high", crf=23, max_rate=1, buffer=1)


class TestClasses:
    @pytest.mark.parametrize(
        ("size", "label"),
        [
            ((640, 360), "SD"),
            ((360, 640), "SD"),
            ((854, 480), "SD"),
            ((1280, 720), "HD"),
            ((1920, 1080), "HD"),
            ((3840, 2160), "UHD1"),
            ((7680, 4320), "UHD2"),
        ],
    )
    def test_go_by_pixels(self, size: tuple[int, int], label: str) -> None:
        """A picture's class follows from its pixels, upright or not."""
        assert class_of(rung(*size)) == label

    def test_are_named_once(self) -> None:
        """A set has one key for each class that it has, and one for its sound if it has sound."""
        rungs = [rung(1920, 1080), rung(1280, 720), rung(640, 360)]

        assert classes_of(rungs, sound=True) == ("AUDIO", "HD", "SD")
        assert classes_of(rungs, sound=False) == ("HD", "SD")


class TestTrackKey:
    def test_does_not_show_itself(self) -> None:
        """Neither a key nor what holds it prints a secret."""
        protection = new_protection(ProtectionProfile(), ["SD"])
        key = protection.keys[0]

        shown = f"{key} {key!r} {key.__rich_repr__()} {protection!r} {protection.name}"

        assert key.kid in shown
        assert key.key not in shown
        assert key.iv not in shown

    @pytest.mark.parametrize("name", ["kid", "key", "iv"])
    @pytest.mark.parametrize("value", ["", "0" * 31, "G" * 32, "A" * 32, "0" * 32 + "\n"])
    def test_is_hexadecimal(self, name: str, value: str) -> None:
        """What is no key is refused by name, and not quoted."""
        good = dict.fromkeys(("kid", "key", "iv"), "0" * 32)

        with pytest.raises(Invalid) as refused:
            TrackKey(label="SD", **{**good, name: value})

        assert refused.value.field == name

    @pytest.mark.parametrize("label", ["", "a,b", "a:b", "a=b", "x" * 33])
    def test_label_is_plain(self, label: str) -> None:
        """A label that would change the packager's flags is refused."""
        with pytest.raises(Invalid):
            new_key(label)


class TestProtection:
    @pytest.mark.parametrize("name", ["label", "kid", "key"])
    def test_classes_share_nothing(self, name: str) -> None:
        """Two classes with one key, id or label are no protection of two classes."""
        one, two = new_key("SD"), new_key("HD")
        twin = TrackKey(**{**msgspec.structs.asdict(two), name: getattr(one, name)})

        with pytest.raises(Invalid) as refused:
            Protection(profile=ProtectionProfile(), keys=(one, twin))

        assert refused.value.field == f"keys.{name}"

    def test_counters_are_never_shared(self) -> None:
        """With AES-CTR no vector is given, as two tracks of a class would share a key stream."""
        key = new_key("SD")
        flags = {
            scheme: Protection(profile=ProtectionProfile(scheme=scheme), keys=(key,)).encrypting().decode()
            for scheme in Scheme
        }

        assert key.iv in flags[Scheme.CBCS]
        assert key.iv not in flags[Scheme.CENC]

    def test_fairplay_plays_cbcs_only(self) -> None:
        """A set in cenc is not signalled to FairPlay, which could not play it."""
        cbcs, cenc = (
            new_protection(ProtectionProfile(scheme=one), ["SD"]) for one in (Scheme.CBCS, Scheme.CENC)
        )

        assert set(cbcs.systems) - set(cenc.systems) == {System.FAIRPLAY}

    def test_missing_class(self) -> None:
        """A class without a key is named."""
        with pytest.raises(Invalid, match="HD"):
            new_protection(ProtectionProfile(), ["SD"]).key_of("HD")


class TestProfile:
    def test_is_read(self) -> None:
        """A profile says scheme and systems in words."""
        text = b'{"protection": {"scheme": "cenc", "systems": ["clearkey"]}}'

        profile = msgspec.json.decode(text, type=Profile)

        assert profile.protection == ProtectionProfile(scheme=Scheme.CENC, systems=(System.CLEARKEY,))

    @pytest.mark.parametrize(
        ("member", "field"), [({"systems": ()}, "systems"), ({"fairplay_uri": 'x"\n'}, "fairplay_uri")]
    )
    def test_refuses_what_cannot_be(self, member: dict[str, str], field: str) -> None:
        """What no player could read is refused by name."""
        with pytest.raises(Invalid) as refused:
            ProtectionProfile(**member)  # type: ignore[arg-type]  # wrong on purpose

        assert refused.value.field == field
