# SPDX-License-Identifier: ISC
"""
An ASGI application.  The body of a request comes back, and so do the messages
of a WebSocket, until one is "leave": it closes with 4001.
"""


async def app(scope, receive, send):
    if scope["type"] == "http":
        body = b""
        while True:
            m = await receive()
            body += m.get("body", b"")
            if not m.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"x-path", scope["raw_path"])]})
        await send({"type": "http.response.body", "body": body})
    if scope["type"] == "websocket":
        await receive()
        if scope["path"] == "/refused":
            await send({"type": "websocket.close", "code": 1000})
            return
        names = scope.get("subprotocols") or [None]
        await send({"type": "websocket.accept", "subprotocol": names[0]})
        while True:
            m = await receive()
            if m["type"] == "websocket.disconnect":
                return
            if m.get("text") == "leave":
                await send({"type": "websocket.close", "code": 4001})
                return
            m = {k: v for k, v in m.items() if v is not None}
            await send({**m, "type": "websocket.send"})
