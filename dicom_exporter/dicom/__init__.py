"""The wire: DICOM's upper layer (PS3.8) and message exchange (PS3.7), as a client that trusts nothing it reads.

```
requests.py ──> bytes out                      what we send, encoded by pynetdicom
                                               ┌──────────────┐
bytes in ──> pdu.py ──> association.py ──> events ──>│ connection.py │──> probes
             limits     the state machine      └──────────────┘
                        dimse.py: commands      the only file with a socket
```

Everything up to `connection` is sans-I/O: bytes in, events out, no clock and no socket, so a test can feed it byte by
byte.
"""
