"""HTML as tests look at it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "input", "img", "br", "wbr"})


@dataclass
class Element:
    """An element with everything below it."""

    name: str
    attributes: dict[str, str]
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text below, white space collapsed."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join("".join(parts).split())

    def all(self, name: str, /, **attributes: str) -> "list[Element]":
        """Elements below of that name with these attributes (`class_` for class)."""
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        below = [child for child in self.children if isinstance(child, Element)]
        own = [
            each
            for each in below
            if each.name == name and wanted.items() <= each.attributes.items()
        ]
        return own + [found for each in below for found in each.all(name, **attributes)]

    def one(self, name: str, /, **attributes: str) -> "Element":
        """The only such element."""
        (found,) = self.all(name, **attributes)
        return found

    def everything(self) -> "list[Element]":
        """All elements below."""
        below = [child for child in self.children if isinstance(child, Element)]
        return below + [found for each in below for found in each.everything()]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if self._open[-1].name != tag:
            raise AssertionError(f"</{tag}> closes <{self._open[-1].name}>")
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parse(html: str) -> Element:
    """The document; tags that don't fit together are an error."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return builder.root


def table(document: Element, id_: str) -> list[list[str]]:
    """The body of a table as texts."""
    body = document.one("table", id=id_).one("tbody")
    return [[*(cell.text for cell in row.all("th") + row.all("td"))] for row in body.all("tr")]
