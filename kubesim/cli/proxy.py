"""`kubesim proxy`: what kube-proxy has made of Services on a node."""

from __future__ import annotations

from pathlib import Path

import click

from kubesim.cli.service_options import output_option, print_json, print_table, profile_options
from kubesim.service.control_client import ask
from kubesim.service.profile import existing

MODES = ("iptables", "ipvs", "nftables")


@click.group(
    short_help="Show what kube-proxy has made of Services.", context_settings={"help_option_names": ["-h", "--help"]}
)
def proxy() -> None:
    """What kube-proxy has made of Services on a node.

    \b
    Example:
      kubesim proxy rules node-1 --service web
      kubesim proxy services node-1
    """


@proxy.command("rules")
@click.argument("node")
@click.option("--mode", type=click.Choice(MODES), help="As kube-proxy would write them in this mode.")
@click.option("--service", metavar="NS/NAME", default="", help="Only the rules of one Service, and the standing ones.")
@profile_options
@output_option
def rules(node: str, mode: str | None, service: str, profile_name: str, home: Path, output: str) -> None:
    """Print the rules of a node as its own tools would: iptables-save, ipvsadm -Ln and ipset, or nft list.

    \b
    Example:
      kubesim proxy rules node-1
      kubesim proxy rules node-2 --mode nftables --service shop/web
    """
    answer = ask(existing(home, profile_name), "POST", "proxy/rules", {"node": node, "mode": mode, "service": service})
    if output == "json":
        print_json(answer)
        return
    if answer["staleSeconds"] is not None:
        click.echo(
            f"# stale: kube-proxy ({answer['kubeProxy']}) has heard of no change for {answer['staleSeconds']:g} s"
        )
    click.echo("\n".join(answer["rules"]))


@proxy.command("services")
@click.argument("node")
@profile_options
@output_option
def services(node: str, profile_name: str, home: Path, output: str) -> None:
    """List the Services that a node has rules for, and the endpoints that it would choose among.

    \b
    Example:
      kubesim proxy services node-1
    """
    answer = ask(existing(home, profile_name), "POST", "proxy/rules", {"node": node})
    if output == "json":
        print_json(answer["services"])
        return
    rows = [
        (each["name"], f"{each['clusterIP']}:{each['port']}/{each['protocol']}", str(each["nodePort"] or "-"),
         ",".join(each["endpoints"] or each["localEndpoints"]) or "<none>")
        for each in answer["services"]
    ]  # fmt: skip
    print_table(("SERVICE", "CLUSTER-IP", "NODEPORT", "ENDPOINTS"), rows)
