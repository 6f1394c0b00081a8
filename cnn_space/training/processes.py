"""Several processes that train one net together, each on its share of every batch."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Processes:
    """The processes of a training as one of them sees them."""

    rank: int = 0  # of this process, from 0
    count: int = 1

    @classmethod
    def current(cls) -> "Processes":
        """Those of ``torch.distributed`` where it was started, else this process alone."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    def batch_size(self, wanted: int, images: int) -> int:
        """How many of ``images`` images make one batch of all processes: ``wanted``, or fewer
        where there are not as many. Raises ValueError where the processes cannot share it."""
        if wanted % self.count:
            raise ValueError(
                f"a batch of {wanted} cannot be shared by {self.count} processes: "
                f"choose a multiple of {self.count}"
            )
        size = min(wanted, images) // self.count * self.count
        if not size:
            raise ValueError(
                f"{self.count} processes cannot share {images} images: take fewer processes"
            )
        return size

    def share(self, start: int, stop: int) -> slice:
        """This process's part of the images ``start`` to ``stop``: every ``count``-th."""
        return slice(start + self.rank, stop, self.count)

    def add_up(self, totals: Tensor) -> None:
        """Replace ``totals`` by the sum of those of all processes."""
        if self.count > 1:
            dist.all_reduce(totals)

    def any(self, condition: bool, device: torch.device) -> bool:
        """Whether ``condition`` holds in at least one process; all get the same answer."""
        votes = torch.tensor(float(condition), device=device)
        self.add_up(votes)
        return bool(votes)

    def check_epoch(self, epoch: int, device: torch.device) -> None:
        """Raise ValueError, in all processes, unless all start after the same epoch: each resumes
        from its own disk, and the checkpoint may be missing there."""
        if self.count == 1:
            return
        furthest, nearest = torch.tensor(epoch, device=device), torch.tensor(epoch, device=device)
        dist.all_reduce(furthest, dist.ReduceOp.MAX)
        dist.all_reduce(nearest, dist.ReduceOp.MIN)
        if furthest.item() != nearest.item():
            raise ValueError(
                f"one process goes on after epoch {furthest.item()}, another after "
                f"{nearest.item()}: the folder of the runs must be one that all machines share"
            )
