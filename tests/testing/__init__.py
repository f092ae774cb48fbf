"""Helpers that several tests share, and that `benchmarks/` and `tools/` may import as well.

- `hostile`: DICOM and HTTP servers that misbehave on purpose, and recorded sessions of real ones;
- `peers`: real servers as processes (Orthanc, DCMTK, Prometheus, ...), certificates, synthetic studies;
- `running`, `exporting`: the exporter as a process; `in_process`: its HTTP server with a prober that probes nothing;
- `probing`, `web_probing`: one probe without a configuration file;
- `loading`, `web_config`, `rules`, `examples`, `readme`: files to load, and the files of this repository.
"""
