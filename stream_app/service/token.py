"""Whether a request to a web port may be answered: its ``Authorization`` header goes in, a truth value comes out."""

import hmac

BEARER = "Bearer "


def allowed(token: str, authorization: str | None) -> bool:
    """Tell whether the header bears the token; all may ask where the token is empty.

    Decision: compared in constant time, so that a guess cannot be bettered byte by byte.
    """
    if not token:
        return True
    given = authorization or ""
    return given.startswith(BEARER) and hmac.compare_digest(given[len(BEARER) :].strip().encode(), token.encode())
