"""The network, for DICOM and HTTP alike: names, TCP, TLS, limits, the seconds of each phase.

```
context ─> resolver, limits, tcp, tls, timing     what a probe is handed, and what it reaches the network with
errors                                            how a probe ends other than well
```
"""
