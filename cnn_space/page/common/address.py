"""What the page's address holds: the open tab, and in each tab what was chosen.

A tab declares its components with ``Address.keep``; ``address.js`` writes what differs from the
start into the address and sets the components when a link is opened, or on Back and Forward. What
an address cannot name, such as a visitor's own photo, is left out; what it names wrongly is
ignored.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import gradio as gr

from cnn_space.page.common.components import QUIET, script

SCRIPT = script("common/address.js").strip().rstrip(";")
AT_ONCE = {"queue": False} | QUIET


@dataclass(frozen=True)
class Part:
    """One component in the address. ``kind`` says how address.js reads and writes it, ``known``
    what it may be: a list of values, {name: path} of photos, the least and the largest number, or a
    pattern."""

    component: gr.components.Component
    kind: str
    known: Collection


def choice(component: gr.components.Component, values: Collection[str]) -> Part:
    """One of ``values``, or several of them where the component takes several."""
    return Part(component, "choice", list(values))


def number(component: gr.Number | gr.Slider, least: int, most: int) -> Part:
    """A whole number from ``least`` to ``most``."""
    return Part(component, "number", [least, most])


def switch(component: gr.Checkbox) -> Part:
    """On or off."""
    return Part(component, "switch", [])


def words(component: gr.Textbox, pattern: str, most: int) -> Part:
    """A text of at most ``most`` letters that ``pattern`` allows, and not an empty one."""
    return Part(component, "words", [f"^(?:{pattern}){{1,{most}}}$"])


def photo(component: gr.Image, examples: Mapping[str, str]) -> Part:
    """One of the example photos, {name: path among the uploads}; a visitor's own is left out."""
    component.keep_in_cache |= set(examples.values())  # longer than what visitors upload
    return Part(component, "photo", examples)


class Address:
    """The page's address. The tabs say what is in it, then ``wire`` makes it work."""

    def __init__(self):
        self._rows: dict[str, tuple[gr.Tabs, str | None]] = {}
        self._parts: dict[str, tuple[str, Part]] = {}
        self._then: list[Mapping] = []

    def tabs(self, name: str, row: gr.Tabs, inside: str | None = None) -> None:
        """Have the open tab of a row in the address, by its id. A row inside a tab comes after the
        row that this tab, called ``inside``, is of."""
        self._rows[name] = (row, inside)

    def keep(
        self,
        tab: str,
        on: Iterable[Callable] = (),
        then: Mapping | None = None,
        **parts: Part,
    ) -> None:
        """Have ``parts`` in the address, by the names given; where it names no tab they open
        ``tab``.

        ``on`` are the events (``button.click``, ``event.then``) after which all of them are
        written, by default any component's change. ``then`` is an event (fn, inputs, outputs) that
        follows whenever an address was opened, for what no component's own change brings about.
        """
        self._parts |= {name: (tab, part) for name, part in parts.items()}
        self._then += [then] if then else []
        components = [part.component for part in parts.values()]
        for event in on or [component.change for component in components]:
            event(None, components, None, js=_note(*parts), **AT_ONCE)

    def wire(self, demo: gr.Blocks) -> None:
        """Create the events, once all tabs have said what they keep."""
        back = gr.Button(visible="hidden", elem_id="address-back")  # pressed by address.js
        components = [row for row, _ in self._rows.values()]
        components += [part.component for _, part in self._parts.values()]
        opened = gr.on(
            [demo.load, back.click],
            None,
            None,
            components,
            js=f"() => ({SCRIPT})({json.dumps(self._described())})",
            **AT_ONCE,
        )
        for event in self._then:
            opened.then(**event)
        for name, (row, _) in self._rows.items():
            for tab in row.children:
                tab.select(None, None, None, js=_note(name, values=[tab.id]), **AT_ONCE)

    def _described(self) -> dict:
        """What address.js needs to know."""
        return {
            "rows": [
                {"name": name, "tabs": [tab.id for tab in row.children], "inside": inside}
                for name, (row, inside) in self._rows.items()
            ],
            "parts": [
                {
                    "name": name,
                    "tab": tab,
                    "id": part.component._id,
                    "kind": part.kind,
                    "known": part.known,
                }
                for name, (tab, part) in self._parts.items()
            ],
        }


def _note(*names: str, values: list[str] | None = None) -> str:
    """The script by which an event notes values, by default those of its inputs."""
    given = json.dumps(values) if values else "values"
    return f"(...values) => window.address?.note({json.dumps(names)}, {given})"
