"""The whole configuration, with the built-in identities and modules merged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dicom_exporter.config.builtins import BUILTIN_IDENTITIES, BUILTIN_MODULES
from dicom_exporter.config.settings import Compare, GlobalSettings, Identity, Module, ProbeSettings, Target


@dataclass(frozen=True)
class Config:
    """What a configuration says. Names in it refer to something: `load` has seen to that."""

    targets: tuple[Target, ...]
    global_: GlobalSettings = field(default_factory=GlobalSettings)
    identities: Mapping[str, Identity] = field(default_factory=lambda: BUILTIN_IDENTITIES)
    modules: Mapping[str, Module] = field(default_factory=lambda: BUILTIN_MODULES)
    compare: tuple[Compare, ...] = ()
    probe: ProbeSettings = field(default_factory=ProbeSettings)

    def target(self, name: str) -> Target | None:
        """Find a target by its name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Target]:
        return {target.name: target for target in self.targets}
