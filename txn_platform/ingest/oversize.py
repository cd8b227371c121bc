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


# Possessive, and without alternatives: they run through megabytes without a stack.
_IN_QUOTES = re.compile(rb'[^"]*+(?:""[^"]*+)*+')
_QUOTED_FIELDS = re.compile(rb'(?:"[^"]*+(?:""[^"]*+)*+",)++')
_UNQUOTED_END = re.compile(rb"(?=[\r\n])|,(?=\")")
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
            if self._state is _State.QUOTED:
                at = self._leave_quotes(block, at)
            elif block[at] in b"\r\n":
                return at
            elif self._state is _State.QUOTE_IN_QUOTED:
                self._state = _AFTER_QUOTE.get(block[at], _State.UNQUOTED)
                at += 1
            elif self._state is _State.FIELD_START and block[at] == ord('"'):
                at = self._enter_quotes(block, at)
            else:
                at = self._cross_unquoted(block, at)
        return None

    def _enter_quotes(self, block: bytes, at: int) -> int:
        end = _skip(_QUOTED_FIELDS, block, at)
        if end > at:
            return end
        self._state = _State.QUOTED
        return at + 1

    def _leave_quotes(self, block: bytes, at: int) -> int:
        quote = _skip(_IN_QUOTES, block, at)
        if quote < len(block):
            self._state = _State.QUOTE_IN_QUOTED
        return quote + 1

    def _cross_unquoted(self, block: bytes, at: int) -> int:
        """To a terminator, to a field that starts with a quote, or to the end of the block."""
        found = _UNQUOTED_END.search(block, at)
        end = found.end() if found else len(block)
        at_start = block[end - 1 : end] == b","
        self._state = _State.FIELD_START if at_start else _State.UNQUOTED
        return end


def _skip(pattern: re.Pattern[bytes], block: bytes, at: int) -> int:
    found = pattern.match(block, at)
    return found.end() if found else at
