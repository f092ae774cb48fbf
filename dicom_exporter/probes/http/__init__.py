"""HTTP as a prober needs it: one bounded question at a time to a server that may mean harm.

```
visit.ask ─> exchange.get ─> resolve ─> connect ─> tls ─> GET ─> body.pieces ─> dicom_json.Scan
   │             (one connection a question, no cookies, no proxies, nothing tried twice)
   └─ a redirect within the host, at most one, and never with credentials
```
"""
