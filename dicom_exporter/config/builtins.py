"""The identities, queries and modules that are there without being written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from dicom_exporter.config.settings import Expect, Exposure, Identity, Level, Model, Module, Query

MONITOR = "monitor"
STRANGER = "stranger"
AVAILABILITY = "availability"
EXPOSURE = "exposure"

BUILTIN_IDENTITIES: Mapping[str, Identity] = MappingProxyType(
    {
        MONITOR: Identity(MONITOR, calling_ae_title="PROMETHEUS"),
        STRANGER: Identity(STRANGER, calling_ae_title=None),
    }
)

BUILTIN_QUERIES: Mapping[str, Query] = MappingProxyType(
    {
        "studies": Query("studies", Model.STUDY_ROOT, Level.STUDY),
        "patients": Query("patients", Model.PATIENT_ROOT, Level.PATIENT),
        "worklist": Query("worklist", Model.WORKLIST, None),
    }
)
"""What a query of this name is; `dicom_studies_visible` and its relatives are read from them."""

BUILTIN_MODULES: Mapping[str, Module] = MappingProxyType(
    {
        AVAILABILITY: Module(
            AVAILABILITY,
            identity=MONITOR,
            timeout=10.0,
            queries=MappingProxyType({"studies": replace(BUILTIN_QUERIES["studies"], every=300.0)}),
        ),
        EXPOSURE: Module(EXPOSURE, identity=STRANGER, timeout=15.0, echo=False, exposure=Exposure()),
    }
)

DEFAULT_MODULES: Mapping[Expect, tuple[str, ...]] = MappingProxyType(
    {
        Expect.AVAILABLE: (AVAILABILITY,),
        Expect.GUARDED: (AVAILABILITY, EXPOSURE),
        Expect.CLOSED: (EXPOSURE,),
        Expect.CONTROL: (EXPOSURE,),
    }
)
"""The modules of a target that names none."""
