"""CAs with their keys on a token: renewed under the key that is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pki.authority import Authority, CaRenewal, CaRequest, create_ca, renew_ca
from pki.keys import TokenKeyChoice
from pki.ports import Ports
from tests.support.issue import CATALOG, PORTS
from tests.support.tokens import SoftHsm

pytestmark = pytest.mark.hsm

ROOT, ISSUING = CATALOG.get("ec/root-ca"), CATALOG.get("ec/issuing-ca")


@pytest.fixture
def ports(secrets) -> Ports:
    return replace(PORTS, secrets=secrets)


@pytest.fixture
def root(hsm, ports, tmp_path) -> Authority:
    return create_ca(request(hsm, tmp_path / "root", "root"), ports)


def request(hsm: SoftHsm, directory, label: str) -> CaRequest:
    key = TokenKeyChoice(hsm.config_path, label=label, generate=True)
    return CaRequest(directory=directory, profile=ROOT, variables={"cn": label}, key=key)


def test_a_renewal_makes_no_key(root, hsm):
    renewed = renew_ca(root, CaRenewal(profile=ROOT, variables={"cn": "root"}))

    assert renewed.certificate.spki == root.certificate.spki
    assert renewed.generate_crl().scheme == renewed.certificate.scheme
    assert hsm.tool("--list-objects", "--type", "privkey").count("Private Key Object") == 1


def test_a_ca_and_its_parent_on_one_token_are_renewed_together(root, hsm, ports, tmp_path):
    wanted = replace(request(hsm, tmp_path / "issuing", "issuing"), profile=ISSUING, parent=root)
    issuing = create_ca(wanted, ports)
    renewed = renew_ca(issuing, CaRenewal(profile=ISSUING, variables={"cn": "issuing"}, parent=root))

    assert renewed.chain == (root.certificate,)
    assert [facts.serial for facts in renewed.meta.previous] == [issuing.certificate.serial]
