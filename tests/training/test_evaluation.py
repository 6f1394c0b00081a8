"""Accuracy, confusion matrix and mistakes, against scikit-learn and plain loops."""

import numpy as np
import pytest
import torch
from sklearn import metrics

from cnn_space.images.data import ImageSet
from cnn_space.training.evaluation import judge, predict

CLASSES = ("ant", "bee", "cat", "dog")


def test_figures_agree_with_scikit_learn():
    torch.manual_seed(0)
    logits, labels = torch.randn(300, 4), torch.randint(0, 4, (300,))
    logits[torch.arange(300), labels] += 1
    found, answers = judge(logits, labels, CLASSES), logits.argmax(1)
    assert found.accuracy == pytest.approx(100 * metrics.accuracy_score(labels, answers))
    assert np.array_equal(found.confusion, metrics.confusion_matrix(labels, answers))
    recalls = metrics.recall_score(labels, answers, average=None)
    assert list(found.per_class.values()) == pytest.approx(100 * recalls, abs=1e-4)
    assert found.answers == answers.tolist()


def test_mistakes_come_most_confident_first():
    torch.manual_seed(1)
    logits, labels = torch.randn(100, 4), torch.randint(0, 4, (100,))
    found, sure = judge(logits, labels, CLASSES), logits.softmax(1).max(1).values
    wrong = [i for i in range(100) if logits[i].argmax() != labels[i]]
    assert found.mistakes == sorted(wrong, key=lambda i: -sure[i])
    assert found.confidences == pytest.approx(sure.tolist())


def test_a_class_without_images_scores_nothing():
    found = judge(torch.eye(4)[:2], torch.tensor([0, 1]), CLASSES)
    assert found.accuracy == 100
    assert found.per_class == {"ant": 100, "bee": 100, "cat": 0, "dog": 0}


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
