"""The reconciler: what people want in YAML, what state says there is, and the way from one to the other."""
