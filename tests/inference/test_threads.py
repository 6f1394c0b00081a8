"""How many threads a net gets: two variables, else what the process may use."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import pytest

from cnn_space.inference.threads import STEPS_BACK, give_way, thread_count
from cnn_space.settings import wait_passively

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({"CNN_SPACE_THREADS": "3", "CPU_CORES": "2"}, 3),
        ({"CPU_CORES": "2"}, 2),
        ({"CPU_CORES": "1.5"}, 1),
        ({"CNN_SPACE_THREADS": " "}, 7),
        ({}, 7),
    ],
)
def test_threads(environment, expected, monkeypatch):
    for variable in ("CNN_SPACE_THREADS", "CPU_CORES"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 7)
    assert thread_count() == expected


def test_without_variables_it_is_what_the_process_may_use(monkeypatch):
    for variable in ("CNN_SPACE_THREADS", "CPU_CORES"):
        monkeypatch.delenv(variable, raising=False)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert 1 <= thread_count() <= usable


@pytest.mark.parametrize("variable", ["CNN_SPACE_THREADS", "CPU_CORES"])
@pytest.mark.parametrize("value", ["many", "0", "2000"])
def test_nonsense_is_an_error_that_names_the_variable(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable):
        thread_count()


ENTRIES = {
    "the page": "import app",
    "the command line": "from cnn_space.__main__ import main; main(['classify', 'nothing.jpg'])",
    "a benchmark": "import sys; sys.path.insert(0, 'benchmarks'); import batches",
}
TRAIN = "from cnn_space.__main__ import main; main(['train', 'lenet5', '--data', 'digits'])"
# Says what the policy is when torch is first looked for, which reads it once.
WATCH = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("policy:", os.environ.get("OMP_WAIT_POLICY"))
            os._exit(0)
sys.meta_path.insert(0, Watch())
"""


@pytest.mark.parametrize(
    ("code", "own", "policy"),
    [
        *[(code, None, "PASSIVE") for code in ENTRIES.values()],
        *[(code, "ACTIVE", "ACTIVE") for code in [*ENTRIES.values(), TRAIN]],
        (TRAIN, None, None),  # OpenMP's own way
    ],
)
def test_threads_wait_passively_wherever_nets_answer(code, own, policy):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": own} if own else {}
    done = subprocess.run(
        [sys.executable, "-c", f"{WATCH}\n{code}"],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == f"policy: {policy}\n", done.stderr


def test_an_own_policy_wins(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    wait_passively()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
def test_a_thread_that_gives_way_takes_those_it_starts_with_it_and_no_other():
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def work() -> list[int]:
        give_way()
        with ThreadPoolExecutor(1) as inner:
            return [niceness(), inner.submit(niceness).result()]

    before = niceness()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == 2 * [min(before + STEPS_BACK, 19)]
    assert niceness() == before
