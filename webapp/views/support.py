"""The support bundle as a download, for admins: of the installation, or of one run."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from calsync.services import support
from webapp import moments
from webapp.access import Role, actor, readable_run, role_required, runtime

bp = Blueprint("support", __name__, url_prefix="/support")


@bp.post("/bundle.zip")
@role_required(Role.ADMIN)
def bundle() -> Any:
    """Make the bundle and send it. A POST, because that it was made is written down."""
    run_id = request.values.get("run", type=int)
    if run_id is not None:
        readable_run(run_id)
    made = support.bundle(runtime(), run_id=run_id, by=actor())
    name = f"support-{moments.now():%Y-%m-%d}{f'-run-{run_id}' if run_id else ''}.zip"
    headers = {"Content-Disposition": f"attachment; filename={name}", "Cache-Control": "no-store"}
    return Response(made, mimetype="application/zip", headers=headers)
