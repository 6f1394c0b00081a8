"""HTML of the page as a tree of elements, for tests that ask what it shows."""

import base64
import csv
import io
from html.parser import HTMLParser
from xml.etree import ElementTree

from PIL import Image

VOID = {"img", "br", "input"}


class _Builder(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tree = ElementTree.TreeBuilder()

    def handle_starttag(self, tag, attributes):
        self.tree.start(tag, {name: value or "" for name, value in attributes})
        if tag in VOID:
            self.tree.end(tag)

    def handle_endtag(self, tag):
        self.tree.end(tag)

    def handle_data(self, data):
        self.tree.data(data)


def parse(html: str) -> ElementTree.Element:
    """The elements of a piece of HTML, under a root of their own."""
    builder = _Builder()
    builder.feed(f"<root>{html}</root>")
    builder.close()
    return builder.tree.close()


def text(element: ElementTree.Element | None) -> str:
    """All the text in an element, white space as a browser shows it; "" for None."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def with_class(html: str | ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """The elements of that CSS class, in order."""
    root = parse(html) if isinstance(html, str) else html
    return [element for element in root.iter() if name in element.get("class", "").split()]


def pictures(html: str) -> list[Image.Image]:
    """The pictures that lie inside the HTML, in order."""
    addresses = [image.get("src") for image in parse(html).iter("img")]
    data = [base64.b64decode(address.partition("base64,")[2]) for address in addresses]
    return [Image.open(io.BytesIO(file)) for file in data]


def files(html: str) -> dict[str, str]:
    """The files inside the links of the HTML, by name."""
    links = {link.get("download"): link.get("href") for link in parse(html).iter("a")}
    return {
        name: base64.b64decode(address.partition("base64,")[2]).decode("utf-8-sig")
        for name, address in links.items()
        if name
    }


def sheet(html: str, name: str = "") -> list[list[str]]:
    """The rows of the CSV file of that name inside the links of the HTML, by default the only
    one."""
    sheets = {file: text for file, text in files(html).items() if file.endswith(".csv")}
    (content,) = [sheets[name]] if name else sheets.values()
    return list(csv.reader(io.StringIO(content)))
