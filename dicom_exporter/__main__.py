"""`python -m dicom_exporter`."""

import sys

from dicom_exporter.cli import main

sys.exit(main())
