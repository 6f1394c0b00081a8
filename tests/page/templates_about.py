"""Values for the template of About: see test_templates.py."""

from cnn_space.models.catalogue import Paper
from cnn_space.page.about.sources import Addresses, PaperOf, Published, TrainedOn
from cnn_space.page.classify.examples import Example


def about(text: str) -> dict:
    nets = (text, text)
    return {
        "sets": [TrainedOn(text, text, text, nets, 5, 5, nets, 32, nets)],
        "terms": {text: "about_terms_cifar10"},
        "published": [Published(text, text, text, text, 10, nets)],
        "papers": [PaperOf(Paper(text, text), 1998, nets)],
        "photos": [Example(text, text, (), text, text, text)],
        "drawings": 1,
        "licence": text,
        "where": Addresses(text, text),
        "bibtex": text,
    }


CASES = {"about/templates/about.html": about}
