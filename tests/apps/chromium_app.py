"""Chromium with one page of fields, and somebody beside it who asks the page what they hold.

The page is asked over the DevTools pipe, which knows nothing of accessibility. It is a window without tabs
and address, so that the keyboard is in the page from the start. Accessibility is switched on by its own flag.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

from app_wire import Channel

FLAGS = (
    "--no-sandbox",
    # Without it, --no-sandbox shows a bar across the window that takes the focus.
    "--test-type",
    "--force-renderer-accessibility",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--password-store=basic",
    "--use-mock-keychain",
    "--ozone-platform-hint=auto",
    "--remote-debugging-pipe",
    "--window-size=520,420",
)


class Page:
    """Chromium's one page, spoken to over its DevTools pipe (file descriptors 3 and 4 of Chromium)."""

    def __init__(self, title: str) -> None:
        html = Path(__file__).with_name("chromium_page.html").read_text(encoding="utf-8")
        address = "data:text/html;charset=utf-8," + urllib.parse.quote(f"<title>{title}</title>{html}")
        profile = Path(os.environ["XDG_RUNTIME_DIR"], f"{title}.profile")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = ["chromium", *FLAGS, f"--user-data-dir={profile}", f"--app={address}"]

        # Chromium expects exactly the numbers 3 and 4.
        shell = f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "$@"'
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "chromium", *command],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            pass_fds=(theirs_in, theirs_out),
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._unread = b""
        self._count = 0
        self._session: str | None = None
        self._session = self._attach()
        while not self.js("document.readyState === 'complete' && typeof state === 'function'"):
            time.sleep(0.01)

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def _attach(self) -> str:
        while True:
            for target in self._call("Target.getTargets")["targetInfos"]:
                if target["type"] == "page" and target["url"].startswith("data:"):
                    answer = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
                    return str(answer["sessionId"])

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            arrived = os.read(self._in, 1 << 20)
            if not arrived:
                raise EOFError("Chromium ended (apt: chromium)")
            self._unread += arrived
        message, self._unread = self._unread.split(b"\0", 1)
        return dict(json.loads(message))


class Element:
    """One field of the page."""

    def __init__(self, page: Page, name: str) -> None:
        self._page, self._name = page, json.dumps(name)

    def get(self) -> tuple[str, int, int]:
        state = self._page.js(f"get({self._name})")
        return state["text"], state["anchor"], state["caret"]

    def set(self, text: str) -> None:
        self._page.js(f"set({self._name}, {json.dumps(text)})")

    def select(self, anchor: int, caret: int) -> None:
        self._page.js(f"select({self._name}, {anchor}, {caret})")

    def focus(self) -> None:
        self._page.js(f"at({self._name}).focus()")

    def has_focus(self) -> bool:
        return self._page.js("state().focus") == json.loads(self._name)

    def read_only(self, on: bool) -> None:
        self._page.js(f"at({self._name}).readOnly = {json.dumps(on)}")

    def undo(self) -> None:
        self.focus()
        self._page.js("document.execCommand('undo')")


def main() -> None:
    page = Page(sys.argv[1])
    going = True

    def leave() -> None:
        nonlocal going
        going = False

    try:
        fields = {name: Element(page, name) for name in page.js("names")}
        fields["text"].focus()
        channel = Channel(fields, leave, pid=page.process.pid)
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            while going:
                selector.select()
                channel.read()
    finally:
        page.close()


main()
