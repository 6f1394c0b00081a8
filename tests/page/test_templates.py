"""Every template, filled with hostile text in every value: nothing of it becomes markup.

Each tab lists its templates in ``templates_<tab>.py``: {template: a function that gives the
template's values, with ``text`` wherever a visitor's or a file's text could stand}.
"""

from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError
from templates_about import CASES as ABOUT
from templates_check import CASES as CHECK
from templates_classify import CASES as CLASSIFY
from templates_common import CASES as COMMON
from templates_compare import CASES as COMPARE
from templates_finetune import CASES as FINETUNE
from templates_inception import CASES as INCEPTION

from cnn_space.page import PAGE
from cnn_space.page.common.templates import environment, render, unbroken

CASES = COMMON | CLASSIFY | COMPARE | INCEPTION | CHECK | FINETUNE | ABOUT
HOSTILE = (
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "</svg></style></title><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}{0}{lang}&lt;b&gt;",
)


class Markup(HTMLParser):
    """The tags and attribute names of a page, and all its text and attribute values."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, [name for name, _ in attributes]))
        self.texts += [value or "" for _, value in attributes]

    def handle_endtag(self, tag):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def only_macros(template: str) -> bool:
    """Whether a template shows nothing by itself: its macros are tried where they are used."""
    try:
        return not environment().get_template(template).render().strip()
    except UndefinedError:
        return False


def test_every_template_is_tried():
    files = {str(file.relative_to(PAGE)) for file in PAGE.glob("*/templates/*.html")}
    assert CASES.keys() == {file for file in files if not only_macros(file)}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("template", CASES)
def test_hostile_text_stays_text(template, lang):
    harmless = Markup(render(template, lang, **CASES[template]("x")))
    for text in HOSTILE:
        shown = Markup(render(template, lang, **CASES[template](text)))
        assert shown.tags == harmless.tags, text
        # Unless the template shows numbers and pictures alone, the text is there, unchanged.
        assert shown.texts == harmless.texts or any(text in part for part in shown.texts)


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("cat 91.3 %, dog &lt; 0.1 %", "cat 91.3~%, dog &lt;~0.1~%"),
        ("5.6 M parameters, 40 ms, 3 nets, 20 s", "5.6~M parameters, 40~ms, 3 nets, 20~s"),
        ("<b title='5 %'>1,024 KiB</b> of 2 GB", "<b title='5 %'>1,024~KiB</b> of 2~GB"),
        (
            "<code>x = 5 % 3</code> 5 %<pre>\n7 % 2</pre>",
            "<code>x = 5 % 3</code> 5~%<pre>\n7 % 2</pre>",
        ),
        ("2.37 × the MACs, 64 × 28 × 28", "2.37~× the MACs, 64 × 28 × 28"),
        ("4 seconds, 3 more", "4 seconds, 3 more"),
    ],
)
def test_a_number_and_its_unit_stay_on_one_line(html, shown):
    """But not in attributes, where nothing breaks, and in code, which is copied."""
    assert unbroken(html) == shown.replace("~", "\u00a0")
