"""The rules that a set must keep, by name; what to do about a breach is said for whoever made the set."""

from msgspec import Struct


class Rule(Struct, frozen=True):
    """What to do when it is broken, and whether that is only worth a warning."""

    remedy: str
    warning: bool = False


_MEASURE = "Write what was measured; players choose a rendition by it."

RULES: dict[str, Rule] = {
    # The folder and its files.
    "manifest-missing": Rule("Name a folder that holds an HLS master playlist (.m3u8) or a DASH MPD (.mpd)."),
    "unreadable": Rule("Package the set again; the file is damaged or not what its name says."),
    "outside": Rule("Use addresses relative to the manifest, and keep every file below the set's folder."),
    "file-missing": Rule("Put the file where the manifest says, or take it out of the manifest."),
    "not-checked": Rule("Nothing is known to be wrong here; check it with another tool.", warning=True),
    "stray-segment": Rule("Remove the file or name it in a manifest; nobody plays it now.", warning=True),
    # HLS.
    "hls-variants": Rule("List each rendition with an EXT-X-STREAM-INF line."),
    "hls-independent": Rule("Add EXT-X-INDEPENDENT-SEGMENTS to the master playlist."),
    "hls-iframes": Rule(
        "Add an EXT-X-I-FRAME-STREAM-INF with a playlist of the key frames of this rendition."
    ),
    "hls-iframe-playlist": Rule("Make the key frame playlist again from the segments as they are now."),
    "hls-endlist": Rule("End the playlist of a finished film with EXT-X-ENDLIST."),
    "hls-target-duration": Rule("Set EXT-X-TARGETDURATION to the longest EXTINF, rounded."),
    "hls-extinf": Rule("Write the duration of the media in EXTINF."),
    "hls-codecs": Rule("Name in CODECS what the picture and the sound of this variant are."),
    "hls-resolution": Rule("Write the coded size in RESOLUTION."),
    "hls-frame-rate": Rule("Write the frames per second in FRAME-RATE, to three decimals."),
    "hls-video-range": Rule("Write SDR, PQ or HLG in VIDEO-RANGE, as the picture's transfer is."),
    "hls-bandwidth": Rule(_MEASURE),
    "hls-average-bandwidth": Rule(_MEASURE),
    "hls-group": Rule("Give each group that a variant names its EXT-X-MEDIA lines."),
    "hls-names": Rule("Give each track of a group a NAME of its own, and make at most one the default."),
    # Segments.
    "key-frame": Rule("Encode with closed groups of pictures and cut segments at their IDR pictures."),
    "timeline": Rule("Package the rendition again: decode times must follow each other without a gap."),
    "hvc1": Rule("Package with hvc1 (or avc1) sample entries; hev1 does not play on Apple devices."),
    "pixels": Rule("Scale to square pixels (setsar=1) before encoding."),
    "alignment": Rule("Encode all renditions with the same key frame times and the same segment length."),
    "duration": Rule("Encode all renditions from the same frames, to the same end."),
    "sound-duration": Rule("Pad or cut the sound to the length of the picture.", warning=True),
    "start": Rule("Package picture and sound with the same start time."),
    "decode": Rule("Encode it again; what is in the segments is damaged."),
    # DASH.
    "dash-static": Rule('Write type="static" in the MPD of a finished film.'),
    "dash-duration": Rule("Write the film's length in mediaPresentationDuration."),
    "dash-tracks": Rule("Name the same tracks in the MPD as in the master playlist."),
    "dash-attributes": Rule("Give each Representation bandwidth, codecs and mimeType."),
    "dash-codecs": Rule("Name in @codecs what the segments hold."),
    "dash-size": Rule("Write the coded width, height and frame rate in the Representation."),
    "dash-bandwidth": Rule(_MEASURE),
    "dash-segments": Rule("Make the SegmentTemplate's times again from the segments as they are now."),
    "dash-role": Rule(
        "Tell AdaptationSets of one language apart by a Role of urn:mpeg:dash:role:2011 or a Label."
    ),
    "dash-trick-play": Rule("Let the trick play AdaptationSet name the id of the one that it belongs to."),
    # Protection.
    "encryption-boxes": Rule("Package again: sinf, schm, tenc and senc say how samples are decrypted."),
    "encryption-signalled": Rule(
        "Tell of the encryption in both manifests, of what is encrypted and nothing else."
    ),
    "encryption-scheme": Rule(
        "Name the scheme of the segments: SAMPLE-AES and cbcs, or SAMPLE-AES-CTR and cenc."
    ),
    "key-id": Rule("Write the default_KID of the segments as KEYID and cenc:default_KID."),
    "pssh": Rule("Write the pssh boxes of the segments in the manifests, for the same key."),
    "identity-key": Rule(
        "Leave the key line without a KEYFORMAT out beside skd:// (CommonSystem at the packager)."
    ),
    # Text.
    "language": Rule("Use a BCP 47 tag such as en, pt-BR or zh-Hant, or und."),
    "webvtt-header": Rule("Begin the file with WEBVTT."),
    "webvtt-timing": Rule("Order cues by their start, each ending after it has begun."),
    "webvtt-range": Rule("Cut cues at the end of the film."),
    "chapters": Rule("Order chapters by start-time, each inside the film and with a title."),
}
