"""Sign-in: access tokens, single-use refresh tokens, API keys.

Owns `identity_auth`: `families`, `refresh_tokens`, `api_keys`, `signing_keys`. Sends `SessionStarted`,
`SessionRevoked`, `ApiKeyCreated`, `ApiKeyRevoked`. Hears nothing. Implements
`foundation.http.auth.Authenticator`.
"""
