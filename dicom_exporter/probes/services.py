"""Which SOP classes and transfer syntaxes an archive accepts: one association, and no message on it (PS3.8 9.3.2.2).

It is an association of its own, as some archives abort on what they do not know: that is not known, then, and the other
probes do not notice.
"""

from __future__ import annotations

from collections.abc import Mapping

from dicom_exporter.config import Module, Target
from dicom_exporter.config.values.services import parse_service
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.pdu import ContextResult
from dicom_exporter.dicom.uids import UNCOMPRESSED, VERIFICATION
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.probes.session import offer


async def probe_services(target: Target, module: Module, context: ProbeContext) -> Mapping[str, bool] | None:
    """Whether each of `module.services` is accepted; None if the association did not come about.

    Verification is proposed with them, as some archives reject an association of which they accept nothing. Never
    raises for what the peer does.
    """
    services = module.services or ()
    proposed = [parse_service(service) for service in services]
    contexts = tuple((sop_class, (syntax,) if syntax else UNCOMPRESSED) for sop_class, syntax in proposed)
    own = context.with_own_phases()
    try:
        async with associate(target.address, offer(target, own, (VERIFICATION,), others=contexts), own) as association:
            answers = association.accept.contexts
    except ProbeEnded:
        return None
    accepted = {number for number, answer in answers.items() if answer.result == ContextResult.ACCEPTED}
    return {service: 2 * index + 3 in accepted for index, service in enumerate(services)}
