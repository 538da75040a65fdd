"""Keys on PKCS#11 tokens: the only code that imports the PKCS#11 binding."""

from pki.signers.pkcs11.check import Step, check
from pki.signers.pkcs11.module import ModuleInfo, close_all
from pki.signers.pkcs11.report import MechanismReport, mechanisms
from pki.signers.pkcs11.signer import PkcsSigner
from pki.signers.pkcs11.slots import DeviceInfo, PinState, SlotInfo, TokenInfo, list_slots, token_info
from pki.signers.pkcs11.token import PkcsToken, open_token

__all__ = [
    "DeviceInfo",
    "MechanismReport",
    "ModuleInfo",
    "PinState",
    "PkcsSigner",
    "PkcsToken",
    "SlotInfo",
    "Step",
    "TokenInfo",
    "check",
    "close_all",
    "list_slots",
    "mechanisms",
    "open_token",
    "token_info",
]
