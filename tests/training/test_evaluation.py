"""Accuracy, confusion matrix and loss, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn import metrics

from cnn_space.images.image_set import ImageSet
from cnn_space.training.evaluation import evaluate, loss_and_accuracy, predict

CLASSES = ("ant", "bee", "cat", "dog")


PLAIN = {"mean": (0.5,) * 3, "std": (0.5,) * 3}


def as_set(logits, labels) -> ImageSet:
    """Images that ``Identity`` answers with these logits."""
    return ImageSet(logits, labels, CLASSES)


class Identity(torch.nn.Linear):
    """Answers features with themselves."""

    def __init__(self):
        super().__init__(1, 1)

    def forward(self, x):
        return x


def test_figures_agree_with_scikit_learn():
    torch.manual_seed(0)
    logits, labels = torch.randn(300, 4), torch.randint(0, 4, (300,))
    logits[torch.arange(300), labels] += 1
    measured, answers = evaluate(Identity(), as_set(logits, labels), **PLAIN), logits.argmax(1)
    assert measured.accuracy == pytest.approx(100 * metrics.accuracy_score(labels, answers))
    assert np.array_equal(measured.confusion, metrics.confusion_matrix(labels, answers))
    recalls = metrics.recall_score(labels, answers, average=None)
    assert list(measured.per_class.values()) == pytest.approx(100 * recalls)
    loss, accuracy = loss_and_accuracy(logits, labels)
    assert loss == pytest.approx(metrics.log_loss(labels, logits.double().softmax(1)), rel=1e-5)
    assert accuracy == pytest.approx(measured.accuracy)


def test_a_class_without_images_has_no_figure():
    measured = evaluate(Identity(), as_set(torch.eye(4)[:2], torch.tensor([0, 1])), **PLAIN)
    assert measured.accuracy == 100
    assert measured.per_class == {"ant": 100, "bee": 100}


def test_predict_normalises_in_parts_and_judges_in_eval_mode():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(), torch.nn.Linear(12, 4))
    images = torch.randint(0, 256, (7, 3, 2, 2), dtype=torch.uint8)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    whole = ImageSet(images, torch.zeros(7, dtype=torch.long), CLASSES)
    found = predict(net.train(), whole, mean=mean, std=std, batch_size=3)
    inputs = (images / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    assert not net.training and torch.allclose(found, net(inputs), atol=1e-5)
    features = ImageSet(inputs, whole.labels, CLASSES)
    assert torch.allclose(predict(net, features, mean=mean, std=std), found, atol=1e-5)
