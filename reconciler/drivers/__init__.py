"""The impure half of each kind: what a change does."""
