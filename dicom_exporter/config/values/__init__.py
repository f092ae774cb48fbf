"""The values of a configuration file, one parser for each kind."""
