"""What holds for every test: nobody's real files are touched, and under CI a skipped test is a failed one."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from virtual_microphone import virtual_microphone  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from voice_edit.journal.journal import Journal


NETGUARD = Path(__file__).parent / "netguard"
sys.path.insert(0, str(NETGUARD))

import network_guard  # noqa: E402

NETWORK_LOG = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """From here on nothing reaches other machines, in this process or in one that a test starts."""
    config.addinivalue_line("markers", "network(why): this test may reach other machines")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(NETGUARD), os.environ.get("PYTHONPATH"))))
    config.stash[NETWORK_LOG] = tempfile.mkstemp(prefix="voice-edit-network-")[1]
    os.environ[network_guard.LOG] = config.stash[NETWORK_LOG]
    network_guard.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    os.environ.pop(network_guard.LOG, None)
    Path(config.stash[NETWORK_LOG]).unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def nothing_leaves_this_machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A test fails if anything reached for another machine meanwhile; see tests/netguard."""
    log = Path(request.config.stash[NETWORK_LOG])  # a test may have an environment of its own
    before = len(log.read_text().splitlines())
    if request.node.get_closest_marker("network"):
        monkeypatch.setenv(network_guard.ALLOWED, "1")
    yield
    reached = [json.loads(line) for line in log.read_text().splitlines()[before:]]
    assert not reached, f"reached for other machines: {reached}"


@pytest.fixture(autouse=True)
def voice_edit_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user folder for each test: journal, recordings, settings go there."""
    for name in [name for name in os.environ if name.startswith("VOICE_EDIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("voice-edit-home")
    monkeypatch.setenv("VOICE_EDIT_HOME", str(home))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / "unexpected"))
    # Pretty output must not depend on who runs the tests.
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    return home


@pytest.fixture
def samples() -> Path:
    """The folder of recordings and notes that ships with the source."""
    return Path(__file__).parent.parent / "samples"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under CI=1, what did not run counts as failed: skipped, deselected and expected failures alike."""
    if os.environ.get("CI") != "1" or exitstatus != pytest.ExitCode.OK:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    missed = [
        kind
        for kind in ("skipped", "deselected", "xfailed", "xpassed")
        if reporter and reporter.stats.get(kind)
    ]
    if missed:
        reporter.write_line(f"failing because some tests were: {', '.join(missed)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the journal lies."""
    return tmp_path / "data" / "journal.sqlite3"


@pytest.fixture
def journal(place: Path) -> Iterator[Journal]:
    """A new journal."""
    from voice_edit.journal.journal import Journal

    with Journal.open(place) as opened:
        yield opened


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A file to edit."""
    from history import TEXT

    path = tmp_path / "note.txt"
    path.write_text(TEXT)
    return path
