"""The exporter for half an hour among hundreds of peers that come and go, hang, lie and die: `make soak MINUTES=30`.

```
__main__ ── starts ──> peers      one process, an address each, moods that change; writes down who was what when
         └─ starts ──> watched    the real exporter, its wall clock by libfaketime, its open files limited
   clients ── scrape ──┘          two at once; what they read is compared with what the peers were
   weather                        reloads, clock jumps, file descriptors that run out
   sampling, verdict              sockets, tasks, threads, memory in quiet moments: a table, and whether it holds
```
"""
