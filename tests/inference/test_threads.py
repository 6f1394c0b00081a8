"""How many threads a net gets: two variables, else what the process may use."""

import os

import joblib
import pytest

from cnn_space.inference.threads import thread_count


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
