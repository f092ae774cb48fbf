"""Coverage-guided fuzzing of all code that reads input from peers: `make fuzz SECONDS=1800`.

- `targets`: functions that take any bytes; an exception is a bug;
- `mutator`: mutations on the level of PDUs, so that most of the input stays valid;
- `corpus`: the seeds, and inputs of earlier runs that reached new code;
- `run`: runs one target with atheris; `__main__`: runs all targets.

`test_corpus` runs the targets with the corpus, without atheris, as a regression test.
"""
