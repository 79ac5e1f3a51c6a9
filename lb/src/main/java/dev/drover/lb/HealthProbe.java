package dev.drover.lb;

import dev.drover.lb.tls.TargetTlsStore;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/** Asks one target once whether it is well, over a connection of its own. Blocks; meant for a virtual thread. */
final class HealthProbe {
    private static final int MAX_STATUS_LINE_BYTES = 1_024;
    private static final String AGENT = "drover-health";

    private HealthProbe() {}

    /**
     * Why the target is not well, or empty when it is.
     *
     * @param protocol of the requests, by which the target is asked too
     * @param tls of the requests; null for none
     */
    static String check(
            HealthCheckConfig config, InetSocketAddress target, TargetProtocol protocol, @Nullable TargetTlsStore tls) {
        boolean http2 = config.type() == HealthCheckConfig.Type.GRPC || protocol == TargetProtocol.HTTP_2;
        InetSocketAddress address =
                config.port() == 0 ? target : new InetSocketAddress(target.getAddress(), config.port());
        long endNs = System.nanoTime() + config.timeout().toNanos();
        try (Socket socket = new Socket()) {
            socket.connect(address, leftMs(endNs));
            // Not one more connection in TIME_WAIT per check: what was asked has been answered.
            socket.setSoLinger(true, 0);
            Socket usable = encrypted(http2, address, socket, tls, endNs);
            Timed timed = new Timed(usable, endNs);
            return switch (config.type()) {
                case TCP -> "";
                case HTTP -> http2 ? http2(config, address, usable, timed) : http(config, address, usable, timed);
                case GRPC -> GrpcHealth.ask(new H2Call(usable, timed), scheme(usable), authority(config, address));
            };
        } catch (SocketTimeoutException e) {
            return "no answer within " + config.timeout().toMillis() + " ms";
        } catch (IOException e) {
            return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        }
    }

    private static Socket encrypted(
            boolean http2, InetSocketAddress address, Socket socket, @Nullable TargetTlsStore tls, long endNs)
            throws IOException {
        if (tls == null) {
            return socket;
        }
        socket.setSoTimeout(leftMs(endNs));
        return tls.connect(socket, address, http2 ? "h2" : null);
    }

    private static String scheme(Socket socket) {
        return socket instanceof SSLSocket ? "https" : "http";
    }

    private static String http2(HealthCheckConfig config, InetSocketAddress address, Socket socket, Timed timed)
            throws IOException {
        H2Call.Answer answer = new H2Call(socket, timed)
                .ask(
                        null,
                        0,
                        ":method",
                        "GET",
                        ":scheme",
                        scheme(socket),
                        ":path",
                        config.path(),
                        ":authority",
                        authority(config, address),
                        "user-agent",
                        AGENT,
                        "accept",
                        "*/*");
        return verdict(config, answer.status());
    }

    private static String verdict(HealthCheckConfig config, int status) {
        return status >= config.expectFrom() && status <= config.expectTo() ? "" : "status " + status;
    }

    private static String http(HealthCheckConfig config, InetSocketAddress address, Socket socket, Timed timed)
            throws IOException {
        String request = "GET " + config.path() + " HTTP/1.1\r\nHost: " + authority(config, address)
                + "\r\nUser-Agent: " + AGENT + "\r\nAccept: */*\r\nConnection: close\r\n\r\n";
        OutputStream out = socket.getOutputStream();
        out.write(request.getBytes(StandardCharsets.ISO_8859_1));
        String line = statusLine(timed);
        if (!line.matches("HTTP/1\\.[01] [1-5][0-9][0-9]( .*)?")) {
            return "no HTTP response";
        }
        return verdict(config, Integer.parseInt(line.substring(9, 12)));
    }

    private static String statusLine(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int b = in.read(); b >= 0 && b != '\r' && b != '\n'; b = in.read()) {
            if (line.length() == MAX_STATUS_LINE_BYTES) {
                break;
            }
            line.append((char) b);
        }
        return line.toString();
    }

    private static String authority(HealthCheckConfig config, InetSocketAddress address) {
        return config.host() == null ? Addresses.text(address) : config.host();
    }

    private static int leftMs(long endNs) throws SocketTimeoutException {
        long leftMs = (endNs - System.nanoTime()) / 1_000_000;
        if (leftMs < 1) {
            throw new SocketTimeoutException();
        }
        return Math.toIntExact(leftMs);
    }

    /** Reads from a socket until a moment; a byte now and then does not put it off. */
    static final class Timed extends InputStream {
        private final Socket socket;
        private final InputStream in;
        private final long endNs;

        Timed(Socket socket, long endNs) throws IOException {
            this.socket = socket;
            this.endNs = endNs;
            in = socket.getInputStream();
        }

        @Override
        public int read() throws IOException {
            socket.setSoTimeout(leftMs(endNs));
            return in.read();
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            socket.setSoTimeout(leftMs(endNs));
            return in.read(target, offset, length);
        }

        DataInputStream data() {
            return new DataInputStream(this);
        }
    }
}
