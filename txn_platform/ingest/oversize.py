"""Records that are too large to hold: followed to their end, hashed and counted, never kept."""

import codecs
import re
from enum import Enum

from txn_platform.ingest.formats import Reason
from txn_platform.ingest.hashing import record_digest


class _State(Enum):
    """Where in a record the `csv` module's reader would be."""

    FIELD_START = 1
    UNQUOTED = 2
    QUOTED = 3
    QUOTE_IN_QUOTED = 4


_FIELD_END = re.compile(rb"[\r\n]|,(?=\")")
_TERMINATORS = (b"\r\n", b"\n", b"\r")
_AFTER_QUOTE = {ord('"'): _State.QUOTED, ord(","): _State.FIELD_START}


class OversizeRecord:
    """A record in passing. Feed it the bytes from its first one on."""

    def __init__(self, key: bytes | None) -> None:
        self._state = _State.FIELD_START
        self._digest = record_digest(key)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._decodable = True
        self._held = b""
        self.length = 0

    def feed(self, block: bytes) -> int:
        """Take in what of `block` belongs to the record, and say how many bytes that is.

        Fewer than all of them: there, at its terminator, the record ends.
        """
        end = self._find_end(block)
        if end is None:
            # At the end of the file, a terminator inside an open quote doesn't count either.
            content = self._held + block
            self._held = next(filter(content.endswith, _TERMINATORS), b"")
            kept = content.removesuffix(self._held)
        else:
            kept = self._held + block[:end]
        self.length += len(kept)
        self._digest.update(kept)
        self._check(kept, final=False)
        return len(block) if end is None else end

    def reason(self) -> Reason:
        """Why the ended record is rejected: its fields were not counted, or can't be decoded."""
        self._check(b"", final=True)
        return Reason.WRONG_FIELD_COUNT if self._decodable else Reason.INVALID_ENCODING

    def hexdigest(self) -> str:
        """The hash of the record's bytes."""
        return self._digest.hexdigest()

    def _check(self, part: bytes, *, final: bool) -> None:
        try:
            self._decoder.decode(part, final)
        except UnicodeDecodeError:
            self._decodable = False
            self._decoder.reset()
        self._decodable = self._decodable and b"\0" not in part

    def _find_end(self, block: bytes) -> int | None:
        at = 0
        while at < len(block):
            match self._state:
                case _State.QUOTED:
                    at = self._skip_to_quote(block, at)
                case _State.QUOTE_IN_QUOTED if block[at] in b"\r\n":
                    return at
                case _State.QUOTE_IN_QUOTED:
                    self._state = _AFTER_QUOTE.get(block[at], _State.UNQUOTED)
                    at += 1
                case _State.FIELD_START if block[at] == ord('"'):
                    self._state = _State.QUOTED
                    at += 1
                case _:
                    found = _FIELD_END.search(block, at)
                    if found is None:
                        ended = block.endswith(b",")
                        self._state = _State.FIELD_START if ended else _State.UNQUOTED
                        return None
                    if found[0] != b",":
                        return found.start()
                    self._state = _State.FIELD_START
                    at = found.end()
        return None

    def _skip_to_quote(self, block: bytes, at: int) -> int:
        quote = block.find(b'"', at)
        if quote < 0:
            return len(block)
        self._state = _State.QUOTE_IN_QUOTED
        return quote + 1
