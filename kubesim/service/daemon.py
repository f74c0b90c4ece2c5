"""Starts the service as a background process, and ends it.

The process inherits the profile's lock, so there is no moment in which two could begin, and reports through a pipe
until it serves. Meanwhile the command that started it makes the certificates: the two work side by side.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from kubesim.service.errors import ServiceError
from kubesim.service.profile import Profile, write_pid

STOP_SECONDS_MAX = 20.0
POLL_SECONDS = 0.02
LOG_LINES_SHOWN = 5
LOG_BYTES_SHOWN = 16384


def launch(
    profile: Profile, lock: int, prepare: Callable[[], object], progress: Callable[[str], None]
) -> dict[str, Any]:
    """Starts the service and waits until it serves; the result says where. `prepare` runs meanwhile."""
    reports, report = os.pipe()
    with open(profile.log_file, "ab") as log, os.fdopen(reports) as reader:
        process = subprocess.Popen(
            [sys.executable, "-m", "kubesim.service.serve", str(profile.home), profile.name, str(report)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(lock, report),
            start_new_session=True,  # The terminal's Ctrl-C and hang-up are not meant for it.
        )
        write_pid(lock, process.pid)
        os.close(report)
        os.close(lock)
        try:
            prepare()
            go(process)
            for line in reader:
                message = json.loads(line)
                if "ready" in message:
                    ready: dict[str, Any] = message["ready"]
                    process.returncode = 0  # It lives on: nobody is to warn that it was not waited for.
                    return ready
                if "error" in message:
                    raise ServiceError(message["error"])
                progress(message["progress"])
        except BaseException:
            process.terminate()
            process.wait()
            raise
        code = process.wait()
        said = last_lines(profile.log_file)
        raise ServiceError(f"the service ended at once (exit code {code}); {profile.log_file} says:\n{said}")


def go(process: subprocess.Popen[bytes]) -> None:
    """Tells the process that everything is prepared."""
    assert process.stdin is not None, "it was made with a pipe"
    try:
        process.stdin.write(b"go\n")
        process.stdin.close()
    except BrokenPipeError:
        return  # It has ended already; the reports will say so.


def stop(profile: Profile) -> bool:
    """Ends the service of a profile in good order, or by force if it does not; whether one ran."""
    pid = profile.pid()
    if not pid:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        except PermissionError:
            raise ServiceError(f"process {pid} of profile {profile.name} belongs to another user") from None
        if wait_until_gone(profile):
            return True
    raise ServiceError(f"process {pid} of profile {profile.name} does not end")


def wait_until_gone(profile: Profile) -> bool:
    """Whether nobody holds the profile's lock any more, within the time given for an end."""
    for _ in range(int(STOP_SECONDS_MAX / POLL_SECONDS)):
        if profile.pid() is None:
            return True
        Event().wait(POLL_SECONDS)
    return False


def last_lines(path: Path, count: int = LOG_LINES_SHOWN) -> str:
    """The end of a text file."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOG_BYTES_SHOWN))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
