"""DICOM's upper layer (PS3.8) and message exchange (PS3.7), as a client that trusts nothing it reads.

```
requests.py ──> bytes out                               what is sent
                                                     ┌───────────────┐
bytes in ──> pdu.py ──> association.py ──> events ──>│ connection.py │──> operations.py ──> probes
             limits     the state machine            └───────────────┘
                        dimse.py: commands            the only file with a socket
```

`associate.py` makes a connection, with the means of `net`, and ends it on every way out. Everything before `connection`
is sans-I/O: bytes in, events out, no clock and no socket, so a test can feed it byte by byte.
"""
