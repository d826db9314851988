# Owns the list of cases: what is sent, over how many connections, and which figure Meridian is to reach.
from __future__ import annotations

from dataclasses import dataclass, field

SMALL_BYTES = 128
CHUNKED_BYTES = 4096
KILOBYTES_10 = 10 * 1024
MEGABYTE = 1024 * 1024
# Within half of the descriptors that a process usually has: Meridian keeps the others for backends.
IDLE_CONNECTIONS = 9_000
ROUTES = 100
ENDPOINTS_A_ROUTE = 100

# Where requests go behind the proxy: nginx with files, or the C backend (HTTP or plain echo).
FILES, DYNAMIC, ECHO = "files", "dynamic", "echo"


@dataclass(frozen=True)
class Target:
    """The most that Meridian's figure may be, as a ratio to the better of the two peers."""

    uring: float
    epoll: float


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    # http | close | echo | websocket | idle: the generator's; wrk; rate: h2load.
    mode: str = "http"
    connections: int = 64
    requests: tuple[str, ...] = ()
    # Bytes sent after the head, or echoed.
    body: int = 0
    # Bytes of the answer's body.
    length: int = SMALL_BYTES
    backend: str = FILES
    workers: int = 1
    routes: int = 1
    endpoints: int = 1
    access_log: bool = False
    target: Target | None = None
    warm_up_seconds: float = field(default=0.5)

    @property
    def protocol(self) -> str:
        return "tcp" if self.mode == "echo" else "http"

    @property
    def is_bulk(self) -> bool:
        return max(self.body, self.length) >= MEGABYTE


def head(method: str, path: str, *fields: str) -> str:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: shop.example.com", *fields]) + "\r\n\r\n"


SMALL = (head("GET", "/small", "User-Agent: load", "Accept: */*"),)

# What a browser with cookies sends: 20 fields with Host, 1.2 KB.
BROWSER = (
    head(
        "GET",
        "/small",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "Accept-Language: en-GB,en;q=0.9,de;q=0.8,fr;q=0.7",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Cache-Control: max-age=0",
        'Sec-CH-UA: "Chromium";v="140", "Not=A?Brand";v="24", "Browser";v="140"',
        "Sec-CH-UA-Mobile: ?0",
        'Sec-CH-UA-Platform: "Linux"',
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: same-origin",
        "Sec-Fetch-User: ?1",
        "Upgrade-Insecure-Requests: 1",
        "Referer: https://shop.example.com/catalogue/gardening/tools?sort=price&order=ascending&page=4",
        "Cookie: session=" + "7f3a9c" * 20 + "; preferences=" + "c0ffee" * 29 + "; consent=everything",
        "Priority: u=0, i",
        "DNT: 1",
        "X-Application-Version: 2026.11.3-rc1",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
)

WEBSOCKET = (
    head(
        "GET", "/websocket", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        # The example key of RFC 6455 section 1.3, whose accept value generator and backend know.
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
)

MANY_ROUTES = tuple(head("GET", f"/service-{route:02}/small") for route in range(ROUTES))

def at_most(ratio: float) -> Target:
    """epoll makes more system calls, for which it gets 0.05."""
    return Target(uring=ratio, epoll=round(ratio + 0.05, 2))


def both(ratio: float) -> Target:
    return Target(uring=ratio, epoll=ratio)


CASES = [
    *(
        Case(f"small-{count}", f"small, keep-alive, {count} connection{'s' if count > 1 else ''}", connections=count,
             requests=SMALL, target=at_most(0.75 if count == 1 else 0.68))
        for count in (1, 8, 64, 512)
    ),
    Case("wrk-64", "small, keep-alive, 64 connections, by wrk", mode="wrk", requests=SMALL, target=at_most(0.68)),
    Case("head-1k", "head of 1.2 KB, 20 fields", requests=BROWSER),
    Case("routes", f"{ROUTES} routes x {ENDPOINTS_A_ROUTE} endpoints", requests=MANY_ROUTES, backend=DYNAMIC,
         routes=ROUTES, endpoints=ENDPOINTS_A_ROUTE, warm_up_seconds=2),
    Case("access-log", "small, access log on", requests=SMALL, access_log=True),
    Case("chunked", "chunked, 8 x 512 B", requests=(head("GET", "/chunked"),), length=CHUNKED_BYTES, backend=DYNAMIC),
    Case("10k", "10 KB", requests=(head("GET", "/10k"),), length=KILOBYTES_10, target=at_most(0.68)),
    Case("download", "1 MB download, 16 connections", connections=16, requests=(head("GET", "/1m"),), length=MEGABYTE,
         target=both(0.65)),
    Case("upload", "1 MB upload, 16 connections", connections=16, body=MEGABYTE, backend=DYNAMIC, target=both(0.65),
         requests=(head("POST", "/upload", f"Content-Length: {MEGABYTE}"),)),
    Case("new-connection", "a new connection a request", mode="close", connections=32,
         requests=(head("GET", "/small", "Connection: close"),), target=at_most(0.8)),
    Case("tcp", "TCP relay, 128 B there and back", mode="echo", body=128, backend=ECHO, target=both(0.8)),
    Case("tcp-bulk", "TCP relay, 1 MB there and back, 8 connections", mode="echo", connections=8, body=MEGABYTE,
         backend=ECHO, target=both(0.8)),
    Case("websocket", "WebSocket, frames of 128 B there and back", mode="websocket", requests=WEBSOCKET, body=128,
         backend=DYNAMIC),
    Case("2-workers", "small, keep-alive, 64 connections, 2 workers", requests=SMALL, workers=2),
    Case("idle", f"{IDLE_CONNECTIONS:,} idle connections", mode="idle", connections=IDLE_CONNECTIONS, requests=SMALL,
         target=both(0.85)),
    Case("rate", "fixed rate: half of the slowest peer's maximum", mode="rate", connections=32, requests=SMALL),
]
