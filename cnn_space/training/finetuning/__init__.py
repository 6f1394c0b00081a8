"""Teaching a trained net new classes from few images, in seconds to minutes on a CPU.

First a new last layer alone, at the end all layers, the lower ones at a lower rate, as fastai has
it (Howard and Gugger, fastai: A Layered API for Deep Learning, 2020, section 2.1); in between the
net's last stage, for layers are best unfrozen from the top (Howard and Ruder, Universal Language
Model Fine-tuning for Text Classification, 2018, section 3.3). What frozen layers make of an image
never changes, so it is computed once for the first two. Each stage is a ``TrainingRun``, the loop
of ``python -m cnn_space train``.

``Course`` is what all runs have in common; ``HeldOut`` is judged after every epoch on images that
were held out, ``CrossValidated`` learns few images all and is judged a fold at a time.
"""

from cnn_space.training.finetuning.folds import draw_folds
from cnn_space.training.finetuning.inputs import preview, scaled, split
from cnn_space.training.finetuning.report import Point, Report, Update
from cnn_space.training.finetuning.result import Result, result_name, save
from cnn_space.training.finetuning.run import Run
from cnn_space.training.finetuning.suspects import Suspect

__all__ = [
    "Point",
    "Report",
    "Result",
    "Run",
    "Suspect",
    "Update",
    "draw_folds",
    "preview",
    "result_name",
    "save",
    "scaled",
    "split",
]
