"""What manifests can ask for, one module for each kind: typed, normalised, defaults filled in."""
