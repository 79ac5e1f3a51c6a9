package dev.drover.lb.path;

import dev.drover.dataplane.FdWatch;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.UdpSocket;
import org.jspecify.annotations.Nullable;

/** Finds targets for the UDP sessions of a lane, one session at a time, and connects a socket to them. */
final class UdpConnector {
    private final Lanes lanes;
    private final LbLane lane;
    private @Nullable Selection selection;
    private @Nullable VirtualServer selects;

    UdpConnector(Lanes lanes, LbLane lane) {
        this.lanes = lanes;
        this.lane = lane;
    }

    /**
     * Whether an error of a connected socket is what the target, or a router on the way, has answered: ICMP port, host or
     * network unreachable.
     */
    static boolean speaksAgainstTarget(int errno) {
        return errno == Sys.ECONNREFUSED || errno == Sys.EHOSTUNREACH || errno == Sys.ENETUNREACH;
    }

    /** From now on {@link #connect} is for {@code session}, which has tried no target yet; false when there is no way. */
    @SuppressWarnings("ReferenceEquality") // the very one
    private boolean begin(UdpSession session) {
        if (selection == null || selects != session.server) {
            selection = new Selection(lane, session.server);
            selects = session.server;
        }
        if (selection.begin(session.sourceHash) == null) {
            return true;
        }
        selection = null;
        selects = null;
        return false;
    }

    /**
     * Attaches {@code session} to a target it has not tried.
     *
     * @param anew whether it has tried none
     * @param name room for a {@link SocketName}
     * @param onReadable runs on the lane when the target has answered, or refused
     * @return null, or why it has no target
     */
    @Nullable
    DatagramDrop connect(UdpSession session, boolean anew, long name, Runnable onReadable) {
        if (anew && !begin(session) || selection == null) {
            return DatagramDrop.NO_TARGET;
        }
        for (Target next = selection.next(); next != null; next = selection.next()) {
            int fd = UdpSocket.connected(
                    SocketName.of(next.address().getAddress(), next.address().getPort()), name);
            if (fd >= 0) {
                FdWatch watch = FdWatch.start(lanes, lane.index(), fd, onReadable);
                session.attach(selection.pool(), next, fd, watch);
                lane.count(Event.UPSTREAM_CONNECTED);
                return null;
            }
            if (!speaksAgainstTarget(-fd)) {
                return fd == -Sys.EMFILE || fd == -Sys.ENFILE ? DatagramDrop.NO_DESCRIPTOR : DatagramDrop.IO_ERROR;
            }
            onFailure(next);
            selection.failedAt(next);
        }
        return DatagramDrop.NO_TARGET;
    }

    /**
     * The target of {@code session} refused a datagram: the session leaves it.
     *
     * @param anew as for {@link #connect}, which then goes elsewhere
     */
    void failed(UdpSession session, boolean anew) {
        Target target = session.target();
        if (target == null) {
            return;
        }
        onFailure(target);
        if (!anew || begin(session)) {
            failedAt(target);
        }
        session.detach();
    }

    private void failedAt(Target target) {
        if (selection != null) {
            selection.failedAt(target);
        }
    }

    /** Many sessions at a dead target notice at once; that is one failure of it. */
    private void onFailure(Target target) {
        lane.count(Event.UPSTREAM_CONNECT_FAILED);
        if (!target.backingOff(System.nanoTime())) {
            target.connectFailed(lane);
        }
    }
}
