"""DICOM clients that are compared: each a module with `echo` and, where it can, `find`, run in a process of its own."""
