"""Jobs, CronJobs and their clearing up, against a real apiserver."""

from __future__ import annotations

import asyncio
from typing import Any

from kubesim.api.meta import with_fields
from kubesim.api.resources import CRON_JOBS, JOBS, PODS
from kubesim.api.stored import Object, Stored
from kubesim.controllers.cron_job import CronJobController
from kubesim.controllers.job import JobController
from kubesim.controllers.ttl_after_finished import TTLAfterFinishedController
from kubesim.sim import Simulation

CONTROLLERS = (JobController, CronJobController, TTLAfterFinishedController)
INDEX = "batch.kubernetes.io/job-completion-index"


def job(name: str = "work", **spec: Any) -> Object:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"template": {"spec": pod}, **spec}}


async def end(world: Any, pod: Stored, *, code: int = 0) -> None:
    """A Pod's container ends with this code."""
    now = world.sim.clock.timestamp()
    ended = {"exitCode": code, "startedAt": now, "finishedAt": now, "reason": "Error" if code else "Completed"}
    container = {
        "name": "c",
        "image": "i",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    latest = (await world.client.get(PODS, pod.name, pod.namespace)).object
    status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [container]}
    await world.client.update_status(PODS, with_fields(latest, status, "status"))


async def status_of(world: Any, name: str = "work") -> Object:
    status: Object = (await world.client.get(JOBS, name, "default")).object["status"]
    return status


def index_of(pod: Stored) -> str:
    text: str = pod.object["metadata"]["annotations"][INDEX]
    return text


def working(world: Any) -> list[Stored]:
    return [pod for pod in world.all(PODS) if pod.object["status"].get("phase") not in ("Succeeded", "Failed")]


def types(status: Object) -> list[tuple[str, str]]:
    return [(each["type"], each["reason"]) for each in status.get("conditions") or ()]


async def test_an_indexed_job_gives_every_pod_a_number(sim: Simulation, make_world: Any) -> None:
    """Teaches: names, host names, label, annotation and variable; completedIndexes; the next index when one is done."""
    async with make_world(sim, CONTROLLERS) as world:
        await world.client.create(JOBS, job(completionMode="Indexed", completions=4, parallelism=3))
        await world.run_for(1.5)
        pods = sorted(world.all(PODS), key=index_of)
        assert [index_of(pod) for pod in pods] == ["0", "1", "2"]
        first = pods[0].object
        assert first["metadata"]["generateName"] == "work-0-"
        assert (first["metadata"]["labels"][INDEX], first["spec"]["hostname"]) == ("0", "work-0")
        assert first["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
        for pod in pods:
            await end(world, pod)
        await world.run_for(3)
        assert (await status_of(world))["completedIndexes"] == "0-2"
        (last,) = working(world)
        assert index_of(last) == "3"
        await end(world, last)
        await world.run_for(3)
        status = await status_of(world)
        assert (status["completedIndexes"], status["succeeded"]) == ("0-3", 4)
        assert types(status) == [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]
        assert world.events("Completed") == ["Job completed"]


async def test_each_index_may_have_a_limit_of_its_own(sim: Simulation, make_world: Any) -> None:
    """Teaches: failedIndexes; the others go on; a Job with a failed index fails once all others are done."""
    async with make_world(sim, CONTROLLERS) as world:
        limits = {"backoffLimitPerIndex": 0, "completionMode": "Indexed", "completions": 2, "parallelism": 2}
        await world.client.create(JOBS, job(**limits))
        await world.run_for(1.5)
        zero, one = sorted(world.all(PODS), key=index_of)
        await end(world, zero, code=1)
        await world.run_for(3)
        status = await status_of(world)
        assert (status["failedIndexes"], status.get("conditions")) == ("0", None)
        await end(world, one)
        await world.run_for(3)
        assert types(await status_of(world)) == [("FailureTarget", "FailedIndexes"), ("Failed", "FailedIndexes")]


async def test_a_failure_policy_ends_the_job_at_once(sim: Simulation, make_world: Any) -> None:
    """Teaches: an exit code that no retry will mend, and the message that says which."""
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
    async with make_world(sim, CONTROLLERS) as world:
        await world.client.create(JOBS, job(podFailurePolicy={"rules": [rule]}))
        await world.run_for(1.5)
        (pod,) = world.all(PODS)
        await end(world, pod, code=42)
        await world.run_for(3)
        message = f"Container c for pod default/{pod.name} failed with exit code 42 matching FailJob rule at index 0"
        status = await status_of(world)
        assert types(status) == [("FailureTarget", "PodFailurePolicy"), ("Failed", "PodFailurePolicy")]
        assert status["conditions"][0]["message"] == message
        assert status["failed"] == 1


async def test_a_success_policy_needs_not_all(sim: Simulation, make_world: Any) -> None:
    """Teaches: one index may be the leader whose success is the Job's; the others are deleted."""
    rules = {"rules": [{"succeededIndexes": "0"}]}
    async with make_world(sim, CONTROLLERS) as world:
        await world.client.create(
            JOBS, job(completionMode="Indexed", completions=3, parallelism=3, successPolicy=rules)
        )
        await world.run_for(1.5)
        leader = min(world.all(PODS), key=index_of)
        await end(world, leader)
        await world.run_for(4)
        status = await status_of(world)
        assert types(status) == [("SuccessCriteriaMet", "SuccessPolicy"), ("Complete", "SuccessPolicy")]
        assert status["conditions"][0]["message"] == "Matched rules at index 0"
        assert len(world.events("SuccessfulDelete")) == 2


async def test_finished_jobs_may_clear_up_after_themselves(sim: Simulation, make_world: Any) -> None:
    """Teaches: ttlSecondsAfterFinished counts from the end."""
    async with make_world(sim, CONTROLLERS) as world:
        await world.client.create(JOBS, job(ttlSecondsAfterFinished=30))
        await world.run_for(1.5)
        await end(world, world.all(PODS)[0])
        await world.run_for(20)
        assert "deletionTimestamp" not in (await world.client.get(JOBS, "work", "default")).object["metadata"]
        await world.run_for(15)
        assert "deletionTimestamp" in (await world.client.get(JOBS, "work", "default")).object["metadata"]


async def test_pods_of_a_job_that_is_gone_are_let_go(sim: Simulation, make_world: Any) -> None:
    """Teaches: the finalizer waits for the Job's books, and there are none any more."""
    async with make_world(sim, CONTROLLERS) as world:
        await world.client.create(JOBS, job())
        await world.run_for(1.5)
        await world.client.delete(JOBS, "work", "default", propagation_policy="Orphan")
        made = await world.client.get(JOBS, "work", "default")
        await world.client.update(JOBS, with_fields(made.object, {"finalizers": None}, "metadata"))
        await world.run_for(1)
        assert [pod.object["metadata"].get("finalizers") for pod in world.all(PODS)] == [None]


def cron_job(**spec: Any) -> Object:
    template = {"spec": job()["spec"]}
    wanted = {"schedule": "* * * * *", "jobTemplate": template, **spec}
    return {"metadata": {"name": "tick", "namespace": "default"}, "spec": wanted}


async def jobs_of(world: Any) -> list[str]:
    return [stored.name for stored in (await world.client.list(JOBS, "default")).items]


async def test_a_job_is_named_after_its_minute(sim: Simulation, make_world: Any) -> None:
    """Teaches: name, annotation, owner, status; Replace deletes the Job that still runs."""
    async with make_world(sim, CONTROLLERS) as world:
        await world.client.create(CRON_JOBS, cron_job(concurrencyPolicy="Replace", timeZone="Europe/Berlin"))
        await asyncio.sleep(60 - sim.clock.now() + 1)
        minute = sim.clock.unix_ns() // 60_000_000_000
        assert await jobs_of(world) == [f"tick-{minute}"]
        made = (await world.client.get(JOBS, f"tick-{minute}", "default")).object["metadata"]
        assert made["annotations"] == {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2024-01-13T10:01:00+01:00"}
        assert made["ownerReferences"][0]["kind"] == "CronJob"
        await world.run_for(60)
        status = (await world.client.get(CRON_JOBS, "tick", "default")).object["status"]
        assert [each["name"] for each in status["active"]] == [f"tick-{minute + 1}"]
        assert status["lastScheduleTime"] == "2024-01-13T09:02:00Z"
        assert world.events("SuccessfulDelete")[:1] == [f"Deleted job tick-{minute}"]


async def test_what_was_missed_for_too_long_is_told(sim: Simulation, make_world: Any) -> None:
    """Teaches: a suspended CronJob makes up for the last of the missed times only, and tells when there were many."""
    async with make_world(sim, CONTROLLERS) as world:
        await world.client.create(CRON_JOBS, cron_job(suspend=True))
        await world.run_for(3 * 3600 + 30)
        assert await jobs_of(world) == []
        await world.client.merge_patch(CRON_JOBS, "tick", {"spec": {"suspend": False}}, "default")
        await world.run_for(1)
        assert len(await jobs_of(world)) == 1
        assert world.events("TooManyMissedTimes") == [
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        ]
