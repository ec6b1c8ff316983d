"""The headers of tus."""

import base64
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vitascope.video.upload.routes import headers as tus
from vitascope.video.upload.service.checksum import UnknownChecksum


def _header(values: dict[str, str]) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


class TestReadMetadata:
    @given(
        st.dictionaries(
            st.text(
                st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","),
                min_size=1,
                max_size=20,
            ),
            st.text(st.characters(codec="utf-8"), max_size=30),
            max_size=8,
        )
    )
    def test_reads_what_was_written(self, values: dict[str, str]) -> None:
        """Any keys and values that a client may write are read back."""
        assert tus.read_metadata(_header(values)) == values

    @given(st.text(st.characters(max_codepoint=255), max_size=100))
    @example("a \x80")
    def test_never_falls(self, header: str) -> None:
        """Whatever a header says, it is read or refused as a problem."""
        with suppress(tus.BadHeader):
            tus.read_metadata(header)

    def test_bounded(self) -> None:
        """A header of more than four kilobytes is refused."""
        with pytest.raises(tus.BadHeader):
            tus.read_metadata("a " + "A" * 4096)


class TestNewUpload:
    @pytest.mark.parametrize("said", ["true", "1", "YES", "on"])
    def test_publish(self, said: str) -> None:
        """What people write for yes means yes."""
        headers = {"upload-length": "5", "upload-metadata": _header({"publish": said})}

        assert tus.new_upload(headers).publish

    def test_names_of_uppy(self) -> None:
        """Uppy's `name` and `type` are understood as well as tus-js-client's `filename` and `filetype`."""
        headers = {"upload-length": "5", "upload-metadata": _header({"name": "a.mp4", "type": "video/mp4"})}

        new = tus.new_upload(headers)

        assert (new.filename, new.filetype) == ("a.mp4", "video/mp4")


class TestNumber:
    @pytest.mark.parametrize("said", ["-1", "+1", "1.0", "0x1", "", " ", "٣", "9" * 19])
    def test_refused(self, said: str) -> None:
        """A number of bytes is plain digits and fits the database."""
        with pytest.raises(tus.BadHeader):
            tus.number({"upload-offset": said}, "Upload-Offset")


class TestPartsToJoin:
    def test_addresses(self) -> None:
        """Parts are named by whole addresses or by paths."""
        one, two = "upl_01m80n8jzdeff95jegb3c42fba", "upl_01m80n8jzdeff95jegb3c42fbb"

        found = tus.parts_to_join(f"final;https://x.example/api/v1/uploads/{one} /api/v1/uploads/{two}")

        assert found == [one, two]

    def test_bounded(self) -> None:
        """Nobody joins thousands of parts in one request."""
        with pytest.raises(tus.BadHeader):
            tus.parts_to_join("final;" + " ".join(["/upl_01m80n8jzdeff95jegb3c42fba"] * 101))


class TestChecksum:
    @pytest.mark.parametrize("said", ["", "sha1", "crc32 AAAA", "sha1 !", "sha1 \x80", "SHA1 AAAA"])
    def test_refused(self, said: str) -> None:
        """A checksum that cannot be read is a problem of the request."""
        with pytest.raises(UnknownChecksum):
            tus.checksum({"upload-checksum": said})
