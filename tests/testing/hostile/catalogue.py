"""One of each hostile behaviour by name, for tests that each of them gives an outcome in time."""

from __future__ import annotations

from collections.abc import Mapping

from tests.testing.hostile import echo, find, messages, negotiation, plain, release, wire
from tests.testing.hostile.plain import Then
from tests.testing.hostile.server import Behaviour

BEFORE_ASSOCIATION: Mapping[str, Behaviour] = {
    "silent": plain.silent,
    "closes at once": plain.greets(b"", Then.CLOSE),
    "resets at once": plain.greets(b"", Then.RESET),
    "closes after the request": plain.answers(b"", Then.CLOSE),
    "resets after the request": plain.answers(b"", Then.RESET),
    "half a header": plain.half_header(),
    "half a body": plain.half_body(),
    "drips": plain.drips(wire.associate_ac({1: wire.ACCEPTED})),
    "4 GiB PDU": plain.giant_pdu(),
    "garbage": plain.answers(plain.GARBAGE),
    "garbage without end": plain.floods(chunk=plain.GARBAGE),
    "HTTP": plain.answers(plain.HTTP_ANSWER, Then.CLOSE),
    "SSH": plain.greets(plain.SSH_BANNER),
    "TLS alert": plain.answers(plain.TLS_ALERT, Then.CLOSE),
    "TLS server hello": plain.greets(plain.TLS_SERVER_HELLO),
    **{f"rejects {code}": negotiation.rejects(*code) for code in negotiation.REJECTIONS},
    **{f"aborts {code}": negotiation.aborts(*code) for code in negotiation.ABORTS},
    **{f"refuses contexts, result {result}": negotiation.refuses_contexts(result) for result in range(1, 5)},
    "accepts no context": negotiation.accepts_contexts({}),
    "accepts a context never proposed": negotiation.accepts_contexts({201: wire.ACCEPTED}),
    **{f"AC: {name}": negotiation.malformed(name) for name in negotiation.MALFORMED},
    **{f"odd AC: {name}": plain.answers(data) for name, data in negotiation.ODD.items()},
    "accepts, then silent": negotiation.accepts(),
    "accepts, then closes": negotiation.accepts(Then.CLOSE),
    "accepts, then resets": negotiation.accepts(Then.RESET),
}

AT_THE_ECHO: Mapping[str, Behaviour] = {
    **{f"status {status:#06x}": echo.echo_status(status) for status in (0x0122, 0x0210, 0x0211, 0xC000)},
    "wrong message id": echo.wrong_message_id(),
    "wrong command field": echo.wrong_command_field(),
    "wrong context id": echo.wrong_context_id(),
    "unexpected dataset": echo.unexpected_dataset(),
    "no status": echo.no_status(),
    "endless command fragments": echo.endless_fragments(),
    "endless dataset fragments": echo.endless_fragments(command=False),
    "endless empty fragments": echo.endless_empty_fragments(),
    "drips the response": echo.fragmented(interval=1.0),
    **{f"replies {name}": echo.replies(data) for name, data in echo.BROKEN_PDVS.items()},
    "closes in place of the response": echo.replies(b"", Then.CLOSE),
    "resets in place of the response": echo.replies(b"", Then.RESET),
}

AT_THE_FIND: Mapping[str, Behaviour] = {
    "endless matches": find.endless_matches(),
    "cancelled, then some more": find.matches_until_cancelled(after_cancel=20),
    "cancelled, then Success": find.matches_until_cancelled(status=messages.SUCCESS),
    "limit B001": find.limited(),
    "limit B001, then Success": find.limited(then_success=True),
    **{f"refused {status:#06x}": find.finds(0, status) for status in (0xA700, 0x0124, 0xC001, 0xA900, 0x0122)},
    **{f"3 matches, then {status:#06x}": find.finds(3, status) for status in (0xA700, 0x0124, 0xC001, 0xFE00)},
    "pending FF01": find.finds(3, pending_status=messages.PENDING_WITH_WARNING),
    "unlisted status": find.finds(3, 0x1234),
    "silent": find.silent_after(),
    "silent after 3 matches": find.silent_after(3),
    "aborts": find.ends_after(0, data=wire.abort()),
    "aborts after 3 matches": find.ends_after(3, data=wire.abort(2, 6)),
    "closes after 3 matches": find.ends_after(3, then=Then.CLOSE),
    "resets after 3 matches": find.ends_after(3, then=Then.RESET),
    "aborts on NumberOfStudyRelatedInstances": find.aborts_on(messages.STUDY_INSTANCES),
    "pending without a dataset": find.pending_without_dataset(),
    "final with a dataset": find.final_with_dataset(),
    **{f"dataset: {name}": find.datasets(*[data] * 3) for name, data in find.BROKEN_DATASETS.items()},
}

AT_THE_RELEASE: Mapping[str, Behaviour] = {
    "never answers the release": release.never_answers_release(),
    "garbage for the release": release.garbage_for_release(),
    "abort for the release": release.abort_for_release(),
    "release collision": release.collides(),
    "empty P-DATA-TF without end": release.answers_release_with(wire.p_data() * 100_000),
    "4 GiB for the release": release.answers_release_with(wire.pdu(wire.RELEASE_RP, b"", length=0xFFFFFFFF)),
}

ALL: Mapping[str, Behaviour] = {
    **{f"association: {name}": behaviour for name, behaviour in BEFORE_ASSOCIATION.items()},
    **{f"echo: {name}": behaviour for name, behaviour in AT_THE_ECHO.items()},
    **{f"find: {name}": behaviour for name, behaviour in AT_THE_FIND.items()},
    **{f"release: {name}": behaviour for name, behaviour in AT_THE_RELEASE.items()},
}
"""Every one of them; each allows a client to come to an outcome, within its own deadline."""
