"""Containers that cannot be started, or end badly: the words that a user searches for."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.resources import CONFIG_MAPS, SECRETS
from kubesim.kubelet import NodeConfig
from kubesim.sim import Simulation

NewWorld = Callable[..., Any]
NOT_FOUND = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: error during container init: exec: "nosuch": executable file not found in $PATH'
)


def shell(script: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", script], **more}]


def said(world: Any) -> list[tuple[str, str]]:
    return list(dict.fromkeys((reason, message) for *_, reason, message in world.events("web")))


async def test_a_mistyped_command_is_run_container_error_and_then_a_crash_loop(
    sim: Simulation, new_world: NewWorld
) -> None:
    """Teaches: exit code 128 with reason StartError is a program that was never there."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": "busybox:1.36", "command": ["nosuch"]}])
    await world.run_until(8)
    waiting = world.container()["state"]["waiting"]
    assert waiting["reason"] == "CrashLoopBackOff"
    terminated = world.container()["lastState"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"], terminated["message"]) == (128, "StartError", NOT_FOUND)
    assert terminated["startedAt"] == "1970-01-01T00:00:00Z"
    assert ("Failed", f"Error: {NOT_FOUND}") in said(world)
    assert "Started" not in world.reasons()


async def test_cri_o_does_not_crash_in_a_loop(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: the same mistake is CreateContainerError where crun runs containers."""
    world = new_world(sim, node=NodeConfig("node-1", images=("busybox:1.36",), runtime="cri-o"))
    world.bind(containers=[{"name": "c", "image": "busybox:1.36", "command": ["nosuch"]}])
    await world.run_until(30)
    assert world.container()["state"]["waiting"] == {
        "reason": "CreateContainerError",
        "message": "container create failed: executable file `nosuch` not found in $PATH: No such file or directory",
    }
    assert world.container()["restartCount"] == 0


def from_key(kind: str, **more: Any) -> list[dict[str, Any]]:
    return shell("sleep 1000", env=[{"name": "X", "valueFrom": {f"{kind}KeyRef": {"name": "n", "key": "k", **more}}}])


@pytest.mark.parametrize(
    ("kind", "resource", "name"),
    [("configMap", CONFIG_MAPS, "ConfigMap"), ("secret", SECRETS, "Secret")],
)
async def test_a_missing_source_of_a_variable_is_a_config_error(
    sim: Simulation, new_world: NewWorld, kind: str, resource: Any, name: str
) -> None:
    """Teaches: CreateContainerConfigError says what is missing, and heals by itself once it is there."""
    world = new_world(sim)
    world.bind(containers=from_key(kind))
    await world.run_until(5)
    message = f'{name.lower()} "n" not found'
    assert world.container()["state"]["waiting"] == {"reason": "CreateContainerConfigError", "message": message}
    assert ("Failed", f"Error: {message}") in said(world)
    world.api.put(resource, {"metadata": {"name": "n", "namespace": "default"}, "data": {"other": "eA=="}})
    await world.run_until(25)
    message = f"couldn't find key k in {name} default/n"
    assert world.container()["state"]["waiting"] == {"reason": "CreateContainerConfigError", "message": message}
    world.api.put(resource, {"metadata": {"name": "n", "namespace": "default"}, "data": {"k": "eA=="}})
    await world.run_until(45)
    assert "running" in world.container()["state"]


async def test_an_optional_source_may_be_missing(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: optional: true starts the container without the variable."""
    world = new_world(sim)
    world.bind(containers=from_key("secret", optional=True))
    await world.run_until(5)
    assert "running" in world.container()["state"]


@pytest.mark.parametrize(
    ("context", "image", "words"),
    [
        ({"runAsNonRoot": True}, "busybox:1.36", "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True, "runAsUser": 0}, "busybox:1.36", "container's runAsUser breaks non-root policy"),
        (
            {"runAsNonRoot": True},
            "memcached:1.6",
            "container has runAsNonRoot and image has non-numeric user (memcache), cannot verify user is non-root",
        ),
    ],
)
async def test_an_image_that_would_run_as_root_is_stopped(
    sim: Simulation, new_world: NewWorld, context: dict[str, Any], image: str, words: str
) -> None:
    """Teaches: runAsNonRoot is a check of the kubelet's, not a setting."""
    world = new_world(sim)
    world.bind(containers=[{"name": "c", "image": image, "securityContext": context}])
    await world.run_until(8)
    uid = world.pod()["metadata"]["uid"]
    waiting = world.container()["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError"
    assert waiting["message"] == f'{words} (pod: "web_default({uid})", container: c)'


@pytest.mark.parametrize(("image", "needs"), [("postgres:17", "POSTGRES_PASSWORD"), ("mysql:9", "MYSQL_ROOT_PASSWORD")])
async def test_a_database_without_a_password_ends_with_code_1(
    sim: Simulation, new_world: NewWorld, image: str, needs: str
) -> None:
    """Teaches: the cause of a crash loop is in the log; one variable mends it."""
    world = new_world(sim, node=NodeConfig("node-1", images=(image,)))
    world.bind("bad", [{"name": "c", "image": image}])
    world.bind("good", [{"name": "c", "image": image, "env": [{"name": needs, "value": "x"}]}])
    await world.run_until(30)
    assert world.container("bad")["lastState"]["terminated"]["exitCode"] == 1
    assert world.container("bad")["restartCount"] >= 1
    assert "running" in world.container("good")["state"]


async def test_a_leak_is_ended_by_the_kernel(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: OOMKilled, exit code 137: the container passed its memory limit."""
    world = new_world(sim)
    limits = {"resources": {"limits": {"memory": "100Mi"}}}
    behaviour = f'{{"memoryBytes": {20 << 20}, "leakBytesPerSecond": {1 << 20}}}'
    world.bind(containers=shell("sleep 1000", **limits), annotations={"kubesim.dev/behavior": behaviour})
    await world.run_until(70)
    (cpu, memory) = world.runtime.container_stats(world.runtime.pod_status(world.pod()["metadata"]["uid"]).latest("c"))
    assert cpu == 10
    assert 88 << 20 < memory < 90 << 20
    await world.run_until(82)
    last = world.container()["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "OOMKilled")
    assert (last["startedAt"][-3:], last["finishedAt"][-3:]) == ("00Z", "20Z")  # 0.8 s and 80.8 s after nine o'clock.
    assert world.container()["restartCount"] == 1


@pytest.mark.parametrize(("bytes_", "killed"), [("150M", False), ("250M", True)])
async def test_stress_uses_what_its_arguments_say(
    sim: Simulation, new_world: NewWorld, bytes_: str, killed: bool
) -> None:
    """Teaches: the example of the documentation on memory limits."""
    world = new_world(sim, node=NodeConfig("node-1", images=("polinux/stress",)))
    container = {
        "name": "c", "image": "polinux/stress", "imagePullPolicy": "IfNotPresent", "command": ["stress"],
        "args": ["--vm", "1", "--vm-bytes", bytes_, "--vm-hang", "1"], "resources": {"limits": {"memory": "200Mi"}},
    }  # fmt: skip
    world.bind(containers=[container])
    await world.run_until(10)
    assert (world.container()["restartCount"] > 0) is killed
    if killed:
        assert world.container()["lastState"]["terminated"]["reason"] == "OOMKilled"


async def test_a_termination_message_is_a_file_or_the_end_of_the_log(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: /dev/termination-log, and FallbackToLogsOnError for programs that do not know it."""
    world = new_world(sim)
    never = {"restartPolicy": "Never"}
    world.bind("file", shell("echo out of cheese > /dev/termination-log; exit 3"), **never)
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    world.bind("log", shell("echo one; echo two; exit 3", **fallback), **never)
    world.bind("fine", shell("echo one; exit 0", **fallback), **never)
    await world.run_until(5)
    ends = {name: world.container(name)["state"]["terminated"] for name in ("file", "log", "fine")}
    assert ends["file"]["message"] == "out of cheese\n"
    assert ends["log"]["message"] == "one\ntwo\n"
    assert "message" not in ends["fine"]


async def test_rules_decide_before_policies(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: restartPolicyRules: exit code 42 is worth another try, any other is the end."""
    world = new_world(sim)
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
    one = shell("sleep 1; exit 42", restartPolicy="Never", restartPolicyRules=rules)
    other = shell("sleep 1; exit 1", restartPolicy="Never", restartPolicyRules=rules)
    world.bind("again", one, restartPolicy="Never")
    world.bind("over", other, restartPolicy="Never")
    await world.run_until(5)
    assert (world.status("again")["phase"], world.container("again")["restartCount"]) == ("Running", 1)
    assert (world.status("over")["phase"], world.container("over")["restartCount"]) == ("Failed", 0)


async def test_a_container_of_its_own_policy_ends_alone(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: restartPolicy of one container, in a Pod whose others are always restarted."""
    world = new_world(sim)
    once = shell("sleep 1; exit 1", restartPolicy="Never")[0]
    world.bind(containers=[once, {**shell("sleep 2000")[0], "name": "d"}])
    await world.run_until(60)
    assert world.container(number=0)["state"]["terminated"]["exitCode"] == 1
    assert world.container(number=0)["restartCount"] == 0
    assert "running" in world.container(number=1)["state"]
    assert world.status()["phase"] == "Running"


async def test_a_private_image_needs_the_pods_secret(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: imagePullSecrets; a secret that is not there is told, and an image that is here asks again."""
    world = new_world(sim)
    world.runtime.registries.private("r.example.com", "me", "secret")
    image = [{"name": "c", "image": "r.example.com/app:1"}]
    auth = base64.b64encode(b'{"auths": {"r.example.com": {"auth": "bWU6c2VjcmV0"}}}').decode()
    world.bind("without", image)
    world.bind("wrong", image, imagePullSecrets=[{"name": "regcred"}])
    await world.run_until(5)
    assert world.container("without")["state"]["waiting"]["reason"] == "ImagePullBackOff"
    message = "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed."
    assert ("Warning", "FailedToRetrieveImagePullSecret", message) in [each[1:] for each in world.events("wrong")]
    world.api.put(
        SECRETS, {"metadata": {"name": "regcred", "namespace": "default"}, "data": {".dockerconfigjson": auth}}
    )
    await world.run_until(40)
    assert "running" in world.container("wrong")["state"]
    assert "ImagePull" in world.container("without")["state"]["waiting"]["reason"]  # Present, but not for everybody.


async def test_two_pulls_wait_for_each_other(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: serializeImagePulls is the default, and the event tells both durations."""
    world = new_world(sim)
    world.bind("big", [{"name": "c", "image": "mysql:9", "env": [{"name": "MYSQL_ROOT_PASSWORD", "value": "x"}]}])
    world.bind("small", [{"name": "c", "image": "example.com/app:1"}])
    await world.run_until(20)
    pulled = [message for *_, reason, message in world.events("small") if reason == "Pulled"]
    assert pulled == [
        'Successfully pulled image "example.com/app:1" in 275ms (3.425s including waiting). Image size: 10000000 bytes.'
    ]


async def test_pulls_at_once_do_not_wait(sim: Simulation, new_world: NewWorld) -> None:
    """Teaches: serializeImagePulls: false."""
    world = new_world(sim, node=NodeConfig("node-1", serialize_image_pulls=False))
    world.bind("big", [{"name": "c", "image": "mysql:9"}])
    world.bind("small", [{"name": "c", "image": "example.com/app:1"}])
    await world.run_until(20)
    pulled = [message for *_, reason, message in world.events("small") if reason == "Pulled"]
    assert "in 275ms (275ms including waiting)" in pulled[0]
