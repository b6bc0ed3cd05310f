"""Static files: addressed by version, kept by browsers for ever, sent compressed.

asset("calsync.css") -> "/static/calsync.css?v=3f2a..."     a Jinja global, too
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
from pathlib import Path

from flask import Flask, Response, abort, current_app, g, make_response, request, url_for
from werkzeug.security import safe_join

FOR_EVER = "public, max-age=31536000, immutable"
COMPRESSED = (".css", ".js", ".svg", ".json", ".html", ".txt", ".map")


def install(app: Flask) -> None:
    """Serve `static/` under /static with our own caching in place of Flask's."""
    app.add_url_rule("/static/<path:filename>", "static", _send)
    app.jinja_env.globals["asset"] = asset


def asset(filename: str) -> str:
    """Return the address of a static file with its version; it changes when the file does."""
    known: dict[str, str] = g.setdefault("assets", {})  # a long table asks for the icons hundreds of times
    if filename not in known:
        path = _path(filename)
        version = _version(str(path), path.stat().st_mtime_ns) if path else ""
        known[filename] = url_for("static", filename=filename, v=version)
    return known[filename]


def exists(filename: str) -> bool:
    """Return whether there is such a static file."""
    return _path(filename) is not None


def _send(filename: str) -> Response:
    path = _path(filename)
    if path is None:
        abort(404)
    changed = path.stat().st_mtime_ns
    version = _version(str(path), changed)
    squeezed = path.suffix in COMPRESSED and bool(request.accept_encodings["gzip"])
    body = _gzipped(str(path), changed) if squeezed else path.read_bytes()
    response = make_response(body)
    response.content_type = _content_type(path)
    if squeezed:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = FOR_EVER if request.args.get("v") == version else "no-cache"
    response.set_etag(f"{version}{'-gz' if squeezed else ''}")
    response.make_conditional(request)
    return response


def _path(filename: str) -> Path | None:
    joined = safe_join(str(Path(current_app.root_path) / "static"), filename)
    return Path(joined) if joined and Path(joined).is_file() else None


@functools.lru_cache(maxsize=512)
def _version(path: str, changed: int) -> str:
    return hashlib.blake2b(Path(path).read_bytes(), digest_size=6).hexdigest()


@functools.lru_cache(maxsize=256)
def _gzipped(path: str, changed: int) -> bytes:
    body = Path(path).read_bytes()
    return gzip.compress(body, 9, mtime=0)


def _content_type(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
