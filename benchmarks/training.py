"""Our training loop against the plain one of the blog posts, on this machine, in one run.

    python benchmarks/training.py [--images 1024] [--rounds 3]
    python benchmarks/training.py --epochs-to 71.99 --data-dir FOLDER

The first prints the images/s of both loops for GoogLeNet and ResNet-18 at 32 pixels, round by round
in turn, and the ratio of the medians; it ends with 1 below the target (3.5 on a CPU that is good
at bfloat16, else 1.3). The second trains GoogLeNet on CIFAR-10 and prints the epochs it takes to
reach an accuracy on the 5,000 held-out images.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from cnn_space import create_model, data
from cnn_space.recipes import Recipe, recipe_for
from cnn_space.training import Run, good_at_bfloat16

NETS = ("googlenet", "resnet18")


class PilImages(torch.utils.data.Dataset):
    """CIFAR-10 as torchvision hands it out: one PIL image at a time, transformed on its way."""

    def __init__(self, images: data.ImageSet):
        from torchvision import transforms

        pixels = images.images.permute(0, 2, 3, 1).numpy()
        self.images = [Image.fromarray(image) for image in pixels]
        self.labels = images.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.Pad(4),
                transforms.RandomCrop(32),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        return self.transform(self.images[index]), self.labels[index]


def plain(net: nn.Module, images: data.ImageSet, batch: int, device) -> Iterator[float]:
    """Images/s of each epoch of the loop that tutorials teach: fp32, NCHW, a DataLoader."""
    loader = torch.utils.data.DataLoader(PilImages(images), batch, shuffle=True, drop_last=True)
    net.to(device).train()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    while True:
        start, total = time.perf_counter(), 0.0
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad()
            loss = criterion(net(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        yield len(loader) * batch / (time.perf_counter() - start)


def ours(net: nn.Module, images: data.ImageSet, batch: int, device) -> Iterator[float]:
    """Images/s of each epoch of our loop, on the same images with the same augmentation."""
    run = Run(net, images, Recipe(epochs=1000, batch_size=batch, lr=0.01), device=device)
    return (progress.images_per_s for progress in run if progress.epoch_ended)


def compare(count: int, batch: int, rounds: int, device: torch.device) -> bool:
    """Print both loops' speed for every net; whether the target is met by all."""
    fast = good_at_bfloat16(device)
    target = 3.5 if fast and device.type == "cpu" else 1.3
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    images = data.ImageSet(pixels, torch.randint(0, 10, (count,)), tuple("0123456789"))
    print(f"{device}, {torch.get_num_threads()} threads, bfloat16 {'yes' if fast else 'no'}; "
          f"{count} images of 32 × 32 an epoch, batch {batch}, {rounds} rounds")  # fmt: skip
    met = True
    for arch in NETS:
        options = {"aux": False} if arch == "googlenet" else {}
        loops = [
            loop(create_model(arch, 10, small_input=True, **options), images, batch, device)
            for loop in (plain, ours)
        ]
        for loop in loops:
            next(loop)  # kernels are chosen, memory is taken
        speeds = [[next(loop) for loop in loops] for _ in range(rounds)]
        slow, quick = map(statistics.median, zip(*speeds, strict=True))
        met &= quick / slow >= target
        print(f"{arch:10} plain {slow:8.1f} images/s   ours {quick:8.1f} images/s   "
              f"{quick / slow:.2f} times (target {target})", flush=True)  # fmt: skip
    return met


def epochs_to(accuracy: float, folder: Path, most: int, device: torch.device) -> bool:
    """Train GoogLeNet for ``most`` epochs at the longest; whether it came that far."""
    source = data.SOURCES["cifar10"]
    learn, held_out = data.read("cifar10", "train", folder=folder).split(source.holdout)
    recipe = recipe_for("googlenet", "cifar10", epochs=most, batch_size=128, lr=0.12, cutout=0)
    torch.manual_seed(recipe.seed)
    net = create_model("googlenet", len(learn.classes), small_input=True)
    run = Run(net, learn, recipe, val_set=held_out, mean=source.mean, std=source.std, device=device)
    for progress in run:
        if not progress.epoch_ended:
            continue
        print(f"epoch {progress.epoch}: {progress.val_accuracy:.2f} % of the held-out images, "
              f"{run.seconds:.0f} s", flush=True)  # fmt: skip
        if progress.val_accuracy >= accuracy:
            print(f"GoogLeNet reaches {accuracy} % in {progress.epoch} epochs")
            return True
    print(f"GoogLeNet does not reach {accuracy} % in {most} epochs")
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1024, help="generated images an epoch")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--epochs-to", type=float, metavar="ACCURACY", help="instead: train so far")
    parser.add_argument("--most", type=int, default=5, help="length of that training in epochs")
    parser.add_argument("--data-dir", type=Path, help="CIFAR-10 as Parquet (default: the Hub)")
    options = parser.parse_args()
    device = torch.device(options.device)
    if options.epochs_to is not None:
        return not epochs_to(options.epochs_to, options.data_dir, options.most, device)
    return not compare(options.images, options.batch, options.rounds, device)


if __name__ == "__main__":
    sys.exit(main())
