"""`make demo-stack`: the archives and the exporter of the demo, Prometheus, Alertmanager, and alerts in the terminal.

It uses the rules and the routes of this repository with shorter durations, so that alerts come within minutes.
The package dicom_exporter does not depend on this directory.
"""
