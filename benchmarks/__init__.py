"""How fast and how small the exporter is, beside other DICOM clients: `make bench` runs it all and checks the bars."""
