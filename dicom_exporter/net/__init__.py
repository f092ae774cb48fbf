"""The network, for DICOM and HTTP alike: names, TCP, TLS, limits, the seconds of each phase.

```
context ─> resolver, limits, tcp, tls, timing     what a probe is handed, and what it reaches the network with
turns, wire                                       below TLS and HTTP: what peers send is handled in turn, and bounded
errors                                            how a probe ends other than well
```
"""
