"""Who listens on a port of this machine."""

import psutil


def holder(port: int) -> str | None:
    """The process that listens on a TCP port, as "name, process 123"; None: that cannot be known.

    Its name only: how it was started may hold secrets.
    """
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    except (psutil.Error, OSError):
        return None
    return None
