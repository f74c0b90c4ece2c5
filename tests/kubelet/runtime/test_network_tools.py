"""curl, wget and nc inside of containers: they take the packet's way, and say what the real ones say."""

from __future__ import annotations

import shlex

import pytest

from kubesim.addons import Addons
from kubesim.api.resources import PODS
from kubesim.api.stored import Object
from kubesim.client.streams import Ended
from kubesim.cluster import SimCluster

WEB: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"clusterIP": "10.96.7.7", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}


async def start(cluster: SimCluster, replicas: int = 2) -> None:
    """A client, and web servers behind a Service."""
    await cluster.kubectl.run("run client --image=busybox -- sleep infinity")
    await cluster.kubectl.run(f"create deployment web --image=nginx --replicas={replicas}")
    await cluster.apply(WEB)
    await cluster.run_for(15)


async def run(cluster: SimCluster, line: str) -> Ended:
    """`kubectl exec client -- …`."""
    return await cluster.client.execute("client", shlex.split(line))


async def test_curl_fetches_a_page_from_a_service(cluster: SimCluster) -> None:
    """Teaches: a program in a Pod needs only the Service's name."""
    await start(cluster)
    ended = await run(cluster, "curl -s http://web")
    assert ended.code == 0
    assert "<title>Welcome to nginx!</title>" in ended.stdout
    assert ended.stderr == ""


async def test_curl_writes_what_it_is_asked_for(cluster: SimCluster) -> None:
    """Teaches: -w and -o make curl a probe."""
    await start(cluster, replicas=1)
    asked = "curl -so /dev/null -w '%{http_code} %{size_download} %{remote_ip}' web.default.svc.cluster.local/nothing"
    assert (await run(cluster, asked)).stdout.startswith("404 ")
    head = (await run(cluster, "curl -sI web")).stdout
    assert head.startswith("HTTP/1.1 200 OK\r\nServer: nginx/")


async def test_curl_shows_its_meter_when_the_output_is_no_terminal(cluster: SimCluster) -> None:
    """Teaches: why `kubectl exec … curl` prints a table: standard output is a pipe."""
    await start(cluster, replicas=1)
    ended = await run(cluster, "curl web")
    assert ended.stderr.startswith("  % Total    % Received % Xferd")
    assert ended.stdout.startswith("<!DOCTYPE html>")


async def test_the_log_of_the_server_shows_who_asked(cluster: SimCluster) -> None:
    """Teaches: inside of the cluster a server sees the Pod's own address."""
    await start(cluster, replicas=1)
    await run(cluster, "curl -s web/hello")
    pods = {pod.name: pod for pod in cluster.all(PODS)}
    client = pods.pop("client").object["status"]["podIP"]
    log = await cluster.client.logs(next(iter(pods)))
    assert f"{client} - - [" in log
    assert '"GET /hello HTTP/1.1" 404' in log
    assert '"curl/8.17.0"' in log


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("curl -sS http://nosuch", 6, "curl: (6) Could not resolve host: nosuch\n"),
        (
            "curl -sS http://web:81 -m 3", 28,
            "curl: (28) Connection timed out after 3000 milliseconds\n",
        ),
        (
            "curl -sS http://empty", 7,
            "curl: (7) Failed to connect to empty port 80 after 0 ms: Could not connect to server\n",
        ),
        ("curl -sSf web/nothing", 22, "curl: (22) The requested URL returned error: 404\n"),
        ("curl -sS https://kubernetes", 60, "curl: (60) SSL certificate problem: unable to get local issuer"),
        ("curl -sS https://web:80", 35, "curl: (35) TLS connect error: error:0A0000C6"),
        ("curl -sS ftp://web", 1, 'curl: (1) Protocol "ftp" not supported\n'),
        ("curl -sS --nonsense web", 2, "curl: option --nonsense: is unknown\n"),
        ("curl", 2, "curl: (2) no URL specified\n"),
        ("wget -qO- http://nosuch", 1, "wget: bad address 'nosuch'\n"),
        ("wget -qO- http://empty", 1, "wget: can't connect to remote host (10.96.8.8): Connection refused\n"),
        ("wget -T 2 -qO- http://web:81", 1, "wget: download timed out\n"),
        ("wget -qO- web/nothing", 1, "wget: server returned error: HTTP/1.1 404 Not Found\n"),
        ("nc -zv empty 80", 1, "nc: empty (10.96.8.8:80): Connection refused\n"),
    ],
)  # fmt: skip
async def test_trouble_has_the_real_words_and_codes(cluster: SimCluster, line: str, code: int, words: str) -> None:
    """Teaches: what each error of curl and wget means: no name, nobody there, nobody answers."""
    await start(cluster, replicas=1)
    empty = WEB | {"metadata": {"name": "empty"}, "spec": {"clusterIP": "10.96.8.8", "ports": [{"port": 80}]}}
    await cluster.apply(empty)
    await cluster.run_for(2)
    ended = await run(cluster, line)
    assert (ended.code, ended.stderr[: len(words)]) == (code, words)


async def test_without_a_limit_the_kernel_gives_up_after_127_seconds(cluster: SimCluster) -> None:
    """Teaches: a SYN is sent seven times; programs without a time-out wait for all of them."""
    await start(cluster, replicas=1)
    started = cluster.sim.clock.now()
    ended = await run(cluster, "wget -qO- http://10.244.1.250")
    assert ended.stderr == "wget: can't connect to remote host (10.244.1.250): Connection timed out\n"
    assert cluster.sim.clock.now() - started == 127


async def test_wget_tells_what_it_does(cluster: SimCluster) -> None:
    """Teaches: busybox' wget writes to a file unless told otherwise."""
    await start(cluster, replicas=1)
    ended = await run(cluster, "wget -O- web")
    assert ended.stderr.splitlines()[:2] == ["Connecting to web (10.96.7.7:80)", "writing to stdout"]
    assert ended.stderr.endswith("0:00:00 ETA\nwritten to stdout\n")
    script = "cd /tmp && wget -q web && wc -l < index.html; wget web"
    twice = await cluster.client.execute("client", ["sh", "-c", script])
    assert twice.stdout.strip() == "10"
    assert twice.stderr.endswith("wget: can't open 'index.html': File exists\n")


async def test_a_pod_reaches_itself_through_its_service(cluster: SimCluster) -> None:
    """Teaches: hairpin: the server sees its node's address, since the packet was masqueraded."""
    await cluster.kubectl.run("run web --image=nginx --labels=app=web")
    await cluster.apply(WEB)
    await cluster.run_for(15)
    ended = await cluster.client.execute("web", ["curl", "-s", "http://web"])
    assert "Welcome to nginx!" in ended.stdout
    pod = cluster.all(PODS)[0].object
    assert f"{pod['status']['hostIP']} - - [" in await cluster.client.logs("web")
    local = await cluster.client.execute("web", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "localhost"])
    assert local.stdout == "200"


async def test_a_retry_waits_longer_each_time(cluster: SimCluster) -> None:
    """Teaches: --retry waits 1, 2, 4 … seconds; a refused connection is only tried again if asked for."""
    await start(cluster, replicas=0)
    started = cluster.sim.clock.now()
    ended = await run(cluster, "curl -sS --retry 3 --retry-connrefused web")
    assert ended.code == 7
    assert cluster.sim.clock.now() - started == 1 + 2 + 4


async def test_nslookup_says_who_answered_and_what_the_full_name_is(cluster: SimCluster) -> None:
    """Teaches: the search path of resolv.conf made a full name of a short one."""
    await Addons(cluster).enable("dns")
    await start(cluster, replicas=1)
    ended = await run(cluster, "nslookup web")
    assert (ended.code, ended.stdout.splitlines()) == (
        0,
        ["Server:\t\t10.96.0.10", "Address:\t10.96.0.10:53", "", "Name:\tweb.default.svc.cluster.local",
         "Address: 10.96.7.7", ""],
    )  # fmt: skip
    assert (await run(cluster, "getent hosts web")).stdout == "10.96.7.7       web.default.svc.cluster.local\n"
    assert (await run(cluster, "cat /etc/resolv.conf")).stdout.startswith("search default.svc.cluster.local svc.")
    missing = await run(cluster, "nslookup shop")
    assert (missing.code, missing.stdout.splitlines()[-2]) == (1, "** server can't find shop: NXDOMAIN")


async def test_without_a_dns_server_nslookup_times_out(cluster: SimCluster) -> None:
    """Teaches: what a cluster whose CoreDNS is down looks like from inside of a container."""
    await Addons(cluster).enable("dns")
    await start(cluster, replicas=1)
    await cluster.kubectl.run("scale deployment coredns -n kube-system --replicas=0")
    await cluster.run_for(15)
    ended = await run(cluster, "nslookup web")
    assert (ended.code, ended.stdout) == (1, ";; connection timed out; no servers could be reached\n\n")
