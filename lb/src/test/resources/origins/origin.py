"""Notes method, target and digest of the body of each request; a WSGI application."""
import hashlib
import os


def app(environ, start_response):
    body = environ["wsgi.input"].read()
    target = environ["RAW_URI"]
    with open(os.environ["SEEN"], "a") as log:
        log.write("%s %s %s\n" % (environ["REQUEST_METHOD"], target, hashlib.sha256(body).hexdigest()))
    text = target.encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]
