"""A customer who keeps the cookie that a router gave."""

import http.client


class Customer:
    """A browser that keeps its cookie."""

    def __init__(self, url: str, cookie: str = "") -> None:
        self.place = url.removeprefix("http://")
        self.cookie = cookie

    def side(self) -> str:
        link = http.client.HTTPConnection(self.place, timeout=5)
        link.request("GET", "/", headers={"cookie": self.cookie} if self.cookie else {})
        reply = link.getresponse()
        side = reply.read().decode().split()[0]
        if given := reply.getheader("set-cookie"):
            self.cookie = given.split(";")[0]
        link.close()
        return side
