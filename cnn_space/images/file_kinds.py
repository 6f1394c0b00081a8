"""Which format a file has, judged by its first bytes and never by its name."""

from importlib.util import find_spec

HEAD = 512  # bytes that are looked at

# Formats that are read, by Pillow's names. JPEG stands for MPO, too, which begins alike.
READ = frozenset({"AVIF", "BMP", "GIF", "HEIF", "JPEG", "JXL", "PNG", "PPM", "TIFF", "WEBP"})
# What a visitor knows a format by, where that differs.
TITLES = {"HEIF": "HEIC", "JXL": "JPEG XL"}
# These two need a wheel that not every machine has.
_PLUGINS = {"HEIF": "pillow_heif", "JXL": "pillow_jxl"}

_NO_PICTURES = frozenset({"PDF", "Video"})
_PREFIXES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\xff\x0a": "JXL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JXL",
    # Not read.
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xffO\xffQ": "JPEG 2000",
    b"8BPS": "Photoshop",
    b"%!PS": "PostScript",
    b"%PDF": "PDF",
    b"\0\0\1\0": "Windows icon",
    b"FUJIFILMCCD-RAW": "Camera raw",
    b"IIU\0": "Camera raw",
    b"IIRO": "Camera raw",
    b"gimp xcf": "GIMP",
    b"v/1\1": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"qoif": "QOI",
}
# The brands in the first box of files that are built like MP4; those that say little come last.
_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    **dict.fromkeys(
        (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"), "HEIF"
    ),
    b"crx ": "Camera raw",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
    **dict.fromkeys((b"qt  ", b"mp41", b"mp42", b"isom", b"M4V "), "Video"),
}


def kind_of(data: bytes) -> str | None:
    """The format of a file that begins with ``data``: one of READ, or the title of a known format
    that is not read; None for anything else."""
    head = bytes(data[:HEAD])
    if head[4:8] == b"ftyp":
        end = min(len(head), int.from_bytes(head[:4], "big"))
        brands = [head[8:12], *(head[i : i + 4] for i in range(16, end - 3, 4))]
        return next((kind for brand, kind in _BRANDS.items() if brand in brands), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if len(head) > 2 and head[:1] == b"P" and head[1] in b"123456f" and head[2] in b" \t\r\n#":
        return "PPM"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in head.lower():
        return "SVG"
    return next((kind for prefix, kind in _PREFIXES.items() if head.startswith(prefix)), None)


def is_read(kind: str | None) -> bool:
    """Whether files of this kind are read on this machine."""
    plugin = _PLUGINS.get(kind)
    return kind in READ and (plugin is None or find_spec(plugin) is not None)


def title(kind: str) -> str:
    """What a visitor knows a kind by."""
    return TITLES.get(kind, kind)


def why_not_read(data: bytes) -> str | None:
    """Why a visitor's file that begins with ``data`` is left out: a key of
    ``visitor_set.LEFT_OUT``; None where it may be a picture."""
    kind = kind_of(data)
    if kind is None or kind in _NO_PICTURES:
        return "not_image"
    return None if is_read(kind) else "other_format"
