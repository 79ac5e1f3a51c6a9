package dev.drover.lb.path;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Receives the connections of one bound port, on the lane each was given to. What stands behind the port may change at
 * any time; connections keep what they found.
 */
@ChannelHandler.Sharable
public final class Entrance extends ChannelInitializer<Channel> {
    /**
     * What stands behind a port.
     *
     * @param http HTTP, or else a byte stream
     * @param passesTls whether the stream is TLS between client and target, routed by the server name
     * @param h2c whether clients without TLS may begin with HTTP/2
     * @param certificates null without TLS
     * @param proxies whose connections begin with a header of the PROXY protocol; null when none does
     * @param forwarders clients whose requests tell the truth in X-Forwarded-For and the like; null when none does
     * @param greeting how targets of a byte stream are told whose connection they get; null when they are not
     */
    public record Room(
            VirtualServer server,
            boolean http,
            boolean passesTls,
            boolean h2c,
            @Nullable Certificates certificates,
            @Nullable Networks proxies,
            @Nullable Networks forwarders,
            @Nullable ProxyGreeting greeting) {}

    private final List<LbLane> lanes;
    private volatile @Nullable Room room;

    public Entrance(List<LbLane> lanes) {
        this.lanes = List.copyOf(lanes);
    }

    /** @param to null refuses */
    public void lead(@Nullable Room to) {
        room = to;
    }

    @Override
    protected void initChannel(Channel channel) {
        Room to = room;
        if (to == null) {
            channel.close();
            return;
        }
        new Arrival(lane(), to, channel).begin();
    }

    private LbLane lane() {
        for (LbLane lane : lanes) {
            if (lane.loop().inEventLoop()) {
                return lane;
            }
        }
        throw new IllegalStateException(
                "thread: " + Thread.currentThread().getName() + " (expected: one of the lanes)");
    }
}
