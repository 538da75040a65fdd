"""The qpki domain library: algorithms, profiles, signers, X.509, state and issuance, usable without the CLI."""
