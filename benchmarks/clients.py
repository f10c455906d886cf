"""How late events reach clients of the control socket, with and without one that never reads.

`python benchmarks/clients.py [--json]`: 1 and 10 connected clients in processes of their own, then 10 of
which one never reads, then the same at ten times the rate. Each event carries the time at which it was
published; the delay is measured when the client has read it. Levels are coalesced for slow readers, so only
events with words are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from voice_edit.control.client import ControlClient
from voice_edit.control.server import Client, ControlServer

CALM_HZ = 25.0


@dataclass(frozen=True)
class Case:
    """One measurement."""

    name: str
    readers: int
    stuck: int
    rate_hz: float
    seconds: float = 5.0


CASES = (
    Case("1 client", 1, 0, CALM_HZ),
    Case("10 clients", 10, 0, CALM_HZ),
    Case("10 clients, one stuck", 9, 1, CALM_HZ),
    Case("10 clients, one stuck, 10 times the events", 9, 1, 10 * CALM_HZ),
)


class Nothing:
    """A daemon that only tells."""

    def connected(self, client: Client) -> None: ...

    def disconnected(self, client: Client) -> None: ...

    async def handle(self, client: Client, command: Any) -> Mapping[str, Any]:
        return {}


def read(path: Path, ready: Any, results: Any) -> None:
    """A client: the delays of all events with words, in milliseconds."""
    delays = []
    with ControlClient(path) as client:
        client.request("subscribe")
        ready.release()
        for event in client.events():
            if event["event"] == "words":
                delays.append((time.monotonic() - event["at_s"]) * 1000)
    results.put(delays)


async def measure(case: Case, path: Path) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    ready, results = context.Semaphore(0), context.Queue()
    processes = [context.Process(target=read, args=(path, ready, results)) for _ in range(case.readers)]
    server = ControlServer(path, Nothing())
    await server.start()
    stuck = []
    for _ in range(case.stuck):
        one = socket.socket(socket.AF_UNIX)
        one.connect(os.fspath(path))
        one.sendall(b'{"command": "subscribe"}\n')
        stuck.append(one)
    for process in processes:
        process.start()
    for _ in processes:
        await asyncio.to_thread(ready.acquire)
    events = int(case.rate_hz * case.seconds)
    words = "word " * 40
    began_s = time.monotonic()
    for number in range(events):
        await asyncio.sleep(max(0.0, began_s + number / case.rate_hz - time.monotonic()))
        server.publish(
            {"event": "level", "rms_dbfs": -30.0, "peak": 0.1, "is_speech": True, "sample": number}
        )
        server.publish({"event": "words", "text": words})
    await server.close()
    delays = [delay for _ in processes for delay in await asyncio.to_thread(results.get)]
    for process in processes:
        process.join()
    for one in stuck:
        one.close()
    delays.sort()
    return {
        **asdict(case),
        "expected": events * case.readers,
        "received": len(delays),
        "median_ms": round(statistics.median(delays), 3),
        "p95_ms": round(delays[int(len(delays) * 0.95)], 3),
        "max_ms": round(delays[-1], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(CASES):
            found = asyncio.run(measure(case, Path(folder) / str(number) / "control.sock"))
            if asked.json:
                print(json.dumps(found))
            else:
                print(
                    f"{found['name']:<45} {found['received']:>6} of {found['expected']:<6} events"
                    f"   median {found['median_ms']:6.2f} ms   p95 {found['p95_ms']:6.2f} ms"
                    f"   max {found['max_ms']:6.2f} ms"
                )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
