"""Schemathesis as a program of its own: requests made from what the server says about itself in /openapi/v3.

`python openapi_fuzz.py KUBECONFIG SECONDS DOCUMENT…` asks every operation of the documents a few times, with what the
schema allows and with what it does not, until the seconds are over, and prints one line of JSON as http_fuzz.py does.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import schemathesis
import yaml
from http_fuzz import THEIR_OWN, certificate
from hypothesis import HealthCheck, Phase, given, seed, settings
from requests import RequestException, Session
from schemathesis import GenerationMode

SEED = 7
EXAMPLES = 2
SECONDS_MAX = 10
STREAMS = ("exec", "attach", "portforward", "proxy", "log")


class Fuzz:
    """Asks one server."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.url: str = cluster["server"]
        self.session = Session()
        self.session.trust_env = False
        self.tls: dict[str, Any] = {
            "verify": certificate(cluster, "certificate-authority", kubeconfig),
            "cert": tuple(certificate(user, name, kubeconfig) for name in ("client-certificate", "client-key")),
        }
        self.codes: dict[str, int] = {}
        self.wrong: list[str] = []
        self.operations = 0

    def all_of(self, documents: list[str], seconds: float) -> None:
        """Asks what there is time for, in an order of chance."""
        end = time.monotonic() + seconds
        operations = [operation for document in documents for operation in self._operations(document)]
        Random(SEED).shuffle(operations)
        for operation in operations:
            if time.monotonic() > end:
                return
            self.operations += 1
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self._ask(operation, mode)

    def _operations(self, document: str) -> list[Any]:
        answer = self.session.get(f"{self.url}/openapi/v3/{document}", **self.tls)
        schema = schemathesis.openapi.from_dict(answer.json())
        found = [result.ok() for result in schema.get_all_operations()]
        return [operation for operation in found if operation.path.rpartition("/")[2] not in STREAMS]

    def _ask(self, operation: Any, mode: GenerationMode) -> None:
        @seed(SEED)
        @settings(
            max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def play(case: Any) -> None:
            self._play(case)

        play()

    def _play(self, case: Any) -> None:
        case.path_parameters = {**(case.path_parameters or {}), "namespace": "default"}
        case.query = dict(case.query) if isinstance(case.query, dict) else {}
        case.query["timeoutSeconds"] = 1
        if case.method == "DELETE":
            case.query["dryRun"] = "All"
        try:
            answer = case.call(base_url=self.url, session=self.session, timeout=SECONDS_MAX, **self.tls)
        except RequestException as error:
            if "certificate verify failed" not in str(error):  # A redirect of requests' own making.
                self.wrong.append(f"no answer: {case.method} {case.path} {error!r}")
            return
        code = answer.status_code
        self.codes[str(code)] = self.codes.get(str(code), 0) + 1
        if code >= 500 and not any(words in answer.text for words in THEIR_OWN):
            self.wrong.append(f"{code}: {case.method} {answer.url[:300]} {str(case.body)[:600]} -> {answer.text[:300]}")


def main(kubeconfig: str, seconds: str, *documents: str) -> None:
    """Runs, and reports."""
    fuzz = Fuzz(Path(kubeconfig))
    fuzz.all_of(list(documents), float(seconds))
    print(json.dumps({"codes": fuzz.codes, "operations": fuzz.operations, "wrong": fuzz.wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
