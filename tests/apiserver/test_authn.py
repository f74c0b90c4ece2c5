"""Who sent the request: certificates, tokens, nobody."""

from __future__ import annotations

import pytest

from kubesim.api.errors import UnauthorizedError
from kubesim.api.wire import BearerToken, ClientCertificate
from kubesim.apiserver.authn import Authenticator, User, node_name, service_account_user


def test_a_certificate_names_a_user_and_its_groups() -> None:
    """Teaches: common name = user, organisations = groups, and everybody known is authenticated."""
    user = Authenticator().authenticate(ClientCertificate("ann", ("devs", "ops")))
    assert user == User("ann", ("devs", "ops", "system:authenticated"))


def test_nobody_is_anonymous() -> None:
    """Teaches: a request without papers is not refused at the door; it just may do next to nothing."""
    assert Authenticator().authenticate(None) == User("system:anonymous", ("system:unauthenticated",))


def test_a_token_that_nobody_issued_is_refused() -> None:
    """Teaches: wrong papers are worse than none: 401."""
    with pytest.raises(UnauthorizedError, match=r"^Unauthorized$") as refusal:
        Authenticator().authenticate(BearerToken("guess"))
    assert refusal.value.code == 401


def test_a_known_token_is_its_user() -> None:
    """Teaches: the server looks tokens up; they carry no name themselves."""
    authenticator = Authenticator({"s3cret": User("joe", ("devs",))})
    assert authenticator.authenticate(BearerToken("s3cret")) == User("joe", ("devs", "system:authenticated"))


def test_a_service_account_belongs_to_the_groups_of_its_namespace() -> None:
    """Teaches: that is how a role can be given to all Pods of a namespace."""
    user = service_account_user("kube-system", "deployment-controller")
    assert user.name == "system:serviceaccount:kube-system:deployment-controller"
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
    by_certificate = Authenticator().authenticate(ClientCertificate(user.name))
    assert by_certificate == user


def test_a_node_is_known_by_name_and_group_together() -> None:
    """Teaches: a name alone does not make a kubelet."""
    assert node_name(User("system:node:n1", ("system:nodes",))) == "n1"
    assert node_name(User("system:node:n1", ("devs",))) == ""
    assert node_name(User("ann", ("system:nodes",))) == ""
