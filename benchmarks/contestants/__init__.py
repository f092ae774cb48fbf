"""The compared DICOM clients. Each is a module with `echo` and, if supported, `find`, run in its own process."""
