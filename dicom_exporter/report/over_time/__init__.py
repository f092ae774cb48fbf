"""The report over time: what Prometheus has recorded, as episodes in one document.

```
history ─> OverTime: episodes, sums ─> columns ─> terminal, markdown, csv, json, html
```
"""

from dicom_exporter.report.over_time.report import OverTime, Sum, make_over_time

__all__ = ["OverTime", "Sum", "make_over_time"]
