"""`make demo-stack`: the demo's archives and exporter, Prometheus, Alertmanager, and a terminal that shows the pages.

It uses the shipped rules and routes with shorter waits, so that a demonstration does not take minutes. The package
dicom_exporter does not depend on it.
"""
