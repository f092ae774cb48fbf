"""What a Prometheus has recorded of the targets, as episodes: times during which one was exposed, or down.

```
Prometheus ── api ──> read: points of each service ──> episodes: Track ──> Episode
```

An episode ends only when the opposite was proved. While nothing was recorded, or the result was unknown, it goes on.
"""
