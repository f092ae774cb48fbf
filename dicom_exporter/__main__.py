"""`python -m dicom_exporter`."""

import sys

from dicom_exporter.cli.main import main

sys.exit(main())
