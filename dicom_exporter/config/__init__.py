"""The configuration: YAML files in, validated and frozen values out; every error names its file, line and key.

    load
     ├─ sections ──> yamlfile.document       files -> plain data with line numbers -> one Entry for each block
     └─ build/   ──> yamlfile.validation     each block validated, then checked against the others
            │            │
            │            ▼
            │         schema, model ─> types ─> values/     what may be in a file; also the JSON Schema
            ▼
         model: Config, Target, Module, …                   what the rest of the program reads; `render` writes it
                    └─ renewal                              reads the files of an identity again while the program runs

Nothing here opens a socket.
"""

from dicom_exporter.config.build.tls import tls_settings
from dicom_exporter.config.load import load, load_again
from dicom_exporter.config.model import (
    BasicAuth,
    Canary,
    Compare,
    Config,
    Exposure,
    GlobalSettings,
    HTTPSettings,
    Identity,
    Module,
    MoveTo,
    ProbeSettings,
    Query,
    Store,
    Target,
    TLSSettings,
    UserIdentity,
    Vantage,
    WebEntry,
)
from dicom_exporter.config.notes import notes
from dicom_exporter.config.secret import Secret
from dicom_exporter.config.values.dicom import Level, MatchValue, Model, parse_ae_title
from dicom_exporter.config.values.network import Address, parse_address
from dicom_exporter.config.values.time import RelativeDate, TimeWindow, format_duration, parse_duration
from dicom_exporter.enums import Expect
from dicom_exporter.yamlfile.errors import ConfigError, ConfigErrors

__all__ = [
    "Address",
    "BasicAuth",
    "Canary",
    "Compare",
    "Config",
    "ConfigError",
    "ConfigErrors",
    "Expect",
    "Exposure",
    "GlobalSettings",
    "HTTPSettings",
    "Identity",
    "Level",
    "MatchValue",
    "Model",
    "Module",
    "MoveTo",
    "ProbeSettings",
    "Query",
    "RelativeDate",
    "Secret",
    "Store",
    "TLSSettings",
    "Target",
    "TimeWindow",
    "UserIdentity",
    "Vantage",
    "WebEntry",
    "format_duration",
    "load",
    "load_again",
    "notes",
    "parse_address",
    "parse_ae_title",
    "parse_duration",
    "tls_settings",
]
