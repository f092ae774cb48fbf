"""The report: every target once, now, in one document for a person or a program.

```
scrape ─> rows ─> groups ─> Report ─┬─> table      a terminal
                                    ├─> markdown   a ticket
                                    ├─> csv        a spreadsheet
                                    ├─> json       a program
                                    └─> page       one HTML page, for the security officer's file
```

All of it is pure: results go in, text comes out. The columns are those by which the archives of whole countries were
counted in 2019: systems, reachable, open to strangers, studies, patients, images.
"""

from dicom_exporter.report.groups import Group
from dicom_exporter.report.report import Report, make_report
from dicom_exporter.report.rows import Row

__all__ = ["Group", "Report", "Row", "make_report"]
