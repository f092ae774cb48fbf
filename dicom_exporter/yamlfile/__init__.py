"""YAML files with a fixed set of keys: plain data and line numbers, validated blocks, errors with file, line and key.

    bytes ─> document ─> validation ─> blocks (frozen dataclasses of `config` and `webconfig`)
                 └───────────┴──────> errors

`config` and `webconfig` both read their files with it, and notice with `snapshot` that a file has changed.
"""
