"""Admission webhooks: somebody else decides, over HTTPS.

Mutating ones are asked one after another, each about what the one before has made of the object; whoever changes
it lets the plugins, and the webhooks with reinvocationPolicy IfNeeded, see it once more. Validating ones are asked
when everybody else has agreed. (Upstream asks those at the same time; here they are asked one after another, so that
the order of two refusals is no matter of chance.)

A change is computed without waiting (registry/change.py). Where it meets mutating webhooks, WebhooksNeededError
breaks it off; the answers are fetched and kept with the request, and the computation starts again and finds them. If
somebody else writes meanwhile, the object is another, no answer fits, and the webhooks are asked again.

Upstream: k8s.io/apiserver/pkg/admission/plugin/webhook/{mutating,validating,generic,errors}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from functools import cached_property
from typing import Any

from kubesim.api.defaults import default
from kubesim.api.errors import ApiError, BadRequestError, InternalError, forbidden
from kubesim.api.patch import apply_json_patch
from kubesim.api.resources import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, Resource
from kubesim.api.stored import Object, Stored
from kubesim.apiserver.admission.matching import EQUIVALENT, is_exempt, matches_rules, matches_selectors
from kubesim.apiserver.admission.plugin import DELETE, AdmissionPlugin, Attributes, Target
from kubesim.apiserver.admission.policy import conditions_hold
from kubesim.apiserver.admission.policy_expressions import Compiler, bindings_of, evaluate
from kubesim.apiserver.admission.review import admission_request, shown
from kubesim.apiserver.admission.webhook_call import Answer, call
from kubesim.apiserver.admission.webhook_errors import CallError, InvalidAnswerError
from kubesim.apiserver.cel import COST_MAX, Budget, EvaluationError, Program

IF_NEEDED = "IfNeeded"
HARMLESS = ("None", "NoneOnDryRun")
CODE_MIN = 400


class WebhooksNeededError(Exception):
    """A computation needs answers that must be waited for."""

    def __init__(self, answer: Callable[[], Awaitable[None]]) -> None:
        super().__init__("webhooks must be asked")
        self.answer = answer


class _Webhooks(AdmissionPlugin):
    """What both kinds have in common."""

    configurations: Resource

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._conditions: dict[str, tuple[int, list[tuple[str, Program | str]]]] = {}

    def handles(self, target: Target) -> bool:
        """Everything but the configuration of admission itself."""
        return not is_exempt(target.resource)

    def hooks(self, attributes: Attributes) -> Iterator[Object]:
        """The webhooks that want to hear of the request, by the names of their configurations."""
        for configuration in sorted(self.lookup_all(self.configurations), key=lambda one: one.name):
            for index, hook in enumerate(configuration.object.get("webhooks") or ()):
                policy = hook.get("matchPolicy") or EQUIVALENT
                if not matches_rules(attributes, hook.get("rules") or (), policy):
                    continue
                if not matches_selectors(attributes, hook, self.lookup):
                    continue
                key = f"{configuration.name}/{index}"
                if self._conditions_hold(attributes, hook, key, configuration.revision):
                    yield hook

    def _conditions_hold(self, attributes: Attributes, hook: Object, key: str, revision: int) -> bool:
        conditions = hook.get("matchConditions")
        if not conditions:
            return True
        known = self._conditions.get(key)
        if known is None or known[0] != revision:
            compiled = [(one["expression"], _compiled(one["expression"].strip())) for one in conditions]
            known = self._conditions[key] = revision, compiled
        bindings = bindings_of(attributes, None, self.authorize)
        try:
            return conditions_hold(known[1], bindings, Budget(COST_MAX), evaluate)
        except EvaluationError as error:
            if hook.get("failurePolicy") == "Ignore":
                return False
            raise forbidden(attributes.context.request.resource, attributes.name, error.text) from None

    async def ask(self, attributes: Attributes, hook: Object) -> Answer | None:
        """What one webhook says; None if it failed and does not matter."""
        name = hook["name"]
        context = attributes.context
        if context.request.options.dry_run and hook.get("sideEffects") not in HARMLESS:
            raise BadRequestError(f'admission webhook "{name}" does not support dry run')
        request = admission_request(attributes, context.sim.chance.uid())
        request["object"] = shown(attributes, attributes.new)
        request["oldObject"] = shown(attributes, attributes.old)
        try:
            answer = await call(context.sim, self.lookup, hook, request)
        except CallError as error:
            _failed(hook, f"failed to call webhook: {error.text}")
            return None
        except InvalidAnswerError as error:
            _failed(hook, f"received invalid webhook response: {error}")
            return None
        context.warnings += [text for text in answer.warnings if text not in context.warnings]
        if answer.denial is not None:
            raise _denied(name, answer.denial)
        return answer


class ValidatingWebhooks(_Webhooks):
    """Asks validating webhooks."""

    name = "ValidatingAdmissionWebhook"
    configurations = idle_without = VALIDATING_WEBHOOKS

    async def reserve(self, attributes: Attributes) -> None:
        """Raises what the first webhook that objects has to say."""
        if self.lookup_all(self.configurations):
            for hook in list(self.hooks(attributes)):
                await self.ask(attributes, hook)


class MutatingWebhooks(_Webhooks):
    """Asks mutating webhooks."""

    name = "MutatingAdmissionWebhook"
    configurations = MUTATING_WEBHOOKS

    @property
    def are_there(self) -> bool:
        """Whether there is any at all."""
        return bool(self._present)

    @cached_property
    def _present(self) -> Collection[Stored]:
        """All configurations, now and at any later time: every write asks."""
        return self.lookup_all(self.configurations)

    async def change(self, attributes: Attributes) -> bool:
        """Lets them change `attributes.obj`; whether one did."""
        changed = False
        for hook in self._configured():
            # Each one decides by the object as it is by now whether it wants to hear of it.
            if not any(one is hook for one in self.hooks(attributes)):
                continue
            if attributes.is_reinvocation and hook.get("reinvocationPolicy") != IF_NEEDED:
                continue
            answer = await self.ask(attributes, hook)
            if answer is not None and answer.patch:
                if attributes.operation == DELETE:
                    words = f'admission webhook "{hook["name"]}" attempted to modify the object, which is not supported'
                    raise _internal(f"{words} for this operation")
                changed = _patch(attributes, answer.patch) or changed
        return changed

    def _configured(self) -> list[Object]:
        configurations = sorted(self.lookup_all(self.configurations), key=lambda one: one.name)
        return [hook for one in configurations for hook in one.object.get("webhooks") or ()]


def _compiled(expression: str) -> Program | str:
    try:
        return Compiler(has_params=False).compile(expression)
    except ValueError as error:
        return str(error)


def _patch(attributes: Attributes, operations: list[Any]) -> bool:
    resource = attributes.context.request.resource
    try:
        patched = apply_json_patch(attributes.obj, operations)
    except ApiError as error:
        raise _internal(str(error.__cause__ or error)) from None
    patched = default(resource, {**patched, "metadata": dict(patched.get("metadata") or {})})
    if patched == attributes.obj:
        return False
    attributes.obj = patched
    return True


def _failed(hook: Object, why: str) -> None:
    if hook.get("failurePolicy") != "Ignore":
        raise _internal(f'failed calling webhook "{hook["name"]}": {why}')


def _internal(why: str) -> InternalError:
    return InternalError(f"Internal error occurred: {why}", {"causes": [{"message": why}]})


def _denied(name: str, status: Object) -> ApiError:
    """The webhook's own Status, with words in front that say whose it is."""
    denied = f'admission webhook "{name}" denied the request'
    why = status.get("message") or status.get("reason")
    given = status.get("code")
    code_ = given if isinstance(given, int) and given >= CODE_MIN else CODE_MIN
    reason_ = str(status.get("reason") or "")

    class DeniedError(ApiError):
        """What one webhook has said."""

        reason, code = reason_, code_

    return DeniedError(f"{denied}: {why}" if why else f"{denied} without explanation", status.get("details"))
