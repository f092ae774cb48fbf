"""The report: every target is probed once, and all results are in one document for a person or a program.

```
probe ─> rows ─> groups ─> Report ─> columns ─┬─> terminal   a table
                                              ├─> markdown   a ticket
                                              ├─> csv        a spreadsheet
                                              ├─> json       a program
                                              └─> html       one page, for the security officer's file
```

Everything here is pure: results go in, text comes out. The columns are those of a count of open archives, by country,
that a security company published in 2019: systems, reachable, open to strangers, studies, patients, images.
"""

from dicom_exporter.report.groups import Group
from dicom_exporter.report.report import Report, make_report
from dicom_exporter.report.rows import Row

__all__ = ["Group", "Report", "Row", "make_report"]
