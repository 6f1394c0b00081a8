"""Files that are made to hold a decoder: each ends in a sentence, within its time and memory, and
no other visitor waits for it."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from odd_photos import (
    ATTACKS,
    CASES,
    JPEG,
    PNG,
    REFUSED,
    RGB,
    encoded,
    header_only,
    many_scans,
    ramp,
)  # fmt: skip
from PIL import Image
from tiny_sets import class_folders, left_out

from cnn_space.images import decoder_pool, decoding, decoding_process
from cnn_space.images.collector import Collector
from cnn_space.images.limits import Limits
from cnn_space.images.photo import open_photo, open_square
from cnn_space.images.photo_error import PhotoError

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def large_png() -> bytes:
    """A picture of 24 megapixels, which takes a tenth of a second."""
    return encoded(RGB.resize((6000, 4000), Image.Resampling.NEAREST), "PNG", compress_level=1)


@pytest.fixture(params=[decoding_process.SECONDS])
def pool(request, monkeypatch):
    """A pool of this test's own, in place of the one that all share; it gets a number of seconds
    for a picture."""
    pool = decoder_pool.DecoderPool(request.param)
    monkeypatch.setattr(decoder_pool, "POOL", pool)
    yield pool
    pool.close()


def cpu_seconds() -> float:
    """CPU time of all processes that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no CPU time is measured here")
@pytest.mark.parametrize("pool", [0.4], indirect=True)
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_time(pool, name):
    attack = ATTACKS[name]()
    before = cpu_seconds()
    with pytest.raises(PhotoError) as caught:
        open_photo(attack)
    assert caught.value.reason == "too_slow"
    pool.close()
    assert cpu_seconds() - before < 2
    assert open_photo(PNG).size == RGB.size


def test_scans_as_photos_have_them_are_fine():
    photo = encoded(Image.fromarray(ramp(600, 400)), "JPEG", progressive=True)
    assert open_photo(photo).size == (600, 400)


def test_memory_is_limited(pool):
    if sys.platform != "linux":
        pytest.skip("the system may not limit memory")
    wide = header_only(60_000, 20_000)  # 3.6 GB
    with pytest.raises(PhotoError) as caught:
        pool.decode(wide, side=None, max_pixels=10**10)
    assert caught.value.reason == "too_much_memory"
    assert open_photo(PNG).size == RGB.size


@pytest.mark.parametrize("pool", [1.0], indirect=True)
def test_an_attack_does_not_delay_another_visitor(pool):
    """Pictures that take all their time are under way, as many as one visitor gets processes;
    another's is decoded before either is done."""
    attack = ATTACKS["a comment without end"]()
    ended = []

    def strike():
        with pytest.raises(PhotoError):
            open_photo(attack)
        ended.append(True)

    threads = [threading.Thread(target=strike) for _ in range(2)]
    for thread in threads:
        thread.start()
    while len(pool.pids) < 2:
        time.sleep(0.01)
    decoder_pool.VISITOR.set("another")
    assert open_photo(PNG).size == RGB.size
    assert not ended
    for thread in threads:
        thread.join()
    assert len(pool.pids) <= decoder_pool.KEPT


def test_one_process_serves_one_picture_after_the_other(pool):
    assert pool.pids == [], "none is started before it is needed"
    for _ in range(5):
        open_photo(PNG)
    assert len(pool.pids) == 1


def test_many_visitors_share_few_processes(pool, monkeypatch):
    """More of them while many come, who find them running; two when all is quiet."""
    monkeypatch.setattr(decoder_pool, "REST", 0.5)
    photos, seen = [], set()

    def visit(visitor: int) -> None:
        decoder_pool.VISITOR.set(str(visitor))
        photos.append(open_photo(PNG))
        seen.update(pool.pids)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(photos) == 30 and all(np.array_equal(photo, ramp()) for photo in photos)
    assert len(seen) == len(pool.pids) == decoder_pool.MOST
    deadline = time.monotonic() + 20
    while len(pool.pids) > decoder_pool.KEPT and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(pool.pids) == decoder_pool.KEPT


@linux_only
def test_a_picture_that_waits_for_a_core_is_not_slow(pool, monkeypatch):
    """Beside other programs: its process would end, and each picture begin a new one."""
    monkeypatch.setattr(decoder_pool, "PATIENCE", 0.2)
    open_photo(PNG)
    (pid,) = pool.pids
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.6, os.kill, (pid, signal.SIGCONT)).start()
    assert np.array_equal(open_photo(PNG), ramp())
    assert pool.pids == [pid]


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_a_process_that_was_killed_is_replaced(pool):
    open_photo(PNG)
    (pid,) = pool.pids
    os.kill(pid, signal.SIGKILL)
    assert np.array_equal(open_photo(PNG), ramp())
    assert pool.pids != [pid]


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_a_process_that_is_killed_at_work_is_replaced(pool):
    slow = large_png()
    open_photo(PNG)
    (pid,) = pool.pids
    killer = threading.Timer(0.05, os.kill, (pid, signal.SIGKILL))
    killer.start()
    assert open_photo(slow, 100).size == (300, 200)
    killer.join()


@linux_only
def test_what_the_decoder_took_is_given_back(pool, monkeypatch):
    monkeypatch.setattr(decoder_pool, "PATIENCE", 60)  # a slow one is not kept
    large = large_png()
    for _ in range(4):
        open_photo(large, 100)
    with open(f"/proc/{pool.pids[0]}/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert resident < 150 * 2**20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_has_decoders_of_its_own(pool):
    code = (
        "import os, sys; from cnn_space.images import decoder_pool;"
        "from cnn_space.images.photo import open_photo; data = sys.stdin.buffer.read();"
        "open_photo(data); child = os.fork();"
        "pids = decoder_pool.POOL.pids; open_photo(data);"
        "decoder_pool.POOL.close(); child or os._exit(len(pids));"
        "sys.exit(10 * len(pids) + os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", code], input=PNG, timeout=60)
    assert ended.returncode == 10


@linux_only
def test_nothing_is_left_at_exit():
    code = (
        "import sys; from cnn_space.images.photo import open_photo;"
        "from cnn_space.images.decoder_pool import POOL;"
        "open_photo(sys.stdin.buffer.read()); print(*POOL.pids)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], input=PNG, capture_output=True, check=True, timeout=60
    )
    (pid,) = map(int, ended.stdout.split())
    assert not os.path.exists(f"/proc/{pid}")


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "print('started', flush=True)\nfrom cnn_space.images.photo import open_photo\n"
        f"print(open_photo({PNG!r}).size)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, timeout=60
    )
    assert ended.stdout.split("\n") == ["started", "(60, 40)", ""]


def test_a_set_leaves_slow_pictures_out(pool):
    collector = Collector(Limits())
    for name, data in class_folders().items():
        assert collector.add(name, name.partition("/")[0], data)
    assert not collector.add("scans.jpg", "cat", many_scans(200, side=100))
    assert left_out(collector.finish("pets")) == {"too_slow": 1}


def test_the_time_for_a_set_holds_inside_of_a_picture(pool):
    """What is left of it is all that a picture gets, by the clock."""
    with pytest.raises(PhotoError) as caught:
        open_square(ATTACKS["a comment without end"](), 64, seconds=0.2)
    assert caught.value.reason == "too_slow"


def mutated(count: int, seed: int):
    """Files of all formats, with bytes changed, cut out, repeated, or the end cut off."""
    rng = random.Random(seed)
    sources = [data for data, *_ in CASES.values()] + [PNG, encoded(RGB, "AVIF"), JPEG]
    sources += [data for data, _ in REFUSED.values() if data]
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
        sources.append(encoded(RGB, "HEIF"))
    with suppress(ImportError):
        import pillow_jxl  # noqa: F401

        sources.append(encoded(RGB, "JXL"))
    for number in range(count):
        data = bytearray(sources[number % len(sources)])
        for _ in range(rng.choice((1, 1, 3, 30))):
            at = rng.randrange(len(data) + 1)
            kind = rng.random()
            if kind < 0.6:
                data[at : at + 1] = bytes([rng.randrange(256)])
            elif kind < 0.8:
                data[at : at + rng.choice((1, 4, 40))] = rng.choice((b"", b"\xff\xff\xff\xff"))
            elif kind < 0.9:
                data[at:at] = data[at : at + rng.choice((4, 99))]
            else:
                del data[max(at, 20) :]
        yield bytes(data)


def test_two_thousand_mutated_files_survive(pool):
    """Each is a picture or a sentence; the process that decodes them seldom needs replacing."""
    pids, reasons = set(), []
    for data in mutated(2000, seed=20):
        try:
            photo = open_square(data, 32)
        except PhotoError as error:
            reasons.append(error.reason)
            assert "{" not in str(error)
        else:
            assert photo.mode == "RGB" and max(photo.size) <= 32
        pids.update(pool.pids)
    assert 200 < len(reasons) < 1900
    assert reasons.count("too_slow") < 5 and len(pids) < 10


def test_decoding_without_a_process_gives_the_same():
    for data, *_ in CASES.values():
        alone = decoding.decode(data, side=None, max_pixels=10**6)
        assert np.array_equal(alone, open_photo(data)) and alone.info == open_photo(data).info
