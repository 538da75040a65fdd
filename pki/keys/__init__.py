"""Keys by reference: make them, open them, list them, wherever they live.

Files and tokens meet here and nowhere above: callers choose a `FileKey`, a `TokenKeyChoice` or a `SharedKey`, get a
`Signer`, and record the `KeyRef` that finds it again.
"""

from pki.keys.choices import FileKey, KeyChoice, OpenKey, SharedKey, TokenKeyChoice
from pki.keys.keyfiles import KeyFile, generate_file_key, list_file_keys, load_file_key
from pki.keys.opening import open_signer, prepare
from pki.keys.standalone import adopt_key, create_key
from pki.keys.tokenkeys import generate_token_key, list_token_keys, open_token

__all__ = [
    "FileKey",
    "KeyChoice",
    "KeyFile",
    "OpenKey",
    "SharedKey",
    "TokenKeyChoice",
    "adopt_key",
    "create_key",
    "generate_file_key",
    "generate_token_key",
    "list_file_keys",
    "list_token_keys",
    "load_file_key",
    "open_signer",
    "open_token",
    "prepare",
]
