package dev.drover.dataplane;

/**
 * Sends every packet that enters one interface out of another, inside the kernel: a program of a few instructions on the
 * TCX ingress hook (Linux 6.6 and later), loaded and attached by {@code bpf(2)}. It is in force as long as this object is
 * open and ends with the process at the latest.
 *
 * <p>Needs CAP_NET_ADMIN and CAP_BPF. Interfaces are those of the namespace of the calling thread. The packets pass by
 * netfilter's hooks and the routing of the input path.
 */
public final class TcxRedirect implements AutoCloseable {
    private static final int REDIRECT_ARGUMENTS = 2;
    private static final int REDIRECT_NEIGH_ARGUMENTS = 4;

    private final int link;
    private boolean closed;

    private TcxRedirect(int link) {
        this.link = link;
    }

    /**
     * Redirects as they are.
     *
     * @throws SysException when the kernel refuses; EINVAL before Linux 6.6
     */
    public static TcxRedirect verbatim(int from, int to) {
        return attach(from, to, Bpf.REDIRECT, REDIRECT_ARGUMENTS);
    }

    /**
     * Redirects IP packets with the MAC addresses that routing table and neighbours of {@code to} give for their
     * destination; the kernel resolves a neighbour that it does not know yet.
     *
     * @throws SysException when the kernel refuses; EINVAL before Linux 6.6
     */
    public static TcxRedirect toNeighbour(int from, int to) {
        return attach(from, to, Bpf.REDIRECT_NEIGH, REDIRECT_NEIGH_ARGUMENTS);
    }

    private static TcxRedirect attach(int from, int to, int helper, int arguments) {
        Bpf code = new Bpf().move(1, to);
        for (int register = 2; register <= arguments; register++) {
            code.move(register, 0);
        }
        int program = code.call(helper).exit().load("drover_redirect");
        try {
            return new TcxRedirect(Bpf.linkIngress(program, from));
        } finally {
            Sys.close(program); // the link holds it
        }
    }

    /** Ends the redirection. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Sys.close(link);
        }
    }
}
