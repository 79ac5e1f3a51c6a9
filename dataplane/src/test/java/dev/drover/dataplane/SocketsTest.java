package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several listeners of one process on one port, at different addresses. */
@Timeout(30)
final class SocketsTest {
    private static final String EVERY = "0.0.0.0";
    private static final String ONE = "127.0.0.7";

    private final Lanes lanes = Lanes.open(Transport.EPOLL, 1);

    @AfterEach
    void close() {
        lanes.close();
    }

    /** Says {@code greeting} to whoever connects. */
    private ChannelFuture listen(String address, int port, char greeting) {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(lanes.group())
                .option(ChannelOption.SO_REUSEADDR, true)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                            @Override
                            public void channelActive(ChannelHandlerContext context) {
                                context.writeAndFlush(Unpooled.wrappedBuffer(new byte[] {(byte) greeting}))
                                        .addListener(ChannelFutureListener.CLOSE);
                            }
                        });
                    }
                });
        return lanes.sockets()
                .listen(bootstrap, new InetSocketAddress(InetAddress.ofLiteral(address), port))
                .awaitUninterruptibly();
    }

    private static int port(ChannelFuture listening) {
        assertThat(listening.isSuccess()).as("%s", listening.cause()).isTrue();
        return ((InetSocketAddress) listening.channel().localAddress()).getPort();
    }

    private static char greeting(String address, int port) throws IOException {
        try (Socket socket = new Socket(InetAddress.ofLiteral(address), port)) {
            return (char) socket.getInputStream().read();
        }
    }

    @Test
    void theMoreExactAddressGetsItsConnectionsThoughEveryAddressIsListenedOn() throws IOException {
        int port = port(listen(EVERY, 0, 'e'));
        port(listen(ONE, port, 'o'));
        for (int i = 0; i < 50; i++) {
            assertThat(greeting(ONE, port)).isEqualTo('o');
            assertThat(greeting("127.0.0.1", port)).isEqualTo('e');
        }
    }

    @Test
    void theOrderOfTheirStartsDoesNotMatter() throws IOException {
        ChannelFuture one = listen(ONE, 0, 'o');
        int port = port(one);
        port(listen(EVERY, port, 'e'));
        for (int i = 0; i < 50; i++) {
            assertThat(greeting(ONE, port)).isEqualTo('o');
            assertThat(greeting("127.0.0.1", port)).isEqualTo('e');
        }
        one.channel().close().awaitUninterruptibly();
        assertThat(greeting(ONE, port))
                .as("the other listener serves every address")
                .isEqualTo('e');
    }

    @Test
    void aPortOfSomebodyElseIsNotShared() throws IOException {
        try (ServerSocket foreign = new ServerSocket(0)) {
            assertThat(listen(ONE, foreign.getLocalPort(), 'o').cause()).hasMessageContaining("in use");
        }
        int port = port(listen(EVERY, 0, 'e'));
        assertThat(listen(EVERY, port, 'x').cause())
                .as("not even our own twice")
                .hasMessageContaining("in use");
    }

    @Test
    void anInheritedUdpSocketKeepsWhatHasComeIn() throws IOException {
        InetSocketAddress any = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
        UdpSocket former = lanes.sockets().bind(any, 65_536);
        InetSocketAddress address = new InetSocketAddress(any.getAddress(), former.port());
        assertThat(lanes.sockets().open())
                .containsExactly(new Sockets.Held(Sockets.Kind.DATAGRAM, address, former.fd()));
        try (DatagramSocket client = new DatagramSocket();
                Lanes successor = Lanes.open(Transport.EPOLL, 1);
                Slab slab = new Slab()) {
            client.send(new DatagramPacket(new byte[7], 7, address));
            successor.sockets().inherit(lanes.sockets().open());
            assertThat(successor.sockets().inherits(Sockets.Kind.DATAGRAM, address))
                    .isTrue();
            UdpSocket taken = successor.sockets().bind(address, 65_536);
            assertThat(taken.fd()).isEqualTo(former.fd());
            DatagramBatch batch = new DatagramBatch(1, 64, slab);
            assertThat(batch.receive(taken.fd())).isEqualTo(1);
            assertThat(batch.length(0)).isEqualTo(7);
            successor.sockets().close(taken);
            assertThat(successor.sockets().open()).isEmpty();
        }
    }

    @Test
    void theWildcardIsOfBothFamilies() throws IOException {
        UdpSocket every = lanes.sockets().bind(new InetSocketAddress(InetAddress.ofLiteral(EVERY), 0), 65_536);
        try (DatagramSocket client = new DatagramSocket();
                Slab slab = new Slab()) {
            DatagramBatch batch = new DatagramBatch(2, 64, slab);
            for (String to : List.of(ONE, "::1")) {
                client.send(new DatagramPacket(new byte[1], 1, InetAddress.ofLiteral(to), every.port()));
            }
            assertThat(batch.receive(every.fd())).isEqualTo(2);
            assertThat(SocketName.read(batch.name(0)).address()).isInstanceOf(Inet4Address.class);
            assertThat(SocketName.isIpv4(SocketName.high(batch.name(0)), SocketName.low(batch.name(0))))
                    .isTrue();
            assertThat(SocketName.read(batch.name(1)).address()).isEqualTo(InetAddress.ofLiteral("::1"));
        } finally {
            lanes.sockets().close(every);
        }
    }

    @Test
    void socketsOfAGroupShareTheirPortWithNobodyElse() throws IOException {
        InetSocketAddress any = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
        List<UdpSocket> group = lanes.sockets().bindGroup(any, 3, 65_536);
        InetSocketAddress address =
                new InetSocketAddress(any.getAddress(), group.getFirst().port());
        assertThat(group)
                .extracting(UdpSocket::port)
                .containsOnly(address.getPort())
                .hasSize(3);
        assertThatThrownBy(() -> lanes.sockets().bindGroup(address, 1, 65_536))
                .as("though the sockets would let it")
                .isInstanceOf(IOException.class)
                .hasMessageContaining("in use");
        try (Lanes successor = Lanes.open(Transport.EPOLL, 2)) {
            successor.sockets().inherit(lanes.sockets().open());
            assertThat(successor.sockets().bindGroup(address, 2, 65_536))
                    .as("each has a queue that must be read")
                    .extracting(UdpSocket::fd)
                    .containsExactlyInAnyOrderElementsOf(
                            group.stream().map(UdpSocket::fd).toList());
        }
        group.forEach(lanes.sockets()::close);
    }

    @Test
    void aGroupAtEveryAddressLeavesADatagramSocketOfOursItsOwn() throws IOException {
        UdpSocket exact = lanes.sockets().bind(new InetSocketAddress(InetAddress.ofLiteral(ONE), 0), 65_536);
        InetSocketAddress every = new InetSocketAddress(InetAddress.ofLiteral(EVERY), exact.port());
        List<UdpSocket> group = lanes.sockets().bindGroup(every, 2, 65_536);
        try (DatagramSocket client = new DatagramSocket();
                Slab slab = new Slab()) {
            DatagramBatch batch = new DatagramBatch(2, 64, slab);
            client.send(new DatagramPacket(new byte[5], 5, InetAddress.ofLiteral(ONE), exact.port()));
            assertThat(batch.receive(exact.fd())).isEqualTo(1);
            client.send(new DatagramPacket(new byte[5], 5, InetAddress.ofLiteral("127.0.0.1"), exact.port()));
            assertThat(batch.receive(exact.fd())).isEqualTo(-Sys.EAGAIN);
        } finally {
            lanes.sockets().close(exact);
            group.forEach(lanes.sockets()::close);
        }
    }
}
