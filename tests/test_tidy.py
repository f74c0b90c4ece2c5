"""The house style, as far as a machine can check it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import kubesim

ROOT = Path(kubesim.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
# A function may stay longer only if it stands here; the list may shrink and never grow.
LONG_FUNCTIONS: set[str] = set()

FORBIDDEN_OUTSIDE_SIM = {
    "time.time", "time.monotonic", "time.perf_counter", "time.sleep", "datetime.now", "datetime.utcnow",
    "datetime.today", "uuid.uuid1", "uuid.uuid4", "random.random", "random.choice", "random.randint",
    "random.shuffle", "random.Random", "secrets.token_hex", "os.urandom", "asyncio.TaskGroup", "asyncio.wait",
    "asyncio.as_completed", "asyncio.all_tasks", "asyncio.to_thread", "asyncio.run", "copy.deepcopy",
}  # fmt: skip
FORBIDDEN_METHODS = {"run_in_executor"}
NOT_IN_A_VIRTUAL_RUN = (
    "aiohttp", "prometheus_client", "cryptography", "hypothesis", "pytest", "kubernetes_validate", "cel_expr_python",
)  # fmt: skip


def modules() -> Iterator[str]:
    for module in pkgutil.walk_packages([str(ROOT)], "kubesim."):
        yield module.name


def test_a_file_is_short_enough_to_read_at_once() -> None:
    """Teaches: a file is about one thing."""
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_a_function_fits_on_a_screen() -> None:
    """Teaches: a function does one thing."""
    long = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long == LONG_FUNCTIONS


def test_only_sim_knows_clocks_and_chance() -> None:
    """Teaches: the same seed is the same run because nothing else decides anything."""
    found = []
    for path in FILES:
        if path.is_relative_to(ROOT / "sim"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Attribute):
                continue
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if f"{owner}.{node.attr}" in FORBIDDEN_OUTSIDE_SIM or node.attr in FORBIDDEN_METHODS:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {owner}.{node.attr}")
    assert not found


def test_nothing_is_left_undone() -> None:
    """Teaches: what is not built is not there."""
    words = ("TO" + "DO", "FIX" + "ME", "X" + "XX")
    found = [f"{path}: {word}" for path in FILES for word in words if word in path.read_text()]
    assert not found


def test_what_a_module_promises_in_all_exists() -> None:
    """Teaches: __all__ is a promise."""
    for name in modules():
        module = importlib.import_module(name)
        promised = getattr(module, "__all__", [])
        assert len(promised) == len(set(promised)), f"{name}: nothing twice"
        assert [attribute for attribute in promised if not hasattr(module, attribute)] == [], name


def test_every_module_says_what_it_is() -> None:
    """Teaches: the code is read as teaching material."""
    silent = [str(path.relative_to(ROOT)) for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_every_module_is_used() -> None:
    """Teaches: dead code teaches nothing. Entry points are used from outside."""
    used = {
        "kubesim.cli.main",
        "kubesim.testing.plugin",
        "kubesim.testing.strategies",
        "kubesim.testing.workloads",
        "kubesim.scenario.reference",
        "kubesim.fidelity.reference",
    }
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                used.add(node.module)
                used.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value.partition(":")[0])  # Commands are named in a table.
    unused = [name for name in modules() if name not in used and not is_package(name)]
    assert not unused


def is_package(name: str) -> bool:
    return (ROOT / Path(*name.split(".")[1:]) / "__init__.py").exists()


def imports() -> dict[str, set[str]]:
    """Who imports whom, inside of functions and for types, too; packages hand names on and do not count."""
    known = {name for name in modules() if not is_package(name)}
    found: dict[str, set[str]] = {name: set() for name in known}
    for name in known:
        tree = ast.parse((ROOT / Path(*name.split(".")[1:])).with_suffix(".py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                targets = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                found[name] |= (targets & known) - {name}
    return found


def test_no_two_files_import_each_other() -> None:
    """Teaches: what is tied in a circle cannot be understood one by one. Who is left has somebody below and above."""
    left = imports()
    while grounded := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in grounded}
    assert sorted(left) == []


def test_a_virtual_run_imports_nothing_heavy() -> None:
    """Teaches: start-up time is a feature; HTTP, metrics and certificates are for served clusters."""
    code = (
        "import sys; from kubesim.cli import run; from kubesim.cluster import SimCluster; "
        f"print(sorted(set(sys.modules) & set({NOT_IN_A_VIRTUAL_RUN!r})))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
