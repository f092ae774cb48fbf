"""YAML files in, plain data with line numbers out; every error names its file, line and key."""
