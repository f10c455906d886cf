"""Does everything local work without a network, and does nothing reach for one?

    sudo python -m benchmarks.offline            # both worlds; without sudo where user namespaces are allowed
    python -m benchmarks.offline --world nothing --only transcribe edit

Everything runs in network namespaces of its own (`unshare --net`), so that the machine's network is out of
reach whatever happens:

nothing   no interface is up, loopback neither: what needs TCP on this machine (the endpoint) cannot be there,
          and all else must work without it
watched   loopback, and a default route through an interface (tun) of which this program is the other end.
          Every packet that would leave the machine is counted, whoever sends it, C code included; the name
          server of that world lies behind it too. The count must be 0

First it is shown that the counter counts: a lookup and a connection in the watched world are seen. Beside it
the tests' guard (`tests/netguard`) stands in each Python process. Exits with 1 where something did not work
or something was sent. Needs Linux, `unshare` and `ip`, and for the key a virtual X and sound server.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
WAV = SAMPLES / "07-dictate.wav"
NETGUARD = ROOT / "tests" / "netguard"
WORLDS = ("nothing", "watched")
ROUTES = """
ip link set lo up
ip link set out up
ip addr add 198.18.0.2/15 dev out
ip -6 addr add 2001:db8::2/64 dev out nodad
ip route add default via 198.18.0.1
ip -6 route add default via 2001:db8::1
"""
"""Addresses for benchmarks and for documentation: nobody has them."""
NAME_SERVER = "198.18.0.53"

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
HOUSEKEEPING = range(130, 144)
"""ICMPv6 of the kernel itself, which looks for neighbours and routers."""


class Packets:
    """The way out of the watched world: an interface of which we are the other end. Nothing goes further."""

    def __init__(self) -> None:
        self._device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self._device, TUNSETIFF, struct.pack("16sH14x", b"out", IFF_TUN | IFF_NO_PI))
        for line in ROUTES.strip().splitlines():
            subprocess.run(line.split(), check=True)
        self.to: list[str] = []
        """Where every packet wanted to go."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            if (to := destination(os.read(self._device, 1 << 16))) is not None:
                self.to.append(to)


def destination(packet: bytes) -> str | None:
    """Where an IP packet goes; None for what the kernel sends by itself."""
    if packet[0] >> 4 == 4:
        return socket.inet_ntop(socket.AF_INET, packet[16:20])
    # A hop-by-hop header of 8 bytes stands before the reports of who listens to which group.
    kind = packet[48] if packet[6] == 0 else packet[40] if packet[6] == 58 else -1
    return None if kind in HOUSEKEEPING else socket.inet_ntop(socket.AF_INET6, packet[24:40])


# --- what must work -----------------------------------------------------------------------------------------


def cli(*arguments: object, stdin: str = "") -> str:
    """`voice-edit ARGUMENTS`, expected to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "voice_edit", *map(str, arguments)],
        cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def transcribe(folder: Path) -> str:
    return cli("transcribe", WAV).strip()


def edit(folder: Path) -> str:
    note = folder / "note.txt"
    note.write_text("Begin.\n", encoding="utf-8")
    cli("edit", note, "--audio", WAV, "--dictate")
    text = note.read_text(encoding="utf-8")
    assert text != "Begin.\n", "nothing was written"
    cli("undo")
    assert note.read_text(encoding="utf-8") == "Begin.\n", "it was not taken back"
    return text.strip()


def say(folder: Path) -> str:
    return cli("say", "delete the last word", stdin="one two three").strip()


def demo(folder: Path) -> str:
    cli("demo", "--fast")
    return "played"


def evaluation(folder: Path) -> str:
    cli("eval", SAMPLES, "--sample", 2, "--output", folder / "eval")
    return "2 recordings"


def bench(folder: Path) -> str:
    cli("bench", "--seconds", 2, "--runs", 1)
    return "2 s"


def terminal_interface(folder: Path) -> str:
    """The interface's own pilot tests."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "tests/test_tui.py"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1]
    if done.returncode:
        raise RuntimeError(done.stdout[-600:])
    return last


def daemon(folder: Path) -> str:
    """A key is held on a virtual screen, words go to a file; meanwhile other programs hear as well."""
    from benchmarks.daemon_rig import ENDS, Rig

    place = folder / "wyoming.sock"
    settings = f"""
[wyoming]
enabled = true
uri = "unix://{place}"
[api]
enabled = true
port = 0
"""
    with Rig(display=True, settings=settings) as rig:
        rig.wait_for_keys()
        assert rig.display is not None
        rig.display.down("Control_L", "Alt_L", "space")
        try:
            rig.wait_until_open()
            rig.microphone.play(WAV)
        finally:
            rig.display.hands_off()
        event = rig.wait_for(*ENDS)
        assert event["event"] == "outcome", event
        assert len(rig.note.read_text(encoding="utf-8")) > len("Begin.\n"), "nothing was written"
        told = ["key to file", f"Wyoming: {asyncio.run(by_wyoming(place))!r}"]
        status = rig.client.request("status")
        if has_loopback():
            told.append(f"endpoint: {by_endpoint(status['endpoint'], rig.home)!r}")
        else:
            told.append("no endpoint: it is TCP on loopback")
    return "; ".join(told)


def has_loopback() -> bool:
    """Whether 127.0.0.1 can be reached."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 9)) != errno.ENETUNREACH


async def by_wyoming(place: Path) -> str:
    """What a Wyoming client hears of the recording."""
    from wyoming.client import AsyncClient

    from engine.source import read_audio
    from voice_edit.wyoming import _protocol as wire

    form = {"rate": 16_000, "width": 2, "channels": 1}
    data = (read_audio(WAV) * 32767).astype("<i2").tobytes()
    async with AsyncClient.from_uri(f"unix://{place}", read_timeout=60) as client:
        await client.write_event(wire.AudioStart(**form).event())
        await client.write_event(wire.AudioChunk(audio=data, **form).event())
        await client.write_event(wire.AudioStop().event())
        while (event := await client.read_event()) is not None:
            if wire.Transcript.is_type(event.type):
                assert event.data["text"], "no words"
                return str(event.data["text"])
    raise RuntimeError("Wyoming hung up")


def by_endpoint(url: str, home: Path) -> str:
    """What a client of the endpoint hears of it."""
    key = subprocess.run(
        [sys.executable, "-m", "voice_edit", "api", "token"],
        cwd=ROOT, env=os.environ | {"VOICE_EDIT_HOME": str(home)}, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    mark = "offline-benchmark"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="model"\r\n\r\nvoice-edit\r\n'.encode(),
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'.encode(),
        b"Content-Type: audio/wav\r\n\r\n" + WAV.read_bytes(),
        f"\r\n--{mark}--\r\n".encode(),
    ]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": f"multipart/form-data; boundary={mark}"}
    request = urllib.request.Request(f"{url}/audio/transcriptions", b"".join(parts), headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        text = str(json.load(reply)["text"])
    assert text, "no words"
    return text


CHECKS: dict[str, Callable[[Path], str]] = {
    "transcribe": transcribe,
    "edit": edit,
    "say": say,
    "demo": demo,
    "eval": evaluation,
    "bench": bench,
    "daemon": daemon,
    "tui": terminal_interface,
}


# --- the worlds ---------------------------------------------------------------------------------------------


def inside(world: str, names: list[str]) -> dict[str, Any]:
    """Run the checks here, in a namespace of our own."""
    packets = None
    if world == "watched":
        packets = Packets()
        with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as resolver:
            resolver.write(f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n")
        subprocess.run(["mount", "--bind", resolver.name, "/etc/resolv.conf"], check=True)
        seen = control(packets)
    with private_home() as (folder, guard_log):
        rows = [run(name, folder) for name in names]
        refused = (
            [json.loads(line) for line in guard_log.read_text().splitlines()] if guard_log.exists() else []
        )
    result: dict[str, Any] = {"world": world, "checks": rows, "refused_by_the_guard": refused}
    if packets is not None:
        time.sleep(1.0)
        result |= {"control_packets": seen, "packets": len(packets.to), "packets_to": sorted(set(packets.to))}
    return result


def control(packets: Packets) -> int:
    """The counter must see a lookup and a connection, made without the guard. How many packets they took."""
    code = """
import socket
try: socket.getaddrinfo("example.com", 80)
except OSError: pass
for family, host in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8:1::1")):
    one = socket.socket(family); one.setblocking(False); one.connect_ex((host, 80))
"""
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
    time.sleep(0.5)
    wanted = {NAME_SERVER, "192.0.2.1", "2001:db8:1::1"}
    if not wanted <= set(packets.to):
        raise SystemExit(f"the counter does not see everything: {sorted(set(packets.to))}")
    found = len(packets.to)
    time.sleep(4.0)  # what is sent again of these
    packets.to.clear()
    return found


@contextmanager
def private_home() -> Iterator[tuple[Path, Path]]:
    """A user folder for everything that is started, and the guard in it."""
    with tempfile.TemporaryDirectory(prefix="voice-edit-offline-") as name:
        folder = Path(name)
        os.environ["VOICE_EDIT_HOME"] = str(folder / "home")
        os.environ["PYTHONPATH"] = os.pathsep.join(
            filter(None, (str(NETGUARD), os.environ.get("PYTHONPATH")))
        )
        os.environ["NETWORK_GUARD_LOG"] = str(folder / "guard.log")
        yield folder, folder / "guard.log"


def run(name: str, folder: Path) -> dict[str, Any]:
    """One check."""
    began_s = time.monotonic()
    try:
        told, worked = CHECKS[name](folder), True
    except Exception as error:
        told, worked = f"{type(error).__name__}: {error}", False
    row = {"check": name, "works": worked, "told": told, "seconds": round(time.monotonic() - began_s, 1)}
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def in_a_namespace(world: str, names: list[str]) -> dict[str, Any]:
    """Run this program again where there is no network."""
    command = ["unshare", "--net", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    again = [sys.executable, "-m", "benchmarks.offline", "--inside", "--world", world, "--only", *names]
    done = subprocess.run([*command, *again], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode or not done.stdout.strip():
        raise SystemExit(
            f"the world '{world}' could not be made or ended early (exit code {done.returncode})"
        )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--world", choices=WORLDS, help="one of the two; default: both")
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS), help="some of the checks")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write the result there")
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(inside(arguments.world, arguments.only)))
        return 0
    worlds = [arguments.world] if arguments.world else WORLDS
    results = [in_a_namespace(world, arguments.only) for world in worlds]
    text = json.dumps(results, indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text, encoding="utf-8")
    fine = all(
        all(row["works"] for row in result["checks"])
        and not result["refused_by_the_guard"]
        and not result.get("packets")
        for result in results
    )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
