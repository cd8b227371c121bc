"""The one file in a body of `multipart/form-data`, found as the bytes come in."""

import logging
import re

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from api.ingest.names import clean_name
from api.problems import InvalidParameter, ProblemError, invalid

FIELD = "file"
MAX_PARTS = 16
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 4096

# Its warnings quote the body, a byte at a time, and any client can cause them.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PLAIN_ENCODINGS = frozenset({b"", b"7bit", b"8bit", b"binary"})


def refused(reason: str) -> ProblemError:
    """422: the body doesn't hold one file."""
    return invalid(InvalidParameter(FIELD, "form", reason))


class FilePart:
    """Takes the body in pieces of any size and gives back what belongs to the file.

    The file is the part named `file`, or another one that has a file name; other fields are
    passed over.

    Args:
        boundary: What separates the parts, from the header `Content-Type`.

    Attributes:
        name: The file's name once its part has begun; None before.

    Raises:
        ProblemError: 422 for a boundary that can't be used.
    """

    def __init__(self, boundary: bytes) -> None:
        self.name: str | None = None
        self._blocks: list[bytes] = []
        self._headers: list[tuple[bytes, bytes]] = []
        self._field = self._value = b""
        self._parts = 0
        self._inside = False
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_to_field,
                    "on_header_value": self._add_to_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._add_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
                max_header_count=MAX_PART_HEADERS,
                max_header_size=MAX_PART_HEADER_BYTES,
            )
        except FormParserError:
            raise refused("the boundary of the body is too long") from None

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of the file in the next piece of the body.

        Raises:
            ProblemError: 422 for a body that is malformed or holds more than one file.
        """
        try:
            self._parser.write(data)
        except FormParserError:
            raise refused("the body is not well-formed multipart/form-data") from None
        blocks, self._blocks = self._blocks, []
        return blocks

    def finish(self) -> None:
        """Say that nothing follows.

        Raises:
            ProblemError: 422 for a body that was cut off, or holds no file.
        """
        if not self._complete:
            raise refused("the body ends before its last boundary")
        if self.name is None:
            raise refused("is missing; send the CSV file as the part `file`")

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise refused(f"the body has more than {MAX_PARTS} parts")
        self._headers = []

    def _add_to_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers.append((self._field.lower(), self._value))
        self._field = self._value = b""

    def _end_headers(self) -> None:
        options = self._disposition()
        if options[b"name"] != FIELD.encode() and b"filename" not in options:
            return
        if self.name is not None:
            raise refused("the body holds more than one file; send them one by one")
        if self._header(b"content-transfer-encoding").lower() not in _PLAIN_ENCODINGS:
            raise refused("must be sent as it is, without a Content-Transfer-Encoding")
        if self._header(b"content-type").lower().startswith(b"multipart/"):
            raise refused("must not be a multipart body itself")
        self.name = clean_name(options.get(b"filename"))
        self._inside = True

    def _disposition(self) -> dict[bytes, bytes]:
        kind, options = parse_options_header(self._header(b"content-disposition"))
        if kind != b"form-data" or b"name" not in options:
            raise refused("each part needs `Content-Disposition: form-data` with a name")
        return options

    def _header(self, name: bytes) -> bytes:
        """The value of one of the part's headers, empty where it is not there."""
        values = [value for field, value in self._headers if field == name]
        if len(values) > 1 or any(map(_CONTROL.search, values)):
            raise refused(f"a part has an unusable header {name.decode()}")
        return values[0] if values else b""

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._blocks.append(data[start:end])

    def _end_part(self) -> None:
        self._inside = False

    def _end(self) -> None:
        self._complete = True
