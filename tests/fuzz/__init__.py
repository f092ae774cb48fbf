"""Coverage-guided fuzzing of everything that reads what strangers send: `make fuzz SECONDS=1800`.

- `targets`: functions of bytes that raise nothing, whatever the bytes are, or there is a bug;
- `mutator`: damage that keeps the bytes worth reading, PDU by PDU;
- `corpus`: inputs that once reached something new, kept from earlier runs, and the seeds to begin with;
- `run`: one target under atheris; `__main__`: all of them.

Without atheris, `test_corpus` plays the corpus to the targets, so what was found once stays found.
"""
