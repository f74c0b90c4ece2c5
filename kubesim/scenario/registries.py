"""What a scenario does to image registries: publish and delete tags, and the troubles that registries have."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from kubesim.api.quantity import value
from kubesim.kubelet import Registries
from kubesim.kubelet.runtime.names import is_valid_image
from kubesim.scenario.containers import ContainerBehavior, behaviour
from kubesim.scenario.model import Model
from kubesim.scenario.values import Quantity, Seconds, as_list

SIX_HOURS = 6 * 3600.0


class RegistryAction(Model):
    """One change to a registry: exactly one of publish, delete, down, up, slow, limit and private."""

    publish: str | None = Field(None, description="An image is built and pushed: its name with a tag.")
    delete: str | None = Field(None, description="A tag, a repository or all images of a registry are gone.")
    down: str | None = Field(None, description="Nobody reaches this registry: `docker.io`, `registry.example.com`.")
    up: str | None = Field(None, description="It works again, at full speed and without a limit.")
    slow: str | None = Field(None, description="It sends no more than `speed`.")
    limit: str | None = Field(None, description="It gives only `pulls` images in a `window` to the cluster.")
    private: str | None = Field(None, description="A registry, or a path in it, is only for `username`.")
    behavior: ContainerBehavior | None = Field(None, description="For `publish`: what its containers do.")
    size: Quantity = Field(0, description="For `publish`: its size; absent: 10 MB.")
    how: Literal["refused", "timeout", "no-such-host", "unavailable"] = Field(
        "refused", description="For `down`: how that shows."
    )
    speed: Quantity = Field("1M", description="For `slow`: bytes a second.")
    pulls: int = Field(100, ge=0, description="For `limit`.")
    window: Seconds = Field(SIX_HOURS, description="For `limit`.")
    username: str = Field("", description="For `private`.")
    password: str = Field("", description="For `private`.")

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        given = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(given) != 1:
            raise ValueError(f"a change to a registry is exactly one of {', '.join(VERBS)}")
        if self.publish is not None and not is_valid_image(self.publish):
            raise ValueError(f'"{self.publish}" is no image name')
        if self.private is not None and not (self.username and self.password):
            raise ValueError("private needs a username and a password")
        if self.slow is not None and value(self.speed) <= 0:
            raise ValueError("speed is more than 0")
        return self

    @property
    def verb(self) -> str:
        """Which one is given."""
        return next(verb for verb in VERBS if getattr(self, verb) is not None)


VERBS = ("publish", "delete", "down", "up", "slow", "limit", "private")
RegistryActions = Annotated[list[RegistryAction], BeforeValidator(as_list)]


def act(registries: Registries, action: RegistryAction) -> str:
    """Does it; the result says what was done."""
    name = getattr(action, action.verb)
    if action.verb == "publish":
        built = behaviour(action.behavior) if action.behavior is not None else None
        manifest = registries.publish(name, built, value(action.size))
        return f"docker push {name}: {manifest.digest[:19]}"
    if action.verb == "delete":
        registries.delete(name)
        return f"{name} is deleted from its registry"
    if action.verb == "down":
        registries.down(name, action.how)
        return f"registry {name} is down ({action.how})"
    if action.verb == "up":
        registries.up(name)
        return f"registry {name} works again"
    if action.verb == "slow":
        registries.slow(name, value(action.speed))
        return f"registry {name} sends no more than {action.speed} bytes a second"
    if action.verb == "limit":
        registries.limit(name, action.pulls, action.window)
        return f"registry {name} allows {action.pulls} pulls in {action.window:g} s"
    registries.private(name, action.username, action.password)
    return f"{name} is only for {action.username}"
