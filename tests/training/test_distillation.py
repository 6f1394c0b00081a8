"""Learning from the answers of trained nets: what they are, and that they are what is learnt."""

import pytest
import torch
from PIL import Image, ImageOps
from throwaway import write_weights
from torch import nn

from cnn_space import weights
from cnn_space.images.augmentation import draw_epoch
from cnn_space.images.image_set import ImageSet
from cnn_space.inference.classification import classify
from cnn_space.training import distillation, learner
from cnn_space.training.loop import TrainingRun
from cnn_space.training.recipes import Recipe


def noise(teacher: weights.Loaded, count=5, side=32, seed=3) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count), teacher.record.labels)


@pytest.fixture
def teachers(tmp_path) -> list[weights.Loaded]:
    paths = [write_weights(tmp_path, f"{net}.cifar10", net)[0] for net in ("lenet5", "nin")]
    return [weights.load(path.with_suffix(".safetensors")) for path in paths]


def test_answers_are_those_of_the_page_and_of_the_mirrored_photo(teachers):
    images = noise(teachers[0])
    found = distillation.answers(teachers, images)
    assert found.shape == (2, 5, 10) and not torch.allclose(found[0], found[1], atol=1e-4)
    for number, pixels in enumerate(images.images):
        photo = Image.fromarray(pixels.permute(1, 2, 0).numpy())
        for seen, answer in zip((photo, ImageOps.mirror(photo)), found[:, number], strict=True):
            told = [
                {p.label: p.probability for p in classify(seen, teacher, top_k=10)}
                for teacher in teachers
            ]
            wanted = [sum(t[label] for t in told) / 2 for label in images.classes]
            assert answer.tolist() == pytest.approx(wanted, abs=1e-5)


def test_who_cannot_teach(teachers):
    images = noise(teachers[0])
    with pytest.raises(ValueError, match="is used at 32 pixels, the images have 40"):
        distillation.answers(teachers, noise(teachers[0], side=40))
    with pytest.raises(ValueError, match="other classes"):
        strangers = ImageSet(images.images, images.labels, images.classes[::-1])
        distillation.answers(teachers, strangers)


def test_answers_are_kept_for_the_same_teachers_and_images(teachers, tmp_path, monkeypatch):
    images, folder = noise(teachers[0]), tmp_path / "runs"
    path = distillation.answers_path(folder, teachers, images)
    first = distillation.kept_answers(path, teachers, images)
    assert torch.equal(first, distillation.answers(teachers, images))
    assert list(folder.iterdir()) == [path]
    monkeypatch.delattr(distillation, "answers")
    again = distillation.answers_path(folder, teachers, noise(teachers[0]))
    assert torch.equal(distillation.kept_answers(again, teachers, images), first)
    others = [(teachers[:1], images), (teachers, noise(teachers[0], seed=4))]
    assert len({path, *(distillation.answers_path(folder, *other) for other in others)}) == 3


def test_a_step_learns_labels_and_answers_in_their_shares():
    """Against PyTorch's own loss and optimiser, driven by hand: a quarter truth."""
    torch.manual_seed(0)
    features, labels = torch.randn(32, 5), torch.randint(0, 3, (32,))
    told = torch.rand(2, 32, 3).softmax(2)
    net = nn.Linear(5, 3)
    weight = net.weight.detach().clone().requires_grad_()
    bias = net.bias.detach().clone().requires_grad_()
    recipe = Recipe(
        epochs=1, batch_size=32, lr=0.5, warmup=0.0, weight_decay=0.0, label_smoothing=0.0,
        flip="none", distillation=0.75,
    )  # fmt: skip
    learn = ImageSet(features, labels, ("a", "b", "c"))
    list(TrainingRun(net, learn, recipe, answers=told, bfloat16=False))
    logs = (features @ weight.T + bias).log_softmax(1)
    loss = 0.25 * nn.functional.nll_loss(logs, labels) - 0.75 * (told[0] * logs).sum(1).mean()
    loss.backward()
    # The first step of Nesterov's momentum from rest: 1 + 0.9 gradients.
    assert torch.allclose(net.weight, weight - 0.5 * 1.9 * weight.grad, atol=1e-6)
    assert torch.allclose(net.bias, bias - 0.5 * 1.9 * bias.grad, atol=1e-6)


def test_a_mirrored_image_has_the_answers_to_the_mirrored_image(monkeypatch):
    told = torch.zeros(2, 8, 3)
    told[0, :, 0] = told[1, :, 2] = 1  # as it is: the first class; mirrored: the last
    seen, loss = [], learner.training_loss

    def spy(outputs, target, **options):
        seen.append(target)
        return loss(outputs, target, **options)

    monkeypatch.setattr(learner, "training_loss", spy)
    pixels = torch.randint(0, 256, (8, 3, 4, 4), dtype=torch.uint8)
    learn = ImageSet(pixels, torch.zeros(8).long(), ("a", "b", "c"))
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    recipe = Recipe(epochs=2, batch_size=4, pad=1, distillation=1.0)
    list(TrainingRun(net, learn, recipe, answers=told, bfloat16=False))
    mirrored = torch.cat([draw_epoch(8, epoch=epoch).flip for epoch in (0, 1)])
    assert 0 < mirrored[:4].sum() < 4  # a batch of both kinds
    assert torch.equal(torch.cat(seen).argmax(1), 2 * mirrored.long())


def test_answers_and_their_share_go_together():
    learn = ImageSet(torch.randn(4, 5), torch.zeros(4).long(), ("a", "b"))
    for share, answers in ((0.5, None), (0.0, torch.zeros(2, 4, 2))):
        with pytest.raises(ValueError, match="need a share"):
            TrainingRun(nn.Linear(5, 2), learn, Recipe(distillation=share), answers=answers)
    with pytest.raises(ValueError, match="distillation is"):
        Recipe(distillation=1.5)
