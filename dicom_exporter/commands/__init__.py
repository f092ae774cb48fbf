"""What the command line can be told to do: one file per command. Each returns the exit code."""
