"""What a client calls its file, as something that can be written down."""

import unicodedata

UNNAMED = "upload.csv"
MAX_NAME_BYTES = 255
"""What file systems allow; it ends in the manifest, not in a path."""


def clean_name(given: bytes | None) -> str:
    """The last part of a file's name in printable UTF-8, or a stand-in where nothing is left.

    Args:
        given: As it stands in the part's header. Some clients send a whole path.
    """
    text = (given or b"").decode("utf-8", errors="replace").replace("\\", "/")
    last = text.rstrip("/").rpartition("/")[2]
    printable = "".join(
        letter for letter in last if not unicodedata.category(letter).startswith("C")
    )
    name = printable.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip()
    return UNNAMED if name in {"", ".", ".."} else name
