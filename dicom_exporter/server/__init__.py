"""The HTTP server: the endpoints that probe, discovery, health and reload, and the limits that protect them.

`app` composes them with the pages of `dicom_exporter.pages`, which know nothing of this package; `lifecycle` serves it.
"""
