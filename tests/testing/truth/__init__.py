"""Servers whose true openness is known by construction, and what a probe of them claims.

```
strategies ─> model.Server ─┬─> levels.truth       what a stranger who does everything can get
                            ├─> dimse, web, tls    the same server, as bytes in and actions out
                            │      ├─> network     … on a simulated network with a clock of its own
                            │      └─> listening   … on sockets of loopback
                            └─> asking             what the exporter claims about it ─> judging: is that true?
```

Nothing here uses the exporter's own readers, probes or verdict, apart from `asking`, which runs the exporter.
"""
