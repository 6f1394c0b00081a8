"""The device that trains, and whether bfloat16 is fast there."""

import functools
import time

import torch


def find_device(name: str | None = None) -> torch.device:
    """The device called ``name``; without one, a CUDA GPU if there is one, else the CPU.

    Raises ValueError for a device that this machine does not have."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        probe = torch.zeros(1, device=name)
        probe.item()  # fails on "meta", which holds no numbers
        return probe.device
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"there is no device {name!r} here, cpu is always: {reason}") from error


@functools.cache
def good_at_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is fast on ``device``: on CUDA, whether the GPU has it; on a CPU, whether a
    matrix product takes clearly less time with it. A CPU's flags are not enough: with
    avx512_bf16, AMD's are more than twice as fast in bfloat16, and Intel's slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    return matmul_seconds(torch.bfloat16) < 0.75 * matmul_seconds(torch.float32)


def matmul_seconds(dtype: torch.dtype) -> float:
    """The shortest time of a product of two 512 × 512 matrices on the CPU, out of eight or as many
    as fit into 0.1 s."""
    matrix = torch.ones(512, 512, dtype=dtype)
    seconds: list[float] = []
    while len(seconds) < 8 and sum(seconds) < 0.1:
        start = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - start)
    return min(seconds)
