"""The network, for DICOM and HTTP alike: names, TCP, TLS, limits, the seconds of each phase."""
