"""Facts as text and JSON: pure functions that return dictionaries and strings, and print nothing.

Each module turns a library object into facts, a dictionary with stable snake_case keys that is the JSON output as it
stands, and renders the text from those same facts; so neither form says more than the other.
"""
