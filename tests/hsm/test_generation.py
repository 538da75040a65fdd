"""Keys are made inside the token to stay there; what is there already is never touched."""

from __future__ import annotations

import signal

import pkcs11
import pytest

from pki.algorithms import ALGORITHMS
from pki.errors import KeyAccessError, KeyExistsError, TokenError, UnsupportedAlgorithmError
from pki.signers import mechanisms
from pki.signers.config import load_config
from pki.signers.pkcs11 import keygen, open_token
from tests.support.tokens import spy

pytestmark = pytest.mark.hsm

P256 = ALGORITHMS["ecdsa-p256"]
GENERATE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background has it ignored
with open_token(config, secrets) as token:
    print('ready', flush=True)
    token.generate(ALGORITHMS[arguments[0]], label='new', key_id=arguments[1] or None)
    if arguments[2:]:
        sys.stdin.read()
"""


def test_another_program_sees_a_key_that_cannot_leave(hsm, token):
    token.generate(P256, label="root-ca-key", key_id="0102")

    listing = hsm.tool("--list-objects", "--type", "privkey")

    assert "root-ca-key" in listing
    assert "0102" in listing
    assert "sensitive, always sensitive, never extractable, local" in listing


@pytest.mark.hsm("opensc")
@pytest.mark.parametrize("name", ["ecdsa-p256", "rsa-2048", "ed25519"])
def test_every_attribute_that_matters_is_asked_for(hsm, name):
    """Tokens differ in what they assume when one is left out."""
    watch = spy(hsm)

    hsm.script(GENERATE, name, "", config=watch.config_path)

    request = watch.log().partition("C_GenerateKeyPair")[2].partition("Returned:")[0]
    private = request.partition("pPrivateKeyTemplate")[2]
    asked = dict(line.split()[:2] for line in private.splitlines() if line.endswith(("True", "False")))
    assert asked == {
        "CKA_TOKEN": "True",
        "CKA_PRIVATE": "True",
        "CKA_SENSITIVE": "True",
        "CKA_EXTRACTABLE": "False",
        "CKA_SIGN": "True",
        "CKA_DECRYPT": "False",
        "CKA_UNWRAP": "False",
        "CKA_DERIVE": "False",
    }


def test_a_key_that_could_leave_is_refused_and_destroyed_and_nothing_else_is(hsm, token, monkeypatch):
    """A token that ignored our template would give such a key; here we ask for one, and read it back."""
    kept = token.generate(P256, label="kept")
    monkeypatch.setitem(keygen.KEPT_INSIDE, pkcs11.Attribute.EXTRACTABLE, True)

    with pytest.raises(TokenError, match=r"not make the key as it was asked to \(CKA_EXTRACTABLE is True"):
        token.generate(P256, label="leaky", key_id="07")

    assert token.keys() == [kept]
    assert "leaky" not in hsm.tool("--list-objects")


def test_a_key_that_could_leave_and_cannot_be_destroyed_is_named(token, monkeypatch):
    monkeypatch.setitem(keygen.KEPT_INSIDE, pkcs11.Attribute.EXTRACTABLE, True)
    monkeypatch.setitem(keygen.KEPT_INSIDE, pkcs11.Attribute.DESTROYABLE, False)

    with pytest.raises(TokenError, match=r'"leaky" \(id 07\) is not to be used, but .* does not destroy it') as caught:
        token.generate(P256, label="leaky", key_id="07")

    assert caught.value.hint == "delete it with the vendor's tool"


@pytest.mark.parametrize("dialects", [("1303ffffff", "06032b6570"), ("06032b6570", "1303ffffff")])
def test_both_names_of_the_edwards_curve_are_tried(token, monkeypatch, dialects):
    """Opencryptoki knows the OID alone, other tokens the name alone."""
    monkeypatch.setattr(mechanisms, "_ED25519_PARAMS", tuple(map(bytes.fromhex, dialects)))

    assert token.generate(ALGORITHMS["ed25519"], label="key").algorithm == ALGORITHMS["ed25519"]


def test_a_curve_that_the_token_knows_by_neither_name_is_one_clear_error(hsm, token, monkeypatch):
    monkeypatch.setattr(mechanisms, "_ED25519_PARAMS", (b"\x13\x01a", b"\x13\x01b"))

    with pytest.raises(KeyAccessError, match="cannot generate a key"):
        token.generate(ALGORITHMS["ed25519"], label="key")

    assert hsm.tool("--list-objects") == ""


@pytest.mark.parametrize("object_class", ["privkey", "pubkey", "secrkey"])
@pytest.mark.parametrize("same", ["label", "id"])
def test_no_key_of_any_class_is_generated_over(hsm, token, object_class, same):
    names = ("--label", "taken", "--id", "0a0b")
    if object_class == "secrkey":
        hsm.tool("--keygen", "--key-type", "AES:16", *names)
    else:
        hsm.tool("--keypairgen", "--key-type", "EC:prime256v1", *names)
        other = {"privkey": "pubkey", "pubkey": "privkey"}[object_class]
        hsm.tool("--delete-object", "--type", other, "--label", "taken")
    before = hsm.tool("--list-objects")

    with pytest.raises(KeyExistsError, match=r'holds a key of that name already: "taken" \(id 0a0b'):
        token.generate(P256, label="taken" if same == "label" else "new", key_id="0a0b" if same == "id" else "0c0d")

    assert hsm.tool("--list-objects") == before


def test_a_certificate_of_the_same_label_is_no_obstacle(hsm, token):
    hsm.raw(
        "session.create_object({Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.TOKEN: True,"
        " Attribute.CERTIFICATE_TYPE: CertificateType.X_509, Attribute.LABEL: 'root', Attribute.ID: b'1',"
        " Attribute.SUBJECT: b'0', Attribute.VALUE: b'0'})"
    )

    assert token.generate(P256, label="root").label == "root"


def test_random_ids_have_the_configured_length(hsm, secrets):
    for length in (2, 32):
        config = load_config(hsm.write_config("x.yaml", id_length=length))
        with open_token(config, secrets) as token:
            made = token.generate(P256, label=f"key-{length}")

        assert len(bytes.fromhex(made.key_id)) == length


def test_random_ids_skip_those_that_are_taken_and_zero(token, monkeypatch):
    taken = token.generate(P256, label="taken", key_id="0202").key_id
    offers = iter([b"\0\1", bytes.fromhex(taken), b"\3\3"])
    monkeypatch.setattr(keygen.secrets, "token_bytes", lambda _: next(offers))

    assert token.generate(P256, label="new").key_id == "0303"


def test_post_quantum_keys_follow_the_mode_rule(token):
    with pytest.raises(UnsupportedAlgorithmError, match="HSM mode takes classical algorithms only, unless"):
        token.generate(ALGORITHMS["ml-dsa-65"], label="pqc")

    assert token.keys() == []


def test_ctrl_c_during_key_generation_leaves_no_key_behind(hsm):
    """The signal arrives while the token works: the key is made, and has to go again."""
    process = hsm.start(GENERATE, "rsa-4096", "", "and wait")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)

    assert "KeyboardInterrupt" in errors
    assert hsm.tool("--list-objects") == ""


@pytest.mark.parametrize("key_id", ["", "0a"])
def test_programs_that_make_one_label_at_once_leave_one_key(hsm, key_id):
    """Tokens do not stop a second key of one name, so our programs make keys one after the other."""
    processes = [hsm.start(GENERATE, "ecdsa-p384", key_id) for _ in range(3)]
    outcomes = [(*process.communicate(timeout=120), process.returncode) for process in processes]

    made = hsm.tool("--list-objects", "--type", "privkey").count("Private Key Object")
    assert made == sum(code == 0 for *_, code in outcomes) == 1
    assert [errors for _, errors, code in outcomes if code and "KeyExistsError" not in errors] == []
