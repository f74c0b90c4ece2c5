"""DefaultIngressClass: an Ingress that names no class gets the default one. Upstream: plugin/pkg/admission/network."""

from __future__ import annotations

from kubesim.api.meta import with_fields
from kubesim.api.resources import INGRESS_CLASSES, INGRESSES
from kubesim.api.stored import Object
from kubesim.apiserver.admission.plugin import CREATE, AdmissionPlugin, Attributes, Target
from kubesim.apiserver.admission.storage import newest_default

IS_DEFAULT = ("ingressclass.kubernetes.io/is-default-class",)
CLASS_ANNOTATION = "kubernetes.io/ingress.class"


class DefaultIngressClass(AdmissionPlugin):
    """Gives Ingresses a class."""

    name = "DefaultIngressClass"

    def handles(self, target: Target) -> bool:
        """New Ingresses."""
        return target == (CREATE, INGRESSES, "")

    def mutate(self, attributes: Attributes) -> Object:
        """The Ingress with the newest default class, unless it says something of classes itself."""
        obj = attributes.obj
        if (obj.get("spec") or {}).get("ingressClassName") is not None:
            return obj
        if CLASS_ANNOTATION in (obj["metadata"].get("annotations") or {}):
            return obj
        found = newest_default(self.lookup_all(INGRESS_CLASSES), IS_DEFAULT)
        return obj if found is None else with_fields(obj, {"ingressClassName": found.name}, "spec")
