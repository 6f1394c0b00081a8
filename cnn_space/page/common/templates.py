"""HTML from files: Jinja2, with every value escaped unless it is ``Markup``.

``render("classify/templates/answer.html", lang, ...)`` fills ``cnn_space/page/classify/templates/
answer.html``. In a template ``say(key, ...)`` is a sentence, ``label(name)`` a class name and
``accuracy(percent, images)`` a held-out accuracy in the visitor's language, and ``term(name)`` a
word of the field that opens into its meaning, by the glossary in ``common/texts.*.json`` (it is a
button: not inside a link or another button). The functions of ``cnn_space.formats`` are filters
(``{{ n | count }}``), and so are ``data_uri`` for pictures, ``csv_uri`` and ``markdown_uri`` for
tables. Macros that tabs share, such as a bar or a table, are in ``common/templates/macros.html``.
"""

import re
from collections.abc import Sequence
from functools import cache, partial

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from cnn_space import formats
from cnn_space.page import PAGE
from cnn_space.page.common import texts
from cnn_space.page.common.pictures import data_uri
from cnn_space.page.common.tables import csv_uri, markdown_uri

# The space between a number and its unit, or a sign and its number. What is not text has other
# rules: tags, and code, which is copied.
_FIGURE = re.compile(
    r"<(pre|code|script|style|textarea)\b.*?</\1>|<[^>]*>"
    r"|(?<=\d) (?=%|(?:[kKMGT]|ms|s|px|[KM]i?B|GB|bits?|MACs)\b|×(?! \d))|(?<=&[lg]t;) (?=\d)",
    re.DOTALL,
)


@cache
def environment() -> Environment:
    """The templates of all tabs: autoescape on, an unknown name is an error."""
    jinja = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters |= {name: getattr(formats, name) for name in formats.__all__}
    jinja.filters |= {"data_uri": data_uri, "csv_uri": csv_uri, "markdown_uri": markdown_uri}
    return jinja


def render(template: str, lang: str = "en", **values) -> Markup:
    """The template (a path under ``cnn_space/page``) with ``values``, in ``lang``. A number and its
    unit stay on one line."""
    words = {
        "lang": lang,
        "say": partial(say_html, lang=lang),
        "label": partial(texts.label, lang=lang),
        "term": partial(term, lang=lang),
        "accuracy": partial(texts.accuracy, lang=lang),
    }
    return Markup(unbroken(environment().get_template(template).render(words | values)))


def unbroken(html: str) -> str:
    """``html`` with no-break spaces within its figures: ``91.3 %``, ``5.6 M``, ``> 99.9 %``."""
    return _FIGURE.sub(lambda found: "\u00a0" if found[0] == " " else found[0], html)


def of(tab: str, photo: Image.Image, nets: Sequence[str], html: Markup) -> Markup:
    """``html`` with a note of the photo and the nets that it is of, as ``current.js`` has them."""
    return noted(tab, "\n".join([photo.info.get("path", ""), *nets]), html)


def noted(tab: str, of: str, html: Markup) -> Markup:
    """``html`` with a note of what it is of: ``outdated.js`` dims it where something else is chosen
    in ``tab``. Empty HTML stays empty."""
    return html and render("common/templates/of.html", tab=tab, of=of, html=html)


def term(name: str, text: str = "", lang: str = "en") -> Markup:
    """``name`` (or ``text``) with its meaning a click away; plain where the glossary has none, as
    for the data set of a visitor. A term can also fill a place in a sentence of ``say``."""
    text = text or texts.label(name, lang)
    means = texts.TEXTS[lang].get(f"term_{name}")
    return render("common/templates/term.html", lang, text=text, means=means)


def say_html(key: str, lang: str = "en", **values) -> Markup:
    """The sentence behind ``key`` as HTML, its values escaped; the sentence itself is ours and may
    hold tags such as ``<b>``."""
    return Markup(texts.TEXTS[lang][key]).format(**values)
