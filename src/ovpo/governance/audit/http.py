# SPDX-License-Identifier: Apache-2.0
"""Who acts in an HTTP request, for the audit chain."""

from typing import Final

from fastapi import Request

from ovpo.foundation.auth import Principal
from ovpo.foundation.http import request_id
from ovpo.governance.audit.events import Actor

_MOST_AGENT: Final = 200


def actor(request: Request, caller: Principal) -> Actor:
    """Tell who acts: the key, its address, the request and the program that sent it."""
    agent = request.headers.get("user-agent", "")[:_MOST_AGENT]
    printable = "".join(character if character.isprintable() else "?" for character in agent)
    context = {"request_id": request_id.of(request.scope), "role": caller.role.value, "user_agent": printable}
    return Actor(f"key:{caller.key_prefix}", request.client.host if request.client else None, context)
