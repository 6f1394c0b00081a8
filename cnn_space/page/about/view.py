"""The HTML of About: what ``sources`` knows, the template filled."""

from datetime import date

from markupsafe import Markup

from cnn_space.page.about import sources
from cnn_space.page.classify.examples import EXAMPLES
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import TEXTS
from cnn_space.publishing.metadata import LICENSE


def about(lang: str = "en") -> Markup:
    """Nets, data, figures, papers, licences, limits, citation and links."""
    known, where = sources.records(), sources.addresses()
    sets = sources.trained(known)
    terms = {data.tag: f"about_terms_{data.tag}" for data in sets}
    return render(
        "about/templates/about.html",
        lang,
        sets=sets,
        terms={tag: key for tag, key in terms.items() if key in TEXTS[lang]},
        published=sources.published(known),
        papers=sources.papers(),
        photos=[example for example in EXAMPLES if example.author],
        drawings=sum(not example.author for example in EXAMPLES),
        licence=LICENSE,
        where=where,
        bibtex=sources.bibtex(where, LICENSE, date.today().isoformat()),
    )
