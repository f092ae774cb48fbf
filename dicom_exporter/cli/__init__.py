"""The command line: `main` reads it, and one file for each command has its flags and what they start."""
