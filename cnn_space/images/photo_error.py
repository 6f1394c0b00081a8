"""Why a picture cannot be used."""

REASONS = {
    "unreadable": "This is not a picture that can be read. JPEG, PNG, WebP, AVIF, HEIC, JPEG XL, "
    "GIF, BMP, TIFF and PPM work.",
    "other_format": "{name}: this is not a picture that can be read here. Save it as JPEG or PNG "
    "and choose that file.",
    "damaged": "This picture is damaged or cut off. Try saving or copying it again.",
    "empty": "This file is empty.",
    "gone": "This picture is no longer here. Choose it again.",
    "too_small": "This picture is {width} × {height} pixels; at least {least} × {least} are "
    "needed.",
    "too_large": "This picture has more than {most} million pixels. Make it smaller first, or save "
    "it as JPEG.",
    "too_many_bytes": "This file is larger than {most} MB. Make it smaller first.",
    "too_much_memory": "Decoding this picture takes too much memory. Make it smaller first.",
    "too_slow": "Decoding this picture takes too long. Save it again as JPEG or PNG.",
}


class PhotoError(ValueError):
    """A picture that cannot be used: ``reason`` is a key of REASONS, ``values`` fill it in."""

    def __init__(self, reason: str, **values):
        super().__init__(REASONS[reason].format(**values))
        self.reason, self.values = reason, values
