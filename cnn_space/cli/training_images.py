"""The images of one training: from the Hub, from Parquet files, or photos in class folders."""

from dataclasses import dataclass, replace
from pathlib import Path

from cnn_space.cli.finetune import print_remarks
from cnn_space.images import photo_set, sources, training_set
from cnn_space.images.image_set import ImageSet
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.images.sources import Source

HELD_OUT = "held out of train"
SHARE = 5  # where nothing else judges a net, one image in so many is held out


@dataclass(frozen=True)
class Images:
    """The images of a training. ``everything`` is the split train; ``holdout`` how many of it were
    asked to be held out; ``measure`` what the final figure is measured on."""

    everything: ImageSet
    learn: ImageSet
    held_out: ImageSet
    measure: ImageSet
    holdout: int


def chosen_source(data: str | None, folder: Path | None) -> Source:
    """The set that --data names, or the photos in the --data-dir ``folder``, or CIFAR-10."""
    if data is None and folder is not None and photo_set.holds_photos(folder):
        path = folder.resolve()
        title = path.stem if path.is_file() else path.name
        return Source(title or "images", None, holdout=0, lossless=False)
    return sources.find_source(data or "cifar10")


def read_images(source: Source, options) -> Images:
    """The images that the ``options`` of ``train`` ask for. Raises ValueError where they cannot be
    used."""
    if options.data_dir is not None and photo_set.holds_photos(options.data_dir):
        everything, measure = _read_photos(source, options)
    else:
        everything, measure = _read_set(source, options)
    usual = source.holdout or (max(1, len(everything) // SHARE) if measure is None else 0)
    holdout = usual if options.holdout is None else options.holdout
    learn, held_out = everything.split(holdout, seed=0)
    if options.limit and options.limit < len(learn):
        learn = learn.split(options.limit, seed=0)[1]
    if measure is None:
        if not len(held_out):
            raise ValueError("this is measured on held-out images: --holdout needs to leave some")
        measure = replace(held_out, split_name=HELD_OUT)
    return Images(everything, learn, held_out, measure, holdout)


def _without_test(options) -> bool:
    # An experiment never sees the test split: it is for the figure of shipped weights.
    return options.no_test or options.experiment


def _read_set(source: Source, options) -> tuple[ImageSet, ImageSet | None]:
    """The split train of a set, and what the net is measured on; None: on held-out images."""
    name, folder = options.data or source.hub, options.data_dir
    everything = training_set.read_split(name, "train", folder=folder, side=options.image_size)
    if _without_test(options):
        return everything, None
    measure = training_set.read_split(name, "eval", folder=folder, side=everything.side)
    return everything, measure.numbered_as(everything.classes)


def _read_photos(source: Source, options) -> tuple[ImageSet, ImageSet | None]:
    """The same of photos in class folders."""
    side = options.image_size or source.side
    visitor_set = photo_set.read_photos(
        options.data_dir, preprocessing=side and Preprocessing(side, side)
    )
    print_remarks(visitor_set)
    images = visitor_set.images
    everything = replace(images, name=source.title, note=f"{images.side} px")
    if images.held_out is None:
        return everything, None
    learn = everything.subset(~images.held_out)
    learn = replace(learn, held_out=None, split_name="train")
    if _without_test(options):
        return learn, None
    return learn, replace(everything.subset(images.held_out), held_out=None)
