package dev.drover.dataplane;

/** A system call that cold code could not do without has failed. */
public final class SysException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    /**
     * @param what the call and its object, e.g. {@code open /dev/net/tun}
     * @param errno positive
     */
    public SysException(String what, int errno) {
        super(what + ": " + Sys.message(errno));
        this.errno = errno;
    }

    public int errno() {
        return errno;
    }
}
