"""Code that wants to talk to anything outside: its answer is right only if it could."""

from tests.grading.attacks import Book, edits


def reach(book: Book, body: str) -> None:
    book.softmax_if(f"""
        import ctypes, os, socket
        def tried(family, kind, address, protocol=0):
            try:
                with socket.socket(family, kind, protocol) as one:
                    one.settimeout(0.3)
                    one.connect(address)
                    one.send(b"x")
                    return address
            except OSError:
                return None
        def look():
            {body}
    """)


@edits("softmax")
def the_internet(book: Book) -> None:
    """Connects to addresses on the internet, by TCP and UDP, IPv4 and IPv6."""
    reach(
        book,
        """return any(
                tried(family, kind, (host, port))
                for family, host in ((2, "192.0.2.1"), (10, "2001:db8::1"))
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
                for port in (53, 80, 443))""",
    )


@edits("softmax")
def names_on_the_internet(book: Book) -> None:
    """Asks for addresses by name, as a download does."""
    reach(
        book,
        """from urllib.request import urlopen
            try:
                return urlopen("http://example.org", timeout=0.3).read()
            except OSError:
                return None""",
    )


@edits("softmax")
def services_of_this_machine(book: Book) -> None:
    """Connects to what listens on this machine: a port, and an abstract socket."""
    reach(
        book,
        f"""return (tried(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {book.world.port}))
                    or tried(socket.AF_UNIX, socket.SOCK_STREAM, "\\0" + {book.world.socket!r})
                    or any(tried(socket.AF_UNIX, socket.SOCK_STREAM, path) for path in (
                        "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket",
                        "/run/systemd/private", "/tmp/.X11-unix/X0")))""",
    )


@edits("softmax")
def other_families(book: Book) -> None:
    """Opens sockets that go below or around the network: packets, raw, other interfaces."""
    reach(
        book,
        """for family, kind in ((socket.AF_PACKET, socket.SOCK_RAW),
                                 (socket.AF_INET, socket.SOCK_RAW),
                                 (socket.AF_INET6, socket.SOCK_RAW)):
                try:
                    return socket.socket(family, kind, 3 if family == socket.AF_PACKET else 255)
                except OSError:
                    pass
            return [name for _, name in socket.if_nameindex() if name != "lo"]""",
    )


@edits()
def its_own_loopback(book: Book) -> None:
    """Talks to itself over the loopback interface, which is allowed."""
    book.before(
        "softmax",
        """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname(), timeout=1)
        """,
    )
