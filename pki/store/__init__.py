"""State on disk: where it lies, how it is written, and what the records say."""
