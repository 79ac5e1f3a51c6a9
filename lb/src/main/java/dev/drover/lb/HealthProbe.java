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
import org.jspecify.annotations.Nullable;

/** Asks one target once whether it is well, over a connection of its own. Blocks; meant for a virtual thread. */
final class HealthProbe {
    private static final int MAX_STATUS_LINE_BYTES = 1_024;

    private HealthProbe() {}

    /**
     * Why the target is not well, or empty when it is.
     *
     * @param tls by which the target is asked as its requests are; null for none
     */
    static String check(HealthCheckConfig config, InetSocketAddress target, @Nullable TargetTlsStore tls) {
        InetSocketAddress address =
                config.port() == 0 ? target : new InetSocketAddress(target.getAddress(), config.port());
        long endNs = System.nanoTime() + config.timeout().toNanos();
        try (Socket socket = new Socket()) {
            socket.connect(address, leftMs(endNs));
            // Not one more connection in TIME_WAIT per check: what was asked has been answered.
            socket.setSoLinger(true, 0);
            return ask(config, address, encrypted(config, address, socket, tls, endNs), endNs);
        } catch (SocketTimeoutException e) {
            return "no answer within " + config.timeout().toMillis() + " ms";
        } catch (IOException e) {
            return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        }
    }

    private static Socket encrypted(
            HealthCheckConfig config,
            InetSocketAddress address,
            Socket socket,
            @Nullable TargetTlsStore tls,
            long endNs)
            throws IOException {
        if (tls == null) {
            return socket;
        }
        socket.setSoTimeout(leftMs(endNs));
        return tls.connect(socket, address, config.type() == HealthCheckConfig.Type.GRPC ? "h2" : null);
    }

    private static String ask(HealthCheckConfig config, InetSocketAddress address, Socket socket, long endNs)
            throws IOException {
        return switch (config.type()) {
            case TCP -> "";
            case HTTP -> http(config, address, socket, endNs);
            case GRPC -> GrpcHealth.ask(socket, authority(config, address), new Timed(socket, endNs));
        };
    }

    private static String http(HealthCheckConfig config, InetSocketAddress address, Socket socket, long endNs)
            throws IOException {
        String request = "GET " + config.path() + " HTTP/1.1\r\nHost: " + authority(config, address)
                + "\r\nUser-Agent: drover-health\r\nAccept: */*\r\nConnection: close\r\n\r\n";
        OutputStream out = socket.getOutputStream();
        out.write(request.getBytes(StandardCharsets.ISO_8859_1));
        String line = statusLine(new Timed(socket, endNs));
        if (!line.matches("HTTP/1\\.[01] [1-5][0-9][0-9]( .*)?")) {
            return "no HTTP response";
        }
        int status = Integer.parseInt(line.substring(9, 12));
        return status >= config.expectFrom() && status <= config.expectTo() ? "" : "status " + status;
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
