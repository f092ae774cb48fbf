"""From validated sections of a configuration file to the configuration that the program reads."""
