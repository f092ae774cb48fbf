"""A soak test: the exporter with hundreds of peers that appear, disappear, hang and misbehave: `make soak MINUTES=30`.

```
__main__ ── starts ──> peers      one process, one address for each peer, moods that change; records the moods
         └─ starts ──> watched    the real exporter, with the wall clock of libfaketime and a limit of open files
   clients ── scrape ──┘          two in parallel; compare the metrics with the moods of the peers
   weather                        reloads, clock jumps, a shortage of file descriptors
   sampling, verdict              sockets, tasks, threads, memory without a scrape in progress: a table, and the result
```
"""
