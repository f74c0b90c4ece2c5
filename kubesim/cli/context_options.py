"""What the commands about a cluster of somebody else share: which kubeconfig and context, and how troubles are told."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def kubeconfig_options(command: Command) -> Command:
    """Adds --kubeconfig and --context as the parameter `access`, and turns what is wrong into exit code 2."""

    @functools.wraps(command)
    def told(*args: Any, kubeconfig_file: Path | None, context: str, **options: Any) -> Any:
        from kubesim.client.kubeconfig import KubeconfigError, access_of, load
        from kubesim.realcluster.errors import RealClusterError

        try:
            return command(*args, access=access_of(load(kubeconfig_file), context), **options)
        except (KubeconfigError, RealClusterError) as error:
            raise click.ClickException(str(error)) from None

    file = click.option(
        "--kubeconfig",
        "kubeconfig_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The kubeconfig [default: the files of $KUBECONFIG, else ~/.kube/config].",
    )
    name = click.option("--context", metavar="NAME", default="", help="The context [default: the current one].")
    return file(name(told))
