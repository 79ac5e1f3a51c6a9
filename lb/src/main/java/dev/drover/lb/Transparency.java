package dev.drover.lb;

import dev.drover.dataplane.Sys;

/** Whether this process may open connections from addresses that are not this host's (IP_TRANSPARENT, ip(7)). */
final class Transparency {
    private static final int AF_INET = 2;
    private static final int SOCK_STREAM_CLOEXEC = 1 | 02000000;
    private static final int SOL_IP = 0;
    private static final int IP_TRANSPARENT = 19;

    private Transparency() {}

    /** Tries it with a socket that is closed again. */
    static boolean permitted() {
        int fd = Sys.check("socket", Sys.socket(AF_INET, SOCK_STREAM_CLOEXEC, 0));
        try {
            return Sys.setsockopt(fd, SOL_IP, IP_TRANSPARENT, 1) >= 0;
        } finally {
            Sys.close(fd);
        }
    }
}
