# SPDX-License-Identifier: Apache-2.0
"""A service with nothing but a folder's objects, run as a process so that its memory can be seen."""

import sys
from pathlib import Path

from pydantic import SecretStr

from ovpo.foundation.http.app import create_app
from ovpo.foundation.http.serve import Listen, serve
from ovpo.foundation.objects.api import router
from ovpo.foundation.objects.connect import open_objects
from ovpo.foundation.observability import logs
from ovpo.foundation.observability.metrics import new_registry
from ovpo.foundation.settings import tree

if __name__ == "__main__":
    port, home, secret = sys.argv[1:]
    logs.configure(tree.Log(), "objects")
    app = create_app(
        title="Objects",
        version="1",
        service="objects",
        probes={},
        probe_deadline_seconds=1,
        registry=new_registry("objects", "1"),
        routers=[router(open_objects(tree.Objects(signing_key=SecretStr(secret)), tree.Query(), Path(home)))],
    )
    sys.exit(serve(app, Listen("127.0.0.1", int(port), "HOST", "PORT"), stop_within_seconds=5))
