"""The press: where the node has its PDFs made.

Enters: a sheet with its kind and language. Leaves: the bytes of a tagged PDF. Must never
happen: a page that fails because paper cannot be made; an order that waits without end; a
sheet with another's data in an error or a log line. Implements SR-U4, SC-67, SC-68.

    pdf = await press.render(Kind.AGREEMENT, "prs", Sheet(title, number, blocks))

There is one process, started with the first order and anew after ``MOST_JOBS``; it knows no
key and no setting of the node. ``print_now`` is the same for threads.
"""

import asyncio
import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from node.cases.days import local_day
from node.clock import Clock
from node.errors import PrinterError, UnprintableError
from node.report.sheet import Kind, Sheet, blocks_as_json
from node.strictjson import JsonObject, encode
from node.web.paper import DONE, LENGTH_BYTES, NO_GLYPH

MOST_JOBS: Final = 200
PATIENCE_S: Final = 30
_COMMAND: Final = (sys.executable, "-P", "-m", "node.web.paper")
# Nothing of the node's environment: only where this package lies.
_ENVIRONMENT: Final = {
    "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    "LANG": "C.UTF-8",
}


class Printer(Protocol):
    """What pages and use cases print with."""

    async def render(self, kind: Kind, language: str, content: Sheet) -> bytes:
        """A PDF. PrinterError if none can be made now, UnprintableError for a character."""
        ...

    def print_now(self, kind: Kind, language: str, content: Sheet) -> bytes:
        """The same, for a thread that may wait."""
        ...


class NoPrinter:
    """Nothing can be printed here; the pages say so."""

    async def render(self, kind: Kind, language: str, content: Sheet) -> bytes:
        """Say that there is no press."""
        return self.print_now(kind, language, content)

    def print_now(self, kind: Kind, language: str, content: Sheet) -> bytes:  # noqa: ARG002
        """Say that there is no press."""
        raise PrinterError("no press")


class Press:
    """The press of one node."""

    def __init__(
        self,
        body: str,
        *,
        is_demo: bool,
        clock: Clock,
        command: tuple[str, ...] = _COMMAND,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Remember whose papers these are; nothing is started yet.

        Args:
            body: The name that stands on every page.
            is_demo: Whether every page says that the data are invented.
            clock: Gives the day on every page.
            command: Starts the process that makes the PDFs.
            patience_s: How long one may take before the process is ended.
        """
        self._body = body
        self._is_demo = is_demo
        self._clock = clock
        self._command = command
        self._patience_s = patience_s
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs = 0
        self._alone = threading.Lock()
        self._turn = asyncio.Semaphore(1)

    async def render(self, kind: Kind, language: str, content: Sheet) -> bytes:
        """Make a PDF.

        Args:
            kind: What it is; stands above the title.
            language: Language of the document as a whole; blocks may name others.
            content: What it says.

        Raises:
            UnprintableError: A character that no shipped font holds.
            PrinterError: The process is missing, died or took too long.
        """
        # Waiting for one's turn must not hold a thread that signing in needs.
        async with self._turn:
            return await asyncio.to_thread(self.print_now, kind, language, content)

    def print_now(self, kind: Kind, language: str, content: Sheet) -> bytes:
        """As ``render``, for a thread that may wait."""
        order = encode(self._order(kind, language, content))
        with self._alone:
            answer, made = self._ask(order)
        if answer == NO_GLYPH:
            raise UnprintableError(chr(int(made, 16)))
        if answer != DONE:
            raise PrinterError(made.decode("ascii", "replace"))
        return made

    def close(self) -> None:
        """End the process."""
        with self._alone:
            self._end()

    def _order(self, kind: Kind, language: str, content: Sheet) -> JsonObject:
        now, attached = self._clock.now(), content.attached
        return {
            "kind": str(kind),
            "language": language,
            "title": content.title,
            "number": content.number,
            "blocks": blocks_as_json(content.blocks),
            "body": self._body,
            "made": f"{local_day(now):%d.%m.%Y}",
            "made_at": now.isoformat(),
            "is_demo": self._is_demo,
            "attached": None
            if attached is None
            else {
                "name": attached.name,
                "about": attached.about,
                "content": b64encode(attached.content).decode(),
            },
        }

    def _ask(self, order: bytes) -> tuple[bytes, bytes]:
        """One order to the process, which is ended if it does not answer in time."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        watch = threading.Timer(self._patience_s, process.kill)
        watch.start()
        try:
            process.stdin.write(len(order).to_bytes(LENGTH_BYTES, "big") + order)
            process.stdin.flush()
            answer = process.stdout.read(1)
            length = process.stdout.read(LENGTH_BYTES)
            made = process.stdout.read(int.from_bytes(length, "big"))
        except OSError:
            answer, made = b"", b""
        finally:
            watch.cancel()
        self._jobs += 1
        if not answer or self._jobs >= MOST_JOBS:
            self._end()
        if not answer:
            raise PrinterError("the process ended")
        return answer, made

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
            )
        except OSError:
            raise PrinterError("the process did not start") from None
        return self._process

    def _end(self) -> None:
        process, self._process, self._jobs = self._process, None, 0
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                # What was not written yet goes nowhere.
                with suppress(OSError):
                    pipe.close()
